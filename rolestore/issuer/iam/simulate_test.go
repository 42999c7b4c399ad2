package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const (
	rolePre = "arn:aws:iam::" + account + ":role/"
	alice   = "arn:aws:iam::" + account + ":user/alice"
)

// simulatedWorld is a world with a role, and a user in a group.
func simulatedWorld(t testing.TB) (*world, *awsiam.Client) {
	t.Helper()
	own := may("own", `"Effect":"Allow","Action":["s3:Get*","sts:AssumeRole"],"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a","s3:prefix":"x"}}`,
		`"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::secret/*"`)
	own.Tags, own.ManagedPolicies, own.PermissionsBoundary = map[string]string{"team": "a"}, []string{readOnly}, readOnly
	target := may("target")
	target.AssumeRolePolicyDocument = []byte(statement(`"Effect":"Allow","Principal":{"AWS":"` + rolePre + `own"},"Action":"sts:AssumeRole"`))
	definitions := standard(own, target, may("onlyown", `"Effect":"Allow","Action":["iam:Simulate*","iam:GetContextKeys*"],"Resource":"`+rolePre+`own"`))
	a := &definitions.Accounts[0]
	a.Groups = []directory.GroupDefinition{{Name: "staff", Policies: map[string][]byte{"queue": []byte(statement(`"Effect":"Allow","Action":"sqs:*","Resource":"*"`))},
		ManagedPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}}}
	a.Users = []directory.UserDefinition{{Name: "alice", Groups: []string{"staff"}, Policies: map[string][]byte{"tables": []byte(statement(`"Effect":"Allow","Action":"dynamodb:*","Resource":"*"`))}}}
	w := newWorld(t, definitions)
	return w, w.role(t, "admin")
}

// retried lets the SDK ask again. It closes a request's body as soon as the reply begins,
// and where that is before Go's client looked whether the body had ended, that closes the
// connection under a reply of more than 4 KiB.
func retried(o *awsiam.Options) {
	o.RetryMaxAttempts = 10
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = 10, time.Millisecond })
}

func entry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: str(name), ContextKeyType: kind, ContextKeyValues: values}
}

// saidOf is a result in one line: decision, statements, missing keys.
func saidOf(decision types.PolicyEvaluationDecisionType, statements []types.Statement, missing []string, boundary *types.PermissionsBoundaryDecisionDetail) string {
	line := string(decision)
	for _, s := range statements {
		line += fmt.Sprintf(" %s:%s", s.SourcePolicyType, *s.SourcePolicyId)
		if s.StartPosition != nil {
			line += fmt.Sprintf("@%d:%d-%d:%d", s.StartPosition.Line, s.StartPosition.Column, s.EndPosition.Line, s.EndPosition.Column)
		}
	}
	if len(missing) > 0 {
		line += " ?" + strings.Join(missing, ",")
	}
	if boundary != nil {
		line += fmt.Sprint(" bounded=", boundary.AllowedByPermissionsBoundary)
	}
	return line
}

func ofResult(r types.EvaluationResult) string {
	return saidOf(r.EvalDecision, r.MatchedStatements, r.MissingContextValues, r.PermissionsBoundaryDecisionDetail)
}

