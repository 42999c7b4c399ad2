package iam

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

func policyOf(name string) string { return "arn:aws:iam::" + account + ":policy/" + name }

// createManaged makes a managed policy that allows nothing but one action.
func createManaged(t testing.TB, c *awsiam.Client, name, action string) string {
	t.Helper()
	made, err := c.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: &name, PolicyDocument: str(allows(action))})
	must(t, err)
	return *made.Policy.Arn
}

func allows(action string) string {
	return statement(`"Effect":"Allow","Action":"` + action + `","Resource":"*"`)
}

func addVersion(t testing.TB, c *awsiam.Client, arn, action string, asDefault bool) error {
	t.Helper()
	_, err := c.CreatePolicyVersion(t.Context(), &awsiam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: str(allows(action)), SetAsDefault: asDefault})
	return err
}

func deleteManaged(t testing.TB, c *awsiam.Client, arn string) error {
	t.Helper()
	_, err := c.DeletePolicy(t.Context(), &awsiam.DeletePolicyInput{PolicyArn: &arn})
	return err
}

func TestAPolicyIsWhatItWasMadeAs(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	made, err := admin.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{
		PolicyName: str("Web"), Path: str("/team/a/"), PolicyDocument: str(allows("s3:Get*")), Description: str("Größe & <co>"),
		Tags: []types.Tag{{Key: str("cost"), Value: str("a b")}, {Key: str("Empty"), Value: str("")}},
	})
	must(t, err)
	must(t, awsiam.NewPolicyExistsWaiter(admin).Wait(t.Context(), &awsiam.GetPolicyInput{PolicyArn: made.Policy.Arn}, time.Minute))
	got, err := admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: made.Policy.Arn})
	must(t, err)
	for _, p := range []*types.Policy{made.Policy, got.Policy} {
		if *p.Arn != policyOf("team/a/Web") || *p.Path != "/team/a/" || *p.PolicyName != "Web" || !strings.HasPrefix(*p.PolicyId, "ANPA") || *p.DefaultVersionId != "v1" ||
			*p.AttachmentCount != 0 || *p.PermissionsBoundaryUsageCount != 0 || !p.IsAttachable || *p.Description != "Größe & <co>" ||
			!p.CreateDate.Equal(w.clock()) || !p.UpdateDate.Equal(w.clock()) || len(p.Tags) != 2 || *p.Tags[0].Key != "Empty" || *p.Tags[1].Value != "a b" {
			t.Errorf("the policy is %+v", p)
		}
	}
	usual := createManaged(t, admin, "usual", "s3:*")
	if usual != policyOf("usual") {
		t.Errorf("without a path: %s", usual)
	}
	for _, name := range []string{"Web", "web", "USUAL", "READ"} {
		_, err := admin.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: &name, Path: str("/other/"), PolicyDocument: str(allowAll)})
		refused(t, err, "EntityAlreadyExists", "A policy called "+name+" already exists. Duplicate names are not allowed.")
	}
	_, err = admin.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: str("AdministratorAccess"), PolicyDocument: str(allowAll)})
	must(t, err) // as at AWS: that is AWS's, and this is ours
	if again := w.directory.Snapshot().ManagedPolicy(administrator); again.Account != "aws" {
		t.Errorf("AWS's own is %+v", again)
	}
}

func TestAPolicyHasTheModelsBounds(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	good := awsiam.CreatePolicyInput{PolicyName: str("web"), PolicyDocument: str(allowAll)}
	for name, test := range map[string]struct {
		change     func(*awsiam.CreatePolicyInput)
		code, part string
	}{
		"a long name": {func(in *awsiam.CreatePolicyInput) { in.PolicyName = str(strings.Repeat("p", 129)) }, "ValidationError", "at 'policyName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		"a path":      {func(in *awsiam.CreatePolicyInput) { in.Path = str("/a:b/") }, "ValidationError", "at 'path'"},
		"a long description": {func(in *awsiam.CreatePolicyInput) { in.Description = str(strings.Repeat("d", 1001)) }, "ValidationError",
			"at 'description'"},
		"a trust policy": {func(in *awsiam.CreatePolicyInput) { in.PolicyDocument = str(trustEC2) }, "MalformedPolicyDocument", "Policy document should not specify a principal."},
		"no JSON":        {func(in *awsiam.CreatePolicyInput) { in.PolicyDocument = str("{") }, "MalformedPolicyDocument", "This policy contains invalid Json"},
		"a long document": {func(in *awsiam.CreatePolicyInput) { in.PolicyDocument = str(allows("s3:" + strings.Repeat("a", 6144))) }, "LimitExceeded",
			"Cannot exceed quota for PolicySize: 6144"},
		"a tag twice": {func(in *awsiam.CreatePolicyInput) {
			in.Tags = []types.Tag{{Key: str("a"), Value: str("")}, {Key: str("A"), Value: str("")}}
		}, "InvalidInput", "Duplicate tag keys"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			test.change(&in)
			_, err := admin.CreatePolicy(t.Context(), &in)
			refused(t, err, test.code, test.part)
		})
	}
	if w.directory.Snapshot().ManagedPolicy(policyOf("web")) != nil {
		t.Error("one of them was made")
	}
}

