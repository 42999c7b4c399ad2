package iam

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestInlinePoliciesOfARole(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	put := func(name, document string) error {
		_, err := admin.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{RoleName: str("web"), PolicyName: &name, PolicyDocument: &document})
		return err
	}
	must(t, put("b", allowAll))
	must(t, put("a", allowAll))
	must(t, put("a", statement(`"Effect":"Allow","Action":"iam:List*","Resource":"*"`)))
	names, err := admin.ListRolePolicies(t.Context(), &awsiam.ListRolePoliciesInput{RoleName: str("web"), MaxItems: aws.Int32(1)})
	must(t, err)
	rest, err := admin.ListRolePolicies(t.Context(), &awsiam.ListRolePoliciesInput{RoleName: str("web"), Marker: names.Marker})
	must(t, err)
	if !names.IsTruncated || !slices.Equal(slices.Concat(names.PolicyNames, rest.PolicyNames), []string{"a", "b"}) || rest.IsTruncated {
		t.Errorf("%q and %q", names.PolicyNames, rest.PolicyNames)
	}
	got, err := admin.GetRolePolicy(t.Context(), &awsiam.GetRolePolicyInput{RoleName: str("web"), PolicyName: str("b")})
	must(t, err)
	if text, err := url.PathUnescape(*got.PolicyDocument); err != nil || text != allowAll || *got.RoleName != "web" || *got.PolicyName != "b" {
		t.Errorf("it is %s of %s, %s", *got.PolicyName, *got.RoleName, *got.PolicyDocument)
	}
	_, err = w.role(t, "web").ListRoles(t.Context(), nil)
	must(t, err) // what was put counts for the next request
	_, err = admin.GetRolePolicy(t.Context(), &awsiam.GetRolePolicyInput{RoleName: str("web"), PolicyName: str("c")})
	refused(t, err, "NoSuchEntity", "The role policy with name c cannot be found.")
	_, err = admin.DeleteRolePolicy(t.Context(), &awsiam.DeleteRolePolicyInput{RoleName: str("web"), PolicyName: str("c")})
	refused(t, err, "NoSuchEntity", "The role policy with name c cannot be found.")
	refused(t, put("c", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`), "MalformedPolicyDocument", "Policy document should not specify a principal.")
	refused(t, put("c", "{"), "MalformedPolicyDocument", "This policy contains invalid Json")
	long := func(n int) string {
		return statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("b", n) + `"`)
	}
	refused(t, put("c", long(10240)), "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role web")
	must(t, put("c", long(5000)))
	refused(t, put("d", long(5000)), "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role web")
}

func TestManagedPoliciesOfARole(t *testing.T) {
	d := standard()
	for i := range maxPoliciesPerRole + 1 {
		p := d.Accounts[0].Policies[0]
		p.Name, p.Path = fmt.Sprintf("p%02d", i), "/many/"
		d.Accounts[0].Policies = append(d.Accounts[0].Policies, p)
	}
	w := newWorld(t, d)
	admin := w.role(t, "admin")
	create(t, admin, "web")
	attach := func(arn string) error {
		_, err := admin.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: &arn})
		return err
	}
	const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	must(t, attach(administrator))
	must(t, attach(readOnly))
	must(t, attach(readOnly)) // again
	all, err := admin.ListAttachedRolePolicies(t.Context(), &awsiam.ListAttachedRolePoliciesInput{RoleName: str("web")})
	must(t, err)
	if p := all.AttachedPolicies; len(p) != 2 || *p[0].PolicyArn != administrator || *p[0].PolicyName != "AdministratorAccess" || *p[1].PolicyArn != readOnly || *p[1].PolicyName != "read" {
		t.Errorf("attached: %+v", p)
	}
	some, err := admin.ListAttachedRolePolicies(t.Context(), &awsiam.ListAttachedRolePoliciesInput{RoleName: str("web"), PathPrefix: str("/team/")})
	must(t, err)
	if len(some.AttachedPolicies) != 1 {
		t.Errorf("below /team/: %+v", some.AttachedPolicies)
	}
	_, err = w.role(t, "web").ListRoles(t.Context(), nil)
	must(t, err)
	_, err = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("web")})
	refused(t, err, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	for range 2 {
		_, err = admin.DetachRolePolicy(t.Context(), &awsiam.DetachRolePolicyInput{RoleName: str("web"), PolicyArn: str(administrator)})
	}
	refused(t, err, "NoSuchEntity", "Policy "+administrator+" was not found.")
	_, err = w.role(t, "web").ListRoles(t.Context(), nil)
	refused(t, err, "AccessDenied", "")
	refused(t, attach("arn:aws:iam::aws:policy/NothingOfThisName"), "NoSuchEntity", "Policy arn:aws:iam::aws:policy/NothingOfThisName does not exist or is not attachable.")
	refused(t, attach("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"), "PolicyNotAttachable", "")
	refused(t, attach("arn:aws:iam::x:policy/read"), "ValidationError", "ARN arn:aws:iam::x:policy/read is not valid.")
	for i := range maxPoliciesPerRole - 1 {
		must(t, attach(fmt.Sprintf("arn:aws:iam::%s:policy/many/p%02d", account, i)))
	}
	refused(t, attach("arn:aws:iam::"+account+":policy/many/p20"), "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 20")
}