func TestASimulationOfAPrincipal(t *testing.T) {
	_, admin := simulatedWorld(t)
	simulate := func(source, action, resource string, context ...types.ContextEntry) string {
		t.Helper()
		in := &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: str(source), ActionNames: []string{action}, ContextEntries: context}
		if resource != "" {
			in.ResourceArns = []string{resource}
		}
		out, err := admin.SimulatePrincipalPolicy(t.Context(), in)
		must(t, err)
		if len(out.EvaluationResults) != 1 || out.IsTruncated {
			t.Fatalf("%+v", out)
		}
		r := out.EvaluationResults[0]
		if *r.EvalActionName != action {
			t.Errorf("of %s", *r.EvalActionName)
		}
		if resource == "" || resource == "*" {
			if *r.EvalResourceName != "*" || r.ResourceSpecificResults != nil {
				t.Errorf("of %+v", r)
			}
			return ofResult(r)
		}
		if *r.EvalResourceName != resource || len(r.ResourceSpecificResults) != 1 || *r.ResourceSpecificResults[0].EvalResourceName != resource ||
			r.ResourceSpecificResults[0].EvalResourceDecision != r.EvalDecision || len(r.MissingContextValues) > 0 {
			t.Errorf("of %+v", r)
		}
		one := r.ResourceSpecificResults[0]
		return saidOf(one.EvalResourceDecision, one.MatchedStatements, one.MissingContextValues, one.PermissionsBoundaryDecisionDetail)
	}
	prefix := entry("s3:prefix", "string", "x")
	for _, test := range []struct {
		source, action, resource string
		context                  []types.ContextEntry
		want                     string
	}{
		{rolePre + "own", "s3:GetObject", "", nil, "allowed user-managed:read@1:38-1:90 user-managed:read@1:38-1:90 ?s3:prefix bounded=true"},
		{rolePre + "own", "s3:GetObject", "arn:aws:s3:::b/k", []types.ContextEntry{prefix}, "allowed role:a@1:38-1:184 user-managed:read@1:38-1:90 user-managed:read@1:38-1:90 bounded=true"},
		{rolePre + "own", "s3:GetObject", "arn:aws:s3:::secret/k", nil, "explicitDeny role:b@1:38-1:114 ?s3:prefix bounded=true"},
		{rolePre + "own", "sqs:SendMessage", "", nil, "implicitDeny bounded=false"},
		{rolePre + "own", "sts:AssumeRole", rolePre + "target", []types.ContextEntry{prefix}, "implicitDeny resource:AssumeRolePolicyDocument role:a@1:38-1:184 bounded=false"},
		{rolePre + "own", "s3:GetObject", "", []types.ContextEntry{prefix, entry("aws:PrincipalTag/team", "string", "b")}, "allowed user-managed:read@1:38-1:90 user-managed:read@1:38-1:90 bounded=true"},
		{alice, "dynamodb:GetItem", "", nil, "allowed user:tables@1:38-1:93 aws-managed:AdministratorAccess@1:38-1:84"},
		{alice, "sqs:SendMessage", "", nil, "allowed group:queue@1:38-1:88 aws-managed:AdministratorAccess@1:38-1:84"},
		{"arn:aws:iam::" + account + ":group/staff", "sqs:SendMessage", "", nil, "allowed group:queue@1:38-1:88 aws-managed:AdministratorAccess@1:38-1:84"},
		{alice, "sts:AssumeRole", rolePre + "target", nil, "implicitDeny aws-managed:AdministratorAccess@1:38-1:84"},
	} {
		if got := simulate(test.source, test.action, test.resource, test.context...); got != test.want {
			t.Errorf("%s of %s on %s:\n%s, want\n%s", test.action, test.source, test.resource, got, test.want)
		}
	}
	keys, err := admin.GetContextKeysForPrincipalPolicy(t.Context(), &awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: str(rolePre + "own"),
		PolicyInputList: []string{statement(`"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3:::${aws:username}"`)}})
	must(t, err)
	if !slices.Equal(keys.ContextKeyNames, []string{"aws:PrincipalTag/team", "aws:username", "s3:prefix"}) {
		t.Errorf("keys %q", keys.ContextKeyNames)
	}
}