func TestPoliciesAreListedByTheirUse(t *testing.T) {
	d := standard()
	d.Accounts[0].Groups = []directory.GroupDefinition{{Name: "ops", ManagedPolicies: []string{readOnly}}}
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "alice", Path: "/team/", ManagedPolicies: []string{readOnly}, PermissionsBoundary: administrator}}
	w := newWorld(t, d)
	admin := w.role(t, "admin")
	create(t, admin, "web")
	must(t, changes(admin, "web")["AttachRolePolicy"](t)) // AdministratorAccess
	limit := createManaged(t, admin, "limit", "s3:*")
	_, err := admin.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: str("web"), PermissionsBoundary: &limit})
	must(t, err)
	createManaged(t, admin, "unused", "s3:*")
	for name, test := range map[string]struct {
		in   awsiam.ListPoliciesInput
		want string
	}{
		"local":      {awsiam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}, "limit read unused"},
		"attached":   {awsiam.ListPoliciesInput{OnlyAttached: true}, "AdministratorAccess limit read"},
		"boundaries": {awsiam.ListPoliciesInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}, "AdministratorAccess limit"},
		"permissions": {awsiam.ListPoliciesInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy, Scope: types.PolicyScopeTypeLocal},
			"read"},
		"a path":       {awsiam.ListPoliciesInput{PathPrefix: str("/team/")}, "read"},
		"AWS's":        {awsiam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws, PathPrefix: str("/"), MaxItems: aws.Int32(2)}, "AWSDenyAll AdministratorAccess"},
		"AWS's by use": {awsiam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws, OnlyAttached: true}, "AdministratorAccess"},
	} {
		list, err := admin.ListPolicies(t.Context(), &test.in)
		must(t, err)
		var names []string
		for _, p := range list.Policies {
			names = append(names, *p.PolicyName)
			if p.Tags != nil || p.Description != nil || *p.PolicyId == "" {
				t.Errorf("listed: %+v", p)
			}
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	var all []string
	pages := awsiam.NewListPoliciesPaginator(admin, &awsiam.ListPoliciesInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, p := range page.Policies {
			all = append(all, *p.Arn)
		}
	}
	if len(all) != 10 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 10 {
		t.Errorf("by pages: %q", all)
	}
	got, err := admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: str(administrator)})
	must(t, err)
	if *got.Policy.AttachmentCount != 1 || *got.Policy.PermissionsBoundaryUsageCount != 1 {
		t.Errorf("AdministratorAccess is %+v", got.Policy)
	}
	task, err := admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: str("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy")})
	must(t, err)
	if task.Policy.IsAttachable {
		t.Error("a root task can be attached")
	}
}

func TestWhoHasAPolicyIsListed(t *testing.T) {
	d := standard()
	d.Accounts[0].Groups = []directory.GroupDefinition{{Name: "ops", ManagedPolicies: []string{readOnly}}}
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "alice", Path: "/team/", ManagedPolicies: []string{readOnly}}, {Name: "bob", PermissionsBoundary: readOnly}}
	d.Accounts[1].Roles[0].ManagedPolicies = []string{administrator}
	w := newWorld(t, d)
	admin := w.role(t, "admin")
	create(t, admin, "web")
	_, err := admin.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: str(readOnly)})
	must(t, err)
	for name, test := range map[string]struct {
		in   awsiam.ListEntitiesForPolicyInput
		want string
	}{
		"all":            {awsiam.ListEntitiesForPolicyInput{}, "[ops] [web] [alice bob]"},
		"users":          {awsiam.ListEntitiesForPolicyInput{EntityFilter: types.EntityTypeUser}, "[] [] [alice bob]"},
		"by a path":      {awsiam.ListEntitiesForPolicyInput{PathPrefix: str("/team/")}, "[] [] [alice]"},
		"permissions":    {awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy}, "[ops] [web] [alice]"},
		"boundaries":     {awsiam.ListEntitiesForPolicyInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}, "[] [] [bob]"},
		"nobody's":       {awsiam.ListEntitiesForPolicyInput{PolicyArn: str(administrator)}, "[] [] []"}, // another account's role has it
		"the first page": {awsiam.ListEntitiesForPolicyInput{MaxItems: aws.Int32(3)}, "[ops] [web] [alice]"},
	} {
		if test.in.PolicyArn == nil {
			test.in.PolicyArn = str(readOnly)
		}
		list, err := admin.ListEntitiesForPolicy(t.Context(), &test.in)
		must(t, err)
		if got := entities(list); got != test.want || list.IsTruncated != (name == "the first page") {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if name == "the first page" {
			rest, err := admin.ListEntitiesForPolicy(t.Context(), &awsiam.ListEntitiesForPolicyInput{PolicyArn: str(readOnly), Marker: list.Marker})
			must(t, err)
			if got := entities(rest); got != "[] [] [bob]" || rest.IsTruncated {
				t.Errorf("the second page: %s", got)
			}
		}
	}
}