func TestWhatCanBeAttachedCanBeLimited(t *testing.T) {
	w := newWorld(t, standard(may("attacher", `"Effect":"Allow","Action":["iam:AttachRolePolicy","iam:DetachRolePolicy"],"Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"`+readOnly+`"}}`)))
	create(t, w.role(t, "admin"), "web")
	c := w.role(t, "attacher")
	_, err := c.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: str(readOnly)})
	must(t, err)
	refused(t, changes(c, "web")["AttachRolePolicy"](t), "AccessDenied", "iam:AttachRolePolicy on resource: arn:aws:iam::"+account+":role/web")
}

func TestTagsOfARole(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	tag := func(pairs ...string) error {
		in := &awsiam.TagRoleInput{RoleName: str("web"), Tags: []types.Tag{}}
		for i := 0; i < len(pairs); i += 2 {
			in.Tags = append(in.Tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		_, err := admin.TagRole(t.Context(), in)
		return err
	}
	must(t, tag("Team", "red", "cost", ""))
	must(t, tag("team", "blue")) // takes the place of Team
	list, err := admin.ListRoleTags(t.Context(), &awsiam.ListRoleTagsInput{RoleName: str("web")})
	must(t, err)
	if g := list.Tags; len(g) != 2 || *g[0].Key != "cost" || *g[0].Value != "" || *g[1].Key != "team" || *g[1].Value != "blue" {
		t.Errorf("the tags are %+v", g)
	}
	refused(t, tag("a", "1", "A", "2"), "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	refused(t, tag("aws:x", "1"), "InvalidInput", "aws:")
	refused(t, tag("a!", "1"), "ValidationError", "Value 'a!' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: ")
	refused(t, tag(), "ValidationError", "'tags'")
	var many []string
	for i := range 49 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	refused(t, tag(many...), "LimitExceeded", "The number of tags has reached the maximum limit.")
	_, err = admin.UntagRole(t.Context(), &awsiam.UntagRoleInput{RoleName: str("web"), TagKeys: []string{"TEAM", "nothing"}})
	must(t, err)
	list, err = admin.ListRoleTags(t.Context(), &awsiam.ListRoleTagsInput{RoleName: str("web")})
	must(t, err)
	if len(list.Tags) != 1 {
		t.Errorf("after that: %+v", list.Tags)
	}
}

func TestARoleHasTheModelsBounds(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	good := awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2)}
	for name, test := range map[string]struct {
		change     func(*awsiam.CreateRoleInput)
		code, part string
	}{
		"a long name": {func(in *awsiam.CreateRoleInput) { in.RoleName = str(strings.Repeat("r", 65)) }, "ValidationError", "at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		"a space":     {func(in *awsiam.CreateRoleInput) { in.RoleName = str("a b") }, "ValidationError", `Member must satisfy regular expression pattern: [\w+=,.@-]+`},
		"a path":      {func(in *awsiam.CreateRoleInput) { in.Path = str("team") }, "ValidationError", "at 'path'"},
		"a duration": {func(in *awsiam.CreateRoleInput) { in.MaxSessionDuration = aws.Int32(3599) }, "ValidationError",
			"Value '3599' at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600"},
		"a long description": {func(in *awsiam.CreateRoleInput) { in.Description = str(strings.Repeat("d", 1001)) }, "ValidationError", "at 'description'"},
		"no principal": {func(in *awsiam.CreateRoleInput) { in.AssumeRolePolicyDocument = str(allowAll) }, "MalformedPolicyDocument",
			""},
		"a principal that is not there": {func(in *awsiam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = str(statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/nobody"},"Action":"sts:AssumeRole"`))
		}, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn:aws:iam::" + account + ":role/nobody\""},
		"all of Google's people": {func(in *awsiam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = str(statement(`"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"`))
		}, "MalformedPolicyDocument", "Trust policy must evaluate the condition key accounts.google.com:aud or accounts.google.com:sub for the identity provider accounts.google.com, as by StringEquals"},
		"a long trust policy": {func(in *awsiam.CreateRoleInput) {
			in.AssumeRolePolicyDocument = str(strings.Replace(trustEC2, `"ec2`, `"`+strings.Repeat("e", 9000), 1))
		}, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 8192"},
		"a boundary that is none": {func(in *awsiam.CreateRoleInput) {
			in.PermissionsBoundary = str("arn:aws:iam::aws:policy/NothingOfThisName")
		}, "NoSuchEntity", "does not exist or is not attachable"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			test.change(&in)
			_, err := admin.CreateRole(t.Context(), &in)
			refused(t, err, test.code, test.part)
		})
	}
	if w.directory.Snapshot().RoleByName(account, "web") != nil {
		t.Error("one of them was made")
	}
}