func TestASimulationOfPoliciesThatArePassed(t *testing.T) {
	_, admin := simulatedWorld(t)
	simulate := func(in awsiam.SimulateCustomPolicyInput) (string, error) {
		if in.ActionNames == nil {
			in.ActionNames = []string{"s3:GetObject"}
		}
		out, err := admin.SimulateCustomPolicy(t.Context(), &in)
		if err != nil {
			return "", err
		}
		r := out.EvaluationResults[0]
		return saidOf(r.EvalDecision, r.MatchedStatements, nil, r.PermissionsBoundaryDecisionDetail), nil
	}
	const theirs = "arn:aws:iam::" + other + ":user/bob"
	allow := []string{statement(`"Effect":"Allow","Action":"s3:*","Resource":"*"`)}
	conditional := func(operator, key, value string) []string {
		return []string{statement(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"` + operator + `":{"` + key + `":` + value + `}}`)}
	}
	bucket := func(principal string) *string {
		return str(statement(`"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`))
	}
	const passed = " none:PolicyInputList.1@"
	for name, test := range map[string]struct {
		in   awsiam.SimulateCustomPolicyInput
		want string
	}{
		"allowed":          {awsiam.SimulateCustomPolicyInput{PolicyInputList: allow}, "allowed" + passed},
		"out of bounds":    {awsiam.SimulateCustomPolicyInput{PolicyInputList: allow, PermissionsBoundaryPolicyInputList: []string{statement(`"Effect":"Allow","Action":"a:b","Resource":"*"`)}}, "implicitDeny" + passed},
		"of an own bucket": {awsiam.SimulateCustomPolicyInput{PolicyInputList: allow, ResourceArns: []string{"arn:aws:s3:::b/k"}}, "allowed" + passed},
		"by the bucket":    {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("Null", "aws:CurrentTime", `"true"`), ResourceArns: []string{"arn:aws:s3:::b/k"}, CallerArn: str(alice), ResourcePolicy: bucket(`{"AWS":"` + alice + `"}`)}, "allowed resource:ResourcePolicy@"},
		"another's":        {awsiam.SimulateCustomPolicyInput{PolicyInputList: allow, ResourceArns: []string{"arn:aws:s3:::b/k"}, CallerArn: str(theirs), ResourceOwner: str("arn:aws:iam::" + account + ":root"), ResourcePolicy: bucket(`{"AWS":"` + account + `"}`)}, "implicitDeny" + passed},
		"lent":             {awsiam.SimulateCustomPolicyInput{PolicyInputList: allow, ResourceArns: []string{"arn:aws:s3:::b/k"}, CallerArn: str(theirs), ResourceOwner: str(account), ResourcePolicy: bucket(`{"AWS":"` + other + `"}`)}, "allowed resource:ResourcePolicy@"},
		"a number":         {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("NumericLessThan", "s3:max-keys", "10"), ContextEntries: []types.ContextEntry{entry("s3:max-keys", "numeric", "9")}}, "allowed" + passed},
		"a list":           {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("ForAllValues:StringEquals", "aws:TagKeys", `["a","b"]`), ContextEntries: []types.ContextEntry{entry("aws:TagKeys", "stringList", "a", "c")}}, "implicitDeny"},
		"bytes":            {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("BinaryEquals", "a:key", `"QmluYXJ5"`), ContextEntries: []types.ContextEntry{entry("a:key", "binary", "QmluYXJ5")}}, "allowed" + passed},
		"an address":       {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("IpAddress", "aws:SourceIp", `"10.0.0.0/8"`), ContextEntries: []types.ContextEntry{entry("aws:SourceIp", "ip", "10.1.2.3")}}, "allowed" + passed},
		"a date":           {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("DateLessThan", "aws:CurrentTime", `"2020-01-01T00:00:00Z"`), ContextEntries: []types.ContextEntry{entry("aws:CurrentTime", "date", "2019-06-01T00:00:00Z")}}, "allowed" + passed},
		"a truth":          {awsiam.SimulateCustomPolicyInput{PolicyInputList: conditional("Bool", "aws:SecureTransport", `"true"`), ContextEntries: []types.ContextEntry{entry("aws:SecureTransport", "boolean", "false")}}, "implicitDeny"},
	} {
		got, err := simulate(test.in)
		if err != nil || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s %v, want %s", name, got, err, test.want)
		}
	}
	for part, in := range map[string]awsiam.SimulateCustomPolicyInput{
		"InvalidInput: PolicyInputList.2: ":             {PolicyInputList: []string{allow[0], "{}"}},
		"InvalidInput: Only one permissions boundary":   {PolicyInputList: allow, PermissionsBoundaryPolicyInputList: slices.Repeat(allow, 2)},
		"InvalidInput: Invalid action name: s3:Get*":    {PolicyInputList: allow, ActionNames: []string{"s3:Get*"}},
		"InvalidInput: Invalid action name: GetObject":  {PolicyInputList: allow, ActionNames: []string{"GetObject"}},
		"InvalidInput: Invalid resource ARN: b/k":       {PolicyInputList: allow, ResourceArns: []string{"b/k"}},
		"InvalidInput: Invalid CallerArn":               {PolicyInputList: allow, CallerArn: str(rolePre + "own")},
		"InvalidInput: Invalid ResourceOwner":           {PolicyInputList: allow, ResourceOwner: str("me")},
		"InvalidInput: CallerArn is required":           {PolicyInputList: allow, ResourcePolicy: bucket(`"*"`)},
		"InvalidInput: ResourcePolicy: ":                {PolicyInputList: allow, CallerArn: str(alice), ResourcePolicy: str(`{"Statement":[]}`)},
		"InvalidInput: A value of the context key a:bc": {PolicyInputList: allow, ContextEntries: []types.ContextEntry{entry("a:bcd", "numeric", "x")}},
		"InvalidInput: The context key a:bcd is of":     {PolicyInputList: allow, ContextEntries: []types.ContextEntry{entry("a:bcd", "string", "x", "y")}},
		"InvalidInput: The context key A:BCD is given":  {PolicyInputList: allow, ContextEntries: []types.ContextEntry{entry("a:bcd", "string", "x"), entry("A:BCD", "string", "x")}},
		"ValidationError: 1 validation error":           {PolicyInputList: allow, ContextEntries: []types.ContextEntry{entry("a:bcd", "text", "x")}},
		"ValidationError: Invalid Marker.":              {PolicyInputList: allow, Marker: str("x")},
		"ValidationError: ResourceHandlingOption is no": {PolicyInputList: allow, ResourceHandlingOption: str("EC2-VPC-EBS")},
	} {
		code, text, _ := strings.Cut(part, ": ")
		_, err := simulate(in)
		refused(t, err, code, text)
	}
}