func entities(list *awsiam.ListEntitiesForPolicyOutput) string {
	groups, roles, users := []string{}, []string{}, []string{}
	for _, g := range list.PolicyGroups {
		groups = append(groups, *g.GroupName)
	}
	for _, r := range list.PolicyRoles {
		roles = append(roles, *r.RoleName)
	}
	for _, u := range list.PolicyUsers {
		users = append(users, *u.UserName)
	}
	return fmt.Sprint(groups, roles, users)
}

// What something has cannot be deleted, and what is attached counts for the next request.
func TestAPolicyThatIsInUseStays(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	arn := createManaged(t, admin, "list", "iam:ListRoles")
	_, err := admin.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: &arn})
	must(t, err)
	web := w.role(t, "web")
	_, err = web.ListRoles(t.Context(), nil)
	must(t, err)
	refused(t, deleteManaged(t, admin, arn), "DeleteConflict", "Cannot delete a policy attached to entities.")
	_, err = admin.DetachRolePolicy(t.Context(), &awsiam.DetachRolePolicyInput{RoleName: str("web"), PolicyArn: &arn})
	must(t, err)
	_, err = admin.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: str("web"), PermissionsBoundary: &arn})
	must(t, err)
	refused(t, deleteManaged(t, admin, arn), "DeleteConflict", "Cannot delete a policy attached to entities.")
	_, err = admin.DeleteRolePermissionsBoundary(t.Context(), &awsiam.DeleteRolePermissionsBoundaryInput{RoleName: str("web")})
	must(t, err)
	must(t, addVersion(t, admin, arn, "s3:*", false))
	refused(t, deleteManaged(t, admin, arn), "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions.")
	_, err = admin.DeletePolicyVersion(t.Context(), &awsiam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: str("v2")})
	must(t, err)
	before := w.directory.Snapshot().ManagedPolicy(arn)
	must(t, deleteManaged(t, admin, arn))
	refused(t, deleteManaged(t, admin, arn), "NoSuchEntity", "Policy "+arn+" was not found.")
	createManaged(t, admin, "list", "iam:ListRoles")
	if again := w.directory.Snapshot().ManagedPolicy(arn); again.UniqueID == before.UniqueID {
		t.Error("a policy that was made anew has the id of the one before")
	}
}

// A policy that core.yaml took away may be attached still. Whoever may make policies, but
// not attach them, does not fill it.
func TestAPolicyThatIsGoneIsNotMadeAnewWhereItIsAttached(t *testing.T) {
	w := newWorld(t, standard(may("maker", `"Effect":"Allow","Action":"iam:CreatePolicy","Resource":"*"`)))
	admin := w.role(t, "admin")
	create(t, admin, "web")
	_, err := admin.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: str(readOnly)})
	must(t, err)
	d := standard(may("maker", `"Effect":"Allow","Action":"iam:CreatePolicy","Resource":"*"`))
	d.Accounts[0].Policies = nil
	_, err = w.directory.Reconcile(d, true)
	must(t, err)
	_, err = w.role(t, "maker").CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: str("read"), Path: str("/team/"), PolicyDocument: str(allowAll)})
	refused(t, err, "EntityAlreadyExists", "detach it from role web first")
	_, err = w.role(t, "web").ListRoles(t.Context(), nil)
	refused(t, err, "AccessDenied", "")
	_, err = admin.DetachRolePolicy(t.Context(), &awsiam.DetachRolePolicyInput{RoleName: str("web"), PolicyArn: str(readOnly)})
	must(t, err)
	_, err = admin.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: str("read"), Path: str("/team/"), PolicyDocument: str(allowAll)})
	must(t, err)
}

