package iam

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// pick is one of them.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomPolicy is one whose statements may or may not be about what the test asks for.
func randomPolicy(r *rand.Rand) []byte {
	var statements []string
	for range 1 + r.IntN(3) {
		s := `"Effect":"` + pick(r, "Allow", "Allow", "Allow", "Deny") + `","` + pick(r, "Action", "Action", "Action", "NotAction") + `":` +
			pick(r, `"*"`, `"iam:*"`, `"iam:Get*"`, `"IAM:getrole"`, `["iam:List*","iam:UpdateRole"]`, `"s3:*"`) + `,"` + pick(r, "Resource", "Resource", "Resource", "NotResource") + `":` +
			pick(r, `"*"`, `"*"`, `"`+rolePre+`target"`, `"`+rolePre+`t?r*"`, `"`+rolePre+`${aws:PrincipalTag/goal}"`, `"`+rolePre+`${aws:username, 'target'}"`, `"`+rolePre+`other"`)
		if r.IntN(2) == 0 {
			s += `,"Condition":{` + pick(r, `"StringEquals":{"aws:PrincipalTag/goal":"target"}`, `"StringNotEquals":{"aws:PrincipalTag/team":"a"}`, `"Null":{"aws:username":"true"}`,
				`"StringLikeIfExists":{"aws:userid":"*:test"}`, `"Bool":{"aws:SecureTransport":"true"}`, `"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, `"StringEquals":{"aws:ResourceTag/team":["a","b"]}`,
				`"StringEquals":{"iam:ResourceTag/none":"a"}`, `"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}`, `"StringEquals":{"aws:PrincipalType":"User"}`,
				`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/s*"}`, `"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}`, `"StringEquals":{"aws:RequestedRegion":"eu-west-1"}`,
				`"StringNotEquals":{"aws:PrincipalAccount":"`+account+`"}`, `"Bool":{"aws:ViaAWSService":"false"}`, `"NumericGreaterThan":{"aws:EpochTime":"1"}`) + `}`
		}
		statements = append(statements, `{`+s+`}`)
	}
	return []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

// TestASimulationAgreesWithWhatIsDecided asks for things with random policies, and has
// the same simulated.
func TestASimulationAgreesWithWhatIsDecided(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1)) //nolint:gosec // the same each time
	w := newWorld(t, standard())
	admin, seen := w.role(t, "admin"), map[string]int{}
	for round := range 60 {
		definitions := standard(directory.RoleDefinition{Name: "target", AssumeRolePolicyDocument: []byte(trustEC2), Tags: map[string]string{"team": "b"}})
		a := &definitions.Accounts[0]
		inline := map[string][]byte{"one": randomPolicy(r)}
		a.Policies = append(a.Policies, directory.PolicyDefinition{Name: "managed", Document: randomPolicy(r)}, directory.PolicyDefinition{Name: "limit", Document: randomPolicy(r)})
		managed, limit, tags := []string{"arn:aws:iam::" + account + ":policy/managed"}, pick(r, "", "arn:aws:iam::"+account+":policy/limit"), map[string]string{"goal": pick(r, "target", "x"), "team": pick(r, "a", "b")}
		a.Groups = []directory.GroupDefinition{{Name: "group", Policies: map[string][]byte{"two": randomPolicy(r)}}}
		a.Roles = append(a.Roles, directory.RoleDefinition{Name: "subject", AssumeRolePolicyDocument: []byte(trustEC2), Policies: inline, ManagedPolicies: managed, PermissionsBoundary: limit, Tags: tags})
		a.Users = []directory.UserDefinition{{Name: "subject", Groups: []string{"group"}, Policies: inline, ManagedPolicies: managed, PermissionsBoundary: limit, Tags: tags,
			AccessKeys: []directory.AccessKeyDefinition{{ID: "AKIASUBJECT222222222", Secret: rolestore.NewSecret(strings.Repeat("s", 40)), Status: "Active"}}}}
		_, err := w.directory.Reconcile(definitions, true)
		must(t, err)

		// What a request brings with it, and nobody can know before.
		context := []types.ContextEntry{entry("aws:SourceIp", "ip", "127.0.0.1"), entry("aws:SecureTransport", "boolean", "false"), entry("aws:RequestedRegion", "string", "eu-west-1"),
			entry("aws:ResourceTag/team", "string", "b"), entry("iam:ResourceTag/team", "string", "b")}
		role := w.directory.Snapshot().RoleByName(account, "subject")
		agrees(t, round, seen, admin, w.role(t, "subject"), role.ARN(), append([]types.ContextEntry{entry("aws:userid", "string", role.UniqueID+":test"), entry("aws:MultiFactorAuthPresent", "boolean", "false")}, context...))
		user := w.as(rolestore.Credentials{AccessKeyID: "AKIASUBJECT222222222", SecretAccessKey: rolestore.NewSecret(strings.Repeat("s", 40))})
		agrees(t, round, seen, admin, user, "arn:aws:iam::"+account+":user/subject", context)
	}
	for _, decision := range []string{"allowed", "explicitDeny", "implicitDeny"} {
		if seen[decision] < 25 {
			t.Errorf("%s was decided %d times", decision, seen[decision])
		}
	}
}

// agrees compares what becomes of three calls with what is said of them.
func agrees(t *testing.T, round int, seen map[string]int, admin, subject *awsiam.Client, arn string, context []types.ContextEntry) {
	t.Helper()
	target := str("target")
	_, get := subject.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: target})
	_, list := subject.ListRolePolicies(t.Context(), &awsiam.ListRolePoliciesInput{RoleName: target})
	_, update := subject.UpdateRole(t.Context(), &awsiam.UpdateRoleInput{RoleName: target})
	out, err := admin.SimulatePrincipalPolicy(t.Context(), &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: str(arn), ContextEntries: context,
		ActionNames: []string{"iam:GetRole", "iam:ListRolePolicies", "iam:UpdateRole"}, ResourceArns: []string{rolePre + "target"}}, retried)
	must(t, err)
	for i, real := range []error{get, list, update} {
		want := "allowed"
		var refusal smithy.APIError
		switch {
		case errors.As(real, &refusal) && refusal.ErrorCode() == "AccessDenied" && strings.Contains(refusal.ErrorMessage(), "with an explicit deny"):
			want = "explicitDeny"
		case errors.As(real, &refusal) && refusal.ErrorCode() == "AccessDenied":
			want = "implicitDeny"
		case real != nil && !strings.Contains(real.Error(), "UnmodifiableEntity"): // the target is the file's
			t.Fatal(real)
		}
		seen[want]++
		if r := out.EvaluationResults[i]; string(r.EvalDecision) != want {
			t.Errorf("round %d: %s of %s: simulated it is %s, in truth %s (%v): %s", round, *r.EvalActionName, arn, r.EvalDecision, want, real, fmt.Sprint(ofResult(r)))
		}
	}
}