func TestWhoMaySimulate(t *testing.T) {
	w, admin := simulatedWorld(t)
	only := w.role(t, "onlyown")
	in := func(arn string) *awsiam.SimulatePrincipalPolicyInput {
		return &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: str(arn), ActionNames: []string{"a:b"}}
	}
	_, err := only.SimulatePrincipalPolicy(t.Context(), in(rolePre+"own"))
	must(t, err)
	_, err = only.SimulatePrincipalPolicy(t.Context(), in(rolePre+"target"))
	refused(t, err, "AccessDenied", "iam:SimulatePrincipalPolicy on resource: "+rolePre+"target")
	_, err = only.GetContextKeysForPrincipalPolicy(t.Context(), &awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: str(alice)})
	refused(t, err, "AccessDenied", "iam:GetContextKeysForPrincipalPolicy")
	_, err = only.SimulateCustomPolicy(t.Context(), &awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{allowAll}, ActionNames: []string{"a:b"}})
	refused(t, err, "AccessDenied", "iam:SimulateCustomPolicy on resource: *")
	for _, arn := range []string{rolePre + "none", "arn:aws:iam::" + other + ":role/admin", "arn:aws:iam::" + account + ":root", "arn:aws:iam::" + account + ":group/alice"} {
		_, err = admin.SimulatePrincipalPolicy(t.Context(), in(arn))
		refused(t, err, "NoSuchEntity", arn)
	}
}

func TestSimulationsComeInPages(t *testing.T) {
	_, admin := simulatedWorld(t)
	var actions, resources, keys []string
	for i := range 20 {
		actions = append(actions, fmt.Sprintf("s3:Get%d", i))
		resources = append(resources, fmt.Sprintf("arn:aws:s3:::b/%d", i))
	}
	in := &awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{allowAll}, ActionNames: actions, ResourceArns: resources, MaxItems: aws.Int32(150)}
	for i := range 300 { // more parameters than most operations take
		in.ContextEntries = append(in.ContextEntries, entry(fmt.Sprintf("a:key%d", i), "string", "x"))
	}
	pages := awsiam.NewSimulateCustomPolicyPaginator(admin, in)
	n := 0
	for ; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context(), retried)
		must(t, err)
		for _, r := range out.EvaluationResults {
			keys = append(keys, *r.EvalActionName+" "+*r.EvalResourceName)
		}
	}
	slices.Sort(keys)
	if n != 3 || len(keys) != 400 || len(slices.Compact(keys)) != 400 {
		t.Errorf("%d pages, %d results", n, len(keys))
	}
	// What takes long comes in smaller pages. This policy is all that one may hold.
	var statements []string
	for range 500 {
		statements = append(statements, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	}
	in.ContextEntries, in.MaxItems = nil, aws.Int32(1000)
	in.PolicyInputList = []string{`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`}
	out, err := admin.SimulateCustomPolicy(t.Context(), in, retried)
	must(t, err)
	if len(out.EvaluationResults) == 0 || len(out.EvaluationResults) > 100 || !out.IsTruncated {
		t.Errorf("%d results of a policy of 500 statements in a page", len(out.EvaluationResults))
	}
}