// policyChanges are all that would change a managed policy.
func policyChanges(c *awsiam.Client, arn string) map[string]func(*testing.T) error {
	return map[string]func(*testing.T) error{
		"CreatePolicyVersion": func(t *testing.T) error { return addVersion(t, c, arn, "s3:*", true) },
		"DeletePolicy":        func(t *testing.T) error { return deleteManaged(t, c, arn) },
		"SetDefaultPolicyVersion": func(t *testing.T) error {
			_, err := c.SetDefaultPolicyVersion(t.Context(), &awsiam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: str("v1")})
			return err
		},
		"DeletePolicyVersion": func(t *testing.T) error {
			_, err := c.DeletePolicyVersion(t.Context(), &awsiam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: str("v1")})
			return err
		},
		"TagPolicy": func(t *testing.T) error {
			_, err := c.TagPolicy(t.Context(), &awsiam.TagPolicyInput{PolicyArn: &arn, Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
			return err
		},
		"UntagPolicy": func(t *testing.T) error {
			_, err := c.UntagPolicy(t.Context(), &awsiam.UntagPolicyInput{PolicyArn: &arn, TagKeys: []string{"a"}})
			return err
		},
	}
}

func TestSomePoliciesAreNotTheAPIsToChange(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	admin := w.role(t, "admin")
	theirs := "arn:aws:iam::" + other + ":policy/theirs"
	before := fmt.Sprintf("%+v", *w.directory.Snapshot().ManagedPolicy(readOnly))
	for name, change := range policyChanges(admin, readOnly) {
		t.Run(name, func(t *testing.T) { refused(t, change(t), "UnmodifiableEntity", file) })
	}
	for _, arn := range []string{administrator, theirs, "arn:aws:iam::" + other + ":policy/nothing"} {
		for name, change := range policyChanges(admin, arn) {
			refused(t, change(t), "AccessDenied", "is not authorized to perform: iam:"+name+" on resource: policy "+arn)
		}
	}
	for _, arn := range []string{readOnly, policyOf("nothing"), administrator} {
		for name, change := range policyChanges(w.role(t, "nobody"), arn) {
			refused(t, change(t), "AccessDenied", "iam:"+name+" on resource: "+arn+" because no identity-based policy allows")
		}
	}
	_, err := admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: &theirs})
	refused(t, err, "AccessDenied", "iam:GetPolicy on resource: policy "+theirs)
	_, err = admin.GetPolicyVersion(t.Context(), &awsiam.GetPolicyVersionInput{PolicyArn: &theirs, VersionId: str("v1")})
	refused(t, err, "AccessDenied", "iam:GetPolicyVersion")
	_, err = admin.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: str("arn:aws:iam::x:policy/read")})
	refused(t, err, "ValidationError", "ARN arn:aws:iam::x:policy/read is not valid.")
	if after := fmt.Sprintf("%+v", *w.directory.Snapshot().ManagedPolicy(readOnly)); after != before {
		t.Errorf("it is %s, was %s", after, before)
	}
}

func TestTagsOfAPolicy(t *testing.T) {
	w := newWorld(t, standard(
		may("red", `"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}`),
		may("untagged", `"Effect":"Allow","Action":"iam:CreatePolicy","Resource":"*"`)))
	admin := w.role(t, "admin")
	_, err := w.role(t, "untagged").CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: str("web"), PolicyDocument: str(allowAll), Tags: []types.Tag{{Key: str("team"), Value: str("red")}}})
	refused(t, err, "AccessDenied", "iam:TagPolicy")
	arn := createManaged(t, admin, "web", "s3:*")
	refused(t, policyChanges(w.role(t, "red"), arn)["UntagPolicy"](t), "AccessDenied", "iam:UntagPolicy")
	_, err = admin.TagPolicy(t.Context(), &awsiam.TagPolicyInput{PolicyArn: &arn, Tags: []types.Tag{{Key: str("Team"), Value: str("blue")}, {Key: str("cost"), Value: str("1")}}})
	must(t, err)
	_, err = admin.TagPolicy(t.Context(), &awsiam.TagPolicyInput{PolicyArn: &arn, Tags: []types.Tag{{Key: str("team"), Value: str("red")}}})
	must(t, err)
	list, err := w.role(t, "red").ListPolicyTags(t.Context(), &awsiam.ListPolicyTagsInput{PolicyArn: &arn})
	must(t, err)
	if g := list.Tags; len(g) != 2 || *g[0].Key != "cost" || *g[1].Key != "team" || *g[1].Value != "red" {
		t.Errorf("the tags are %+v", g)
	}
	_, err = admin.UntagPolicy(t.Context(), &awsiam.UntagPolicyInput{PolicyArn: &arn, TagKeys: []string{"COST", "nothing"}})
	must(t, err)
	if p := w.directory.Snapshot().ManagedPolicy(arn); len(p.Tags) != 1 || p.Tags["team"] != "red" {
		t.Errorf("after that: %v", p.Tags)
	}
}

func documentOf(t testing.TB, c *awsiam.Client, arn, version string) string {
	t.Helper()
	got, err := c.GetPolicyVersion(t.Context(), &awsiam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: &version})
	must(t, err)
	text, err := url.PathUnescape(*got.PolicyVersion.Document)
	must(t, err)
	return text
}
