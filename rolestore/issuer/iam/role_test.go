package iam

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// create makes a role that EC2 may assume.
func create(t testing.TB, c *awsiam.Client, name string) *types.Role {
	t.Helper()
	made, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str(name), AssumeRolePolicyDocument: str(trustEC2)})
	must(t, err)
	return made.Role
}

func TestARoleIsWhatItWasMadeAs(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	trust := statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/admin"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"a b+c"}}`)
	made, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{
		RoleName: str("Web"), Path: str("/team/a/"), AssumeRolePolicyDocument: str(trust), Description: str("Größe & <co>"),
		MaxSessionDuration: aws.Int32(7200), PermissionsBoundary: str(readOnly), Tags: []types.Tag{{Key: str("cost"), Value: str("a b")}, {Key: str("Empty"), Value: str("")}},
	})
	must(t, err)
	got, err := admin.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("Web")})
	must(t, err)
	for _, r := range []*types.Role{made.Role, got.Role} {
		document, err := url.PathUnescape(*r.AssumeRolePolicyDocument)
		must(t, err)
		if *r.Arn != "arn:aws:iam::"+account+":role/team/a/Web" || *r.Path != "/team/a/" || *r.RoleName != "Web" || !strings.HasPrefix(*r.RoleId, "AROA") ||
			*r.Description != "Größe & <co>" || *r.MaxSessionDuration != 7200 || *r.PermissionsBoundary.PermissionsBoundaryArn != readOnly ||
			r.PermissionsBoundary.PermissionsBoundaryType != "Policy" || !r.CreateDate.Equal(w.clock()) || document != trust ||
			len(r.Tags) != 2 || *r.Tags[0].Key != "Empty" || *r.Tags[1].Value != "a b" || r.RoleLastUsed == nil || r.RoleLastUsed.LastUsedDate != nil {
			t.Errorf("the role is %+v, its trust policy %s", r, document)
		}
		if strings.ContainsAny(*r.AssumeRolePolicyDocument, "+ {") {
			t.Errorf("the document is not percent-encoded: %s", *r.AssumeRolePolicyDocument)
		}
	}
	usual := create(t, admin, "usual")
	if *usual.Path != "/" || *usual.MaxSessionDuration != 3600 || usual.Description != nil || usual.PermissionsBoundary != nil || usual.Tags != nil {
		t.Errorf("what was not said: %+v", usual)
	}
}

func TestARoleChanges(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	made := create(t, admin, "web")
	_, err := admin.UpdateRole(t.Context(), &awsiam.UpdateRoleInput{RoleName: str("web"), Description: str("one"), MaxSessionDuration: aws.Int32(43200)})
	must(t, err)
	described, err := admin.UpdateRoleDescription(t.Context(), &awsiam.UpdateRoleDescriptionInput{RoleName: str("web"), Description: str("two")})
	must(t, err)
	_, err = admin.UpdateAssumeRolePolicy(t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: str("web"), PolicyDocument: str(strings.Replace(trustEC2, "ec2", "ssm", 1))})
	must(t, err)
	_, err = admin.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: str("web"), PermissionsBoundary: str(readOnly)})
	must(t, err)
	got, err := admin.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("web")})
	must(t, err)
	if *described.Role.Description != "two" || *got.Role.MaxSessionDuration != 43200 || *got.Role.RoleId != *made.RoleId ||
		!strings.Contains(*got.Role.AssumeRolePolicyDocument, "ssm.amazonaws.com") || got.Role.PermissionsBoundary == nil {
		t.Errorf("it is %+v", got.Role)
	}
	_, err = admin.DeleteRolePermissionsBoundary(t.Context(), &awsiam.DeleteRolePermissionsBoundaryInput{RoleName: str("web")})
	must(t, err)
	_, err = admin.DeleteRolePermissionsBoundary(t.Context(), &awsiam.DeleteRolePermissionsBoundaryInput{RoleName: str("web")})
	refused(t, err, "NoSuchEntity", "web")
	_, err = admin.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: str("web"), PermissionsBoundary: str("arn:aws:iam::" + other + ":policy/theirs")})
	refused(t, err, "NoSuchEntity", "Scope ARN: arn:aws:iam::"+other+":policy/theirs does not exist or is not attachable.")
	_, err = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("web")})
	must(t, err)
	_, err = admin.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("web")})
	refused(t, err, "NoSuchEntity", "The role with name web cannot be found.")
	if again := create(t, admin, "web"); *again.RoleId == *made.RoleId {
		t.Error("a role that was made anew has the id of the one before")
	}
}

func TestRoleNamesAreUniqueInAnyCase(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "Web")
	for _, name := range []string{"Web", "web", "WEB", "Admin", "Rolecall-Administrator"} {
		_, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str(name), AssumeRolePolicyDocument: str(trustEC2)})
		refused(t, err, "EntityAlreadyExists", "Role with name "+name+" already exists.")
	}
	_, err := w.as(w.session(t, other, "admin")).CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2)})
	must(t, err) // of another account
}

func TestOneOfManyWhoCreateANameWins(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	var wait sync.WaitGroup
	won := make(chan string, 16)
	for i := range 16 {
		wait.Go(func() {
			made, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), Path: str(fmt.Sprintf("/%d/", i)), AssumeRolePolicyDocument: str(trustEC2)})
			if err == nil {
				won <- *made.Role.Arn
				return
			}
			refused(t, err, "EntityAlreadyExists", "web")
		})
	}
	wait.Wait()
	close(won)
	var arns []string
	for arn := range won {
		arns = append(arns, arn)
	}
	if r := w.directory.Snapshot().RoleByName(account, "web"); len(arns) != 1 || r.ARN() != arns[0] {
		t.Errorf("%q won, and the role is %s", arns, r.ARN())
	}
}

func TestADeletedRolesSessionsAreWorthlessAtOnce(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	_, err := admin.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{RoleName: str("web"), PolicyName: str("all"), PolicyDocument: str(allowAll)})
	must(t, err)
	web := w.role(t, "web")
	_, err = web.ListRoles(t.Context(), nil)
	must(t, err)
	_, err = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("web")})
	refused(t, err, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	_, err = admin.DeleteRolePolicy(t.Context(), &awsiam.DeleteRolePolicyInput{RoleName: str("web"), PolicyName: str("all")})
	must(t, err)
	_, err = web.ListRoles(t.Context(), nil)
	refused(t, err, "AccessDenied", "is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::"+account+":role/ because no identity-based policy allows")
	_, err = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("web")})
	must(t, err)
	_, err = web.ListRoles(t.Context(), nil)
	refused(t, err, "InvalidClientTokenId", "")
	create(t, admin, "web")
	_, err = web.ListRoles(t.Context(), nil)
	refused(t, err, "InvalidClientTokenId", "")
}

func TestWhatTheFileNamesIsTheFiles(t *testing.T) {
	w := newWorld(t, standard(may("web")))
	admin := w.role(t, "admin")
	before := *w.directory.Snapshot().RoleByName(account, "web").Definition
	for name, change := range changes(admin, "web") {
		t.Run(name, func(t *testing.T) { refused(t, change(t), "UnmodifiableEntity", file) })
	}
	if after := w.directory.Snapshot().RoleByName(account, "web"); after == nil || after.ManagedBy != directory.ManagedByFile || fmt.Sprint(*after.Definition) != fmt.Sprint(before) {
		t.Errorf("it is %+v, was %+v", after, before)
	}
}

func TestTheAdministratorsRoleIsTheCores(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, directory.AdministratorRole)
	for name, change := range changes(admin, directory.AdministratorRole) {
		t.Run(name, func(t *testing.T) { refused(t, change(t), "UnmodifiableEntity", directory.AdministratorRole) })
	}
}

// What is built in for the want of a file becomes the API's once it was changed by it, and
// stays so over a restart.
func TestTheBuiltInRoleCanBeChanged(t *testing.T) {
	w := newWorld(t, directory.Default(account))
	admin := w.role(t, directory.AdministratorRole)
	_, err := admin.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{RoleName: str("default"), PolicyName: str("all"), PolicyDocument: str(allowAll)})
	must(t, err)
	_, err = w.directory.Reconcile(directory.Default(account), false)
	must(t, err)
	if r := w.directory.Snapshot().RoleByName(account, "default"); r.ManagedBy != directory.ManagedByAPI || len(r.Policies) != 1 {
		t.Errorf("it is %+v", r)
	}
}

// changes are all that would change a role.
func changes(c *awsiam.Client, name string) map[string]func(*testing.T) error {
	role, doc := str(name), str(allowAll)
	return map[string]func(*testing.T) error{
		"UpdateRole": func(t *testing.T) error {
			_, err := c.UpdateRole(t.Context(), &awsiam.UpdateRoleInput{RoleName: role})
			return err
		},
		"UpdateRoleDescription": func(t *testing.T) error {
			_, err := c.UpdateRoleDescription(t.Context(), &awsiam.UpdateRoleDescriptionInput{RoleName: role, Description: str("x")})
			return err
		},
		"UpdateAssumeRolePolicy": func(t *testing.T) error {
			_, err := c.UpdateAssumeRolePolicy(t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: str(trustEC2)})
			return err
		},
		"DeleteRole": func(t *testing.T) error {
			_, err := c.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: role})
			return err
		},
		"TagRole": func(t *testing.T) error {
			_, err := c.TagRole(t.Context(), &awsiam.TagRoleInput{RoleName: role, Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
			return err
		},
		"UntagRole": func(t *testing.T) error {
			_, err := c.UntagRole(t.Context(), &awsiam.UntagRoleInput{RoleName: role, TagKeys: []string{"a"}})
			return err
		},
		"PutRolePermissionsBoundary": func(t *testing.T) error {
			_, err := c.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: str("arn:aws:iam::aws:policy/AWSDenyAll")})
			return err
		},
		"DeleteRolePermissionsBoundary": func(t *testing.T) error {
			_, err := c.DeleteRolePermissionsBoundary(t.Context(), &awsiam.DeleteRolePermissionsBoundaryInput{RoleName: role})
			return err
		},
		"PutRolePolicy": func(t *testing.T) error {
			_, err := c.PutRolePolicy(t.Context(), &awsiam.PutRolePolicyInput{RoleName: role, PolicyName: str("x"), PolicyDocument: doc})
			return err
		},
		"DeleteRolePolicy": func(t *testing.T) error {
			_, err := c.DeleteRolePolicy(t.Context(), &awsiam.DeleteRolePolicyInput{RoleName: role, PolicyName: str("x")})
			return err
		},
		"AttachRolePolicy": func(t *testing.T) error {
			_, err := c.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: role, PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
			return err
		},
		"DetachRolePolicy": func(t *testing.T) error {
			_, err := c.DetachRolePolicy(t.Context(), &awsiam.DetachRolePolicyInput{RoleName: role, PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
			return err
		},
	}
}

// Whoever may nothing may nothing, of a role that is there as of one that is not.
func TestACallerWithoutPermissionChangesNothing(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	create(t, w.role(t, "admin"), "web")
	nobody := w.role(t, "nobody")
	for _, name := range []string{"web", "nowhere"} {
		for action, change := range changes(nobody, name) {
			refused(t, change(t), "AccessDenied", "User: arn:aws:sts::"+account+":assumed-role/nobody/test is not authorized to perform: iam:"+action+" on resource: arn:aws:iam::"+account+":role/"+name)
		}
	}
	if r := w.directory.Snapshot().RoleByName(account, "web"); r == nil || len(r.Policies) > 0 || len(r.Tags) > 0 || r.Definition.Description != "" {
		t.Errorf("it is %+v", r)
	}
}

// Who may make roles within a boundary makes none without it, nor another's.
func TestABoundaryCanBeDemanded(t *testing.T) {
	bounded := may("bounded", `"Effect":"Allow","Action":["iam:CreateRole","iam:PutRolePolicy","iam:AttachRolePolicy","iam:PutRolePermissionsBoundary","iam:DeleteRolePermissionsBoundary"],"Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`,
		`"Effect":"Deny","Action":"iam:DeleteRolePermissionsBoundary","Resource":"*"`)
	w := newWorld(t, standard(bounded))
	create(t, w.role(t, "admin"), "free")
	c := w.role(t, "bounded")
	_, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2)})
	refused(t, err, "AccessDenied", "iam:CreateRole")
	_, err = c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2), PermissionsBoundary: str("arn:aws:iam::aws:policy/AdministratorAccess")})
	refused(t, err, "AccessDenied", "iam:CreateRole")
	_, err = c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2), PermissionsBoundary: str(readOnly)})
	must(t, err)
	must(t, changes(c, "web")["PutRolePolicy"](t))
	must(t, changes(c, "web")["AttachRolePolicy"](t))
	refused(t, changes(c, "free")["PutRolePolicy"](t), "AccessDenied", "iam:PutRolePolicy")
	refused(t, changes(c, "free")["AttachRolePolicy"](t), "AccessDenied", "iam:AttachRolePolicy")
	refused(t, changes(c, "web")["PutRolePermissionsBoundary"](t), "AccessDenied", "") // to AWSDenyAll
	refused(t, changes(c, "web")["DeleteRolePermissionsBoundary"](t), "AccessDenied", "explicit deny")
}

// Names are those of the caller's own account, and no ARN leads out of it.
func TestAnotherAccountIsOutOfReach(t *testing.T) {
	w := newWorld(t, standard())
	create(t, w.role(t, "admin"), "web")
	stranger := w.as(w.session(t, other, "admin"))
	_, err := stranger.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("web")})
	refused(t, err, "NoSuchEntity", "web")
	all, err := stranger.ListRoles(t.Context(), nil)
	must(t, err)
	if len(all.Roles) != 2 {
		t.Errorf("another account's roles: %+v", all.Roles)
	}
	_, err = stranger.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("arn:aws:iam::" + account + ":role/web")})
	refused(t, err, "ValidationError", "roleName")
	create(t, stranger, "web")
	_, err = stranger.AttachRolePolicy(t.Context(), &awsiam.AttachRolePolicyInput{RoleName: str("web"), PolicyArn: str(readOnly)})
	refused(t, err, "NoSuchEntity", "Policy "+readOnly+" does not exist or is not attachable.")
}

func TestConditionsSeeTags(t *testing.T) {
	w := newWorld(t, standard(
		may("red", `"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}`),
		may("maker", `"Effect":"Allow","Action":["iam:CreateRole","iam:TagRole"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`),
		may("untagged", `"Effect":"Allow","Action":"iam:CreateRole","Resource":"*"`)))
	admin := w.role(t, "admin")
	create(t, admin, "blue")
	red := []types.Tag{{Key: str("team"), Value: str("red")}}
	for name, c := range map[string]struct {
		by   string
		tags []types.Tag
		code string
	}{"a": {"maker", red, ""}, "b": {"maker", nil, "AccessDenied"}, "c": {"maker", append(slices.Clone(red), types.Tag{Key: str("cost"), Value: str("x")}), "AccessDenied"},
		"d": {"untagged", red, "AccessDenied"}, "e": {"untagged", nil, ""}} {
		_, err := w.role(t, c.by).CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str(name), AssumeRolePolicyDocument: str(trustEC2), Tags: c.tags})
		if c.code == "" {
			must(t, err)
		} else {
			refused(t, err, c.code, "iam:")
		}
	}
	must(t, changes(w.role(t, "red"), "a")["UntagRole"](t))
	refused(t, changes(w.role(t, "red"), "blue")["TagRole"](t), "AccessDenied", "iam:TagRole")
}

func TestRolesAreListedByThePage(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("r%d", i)
		_, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: &name, Path: str("/team/"), AssumeRolePolicyDocument: str(trustEC2), Tags: []types.Tag{{Key: str("k"), Value: str("v")}}})
		must(t, err)
		want = append(want, name)
	}
	var got []string
	pages := awsiam.NewListRolesPaginator(admin, &awsiam.ListRolesInput{PathPrefix: str("/team"), MaxItems: aws.Int32(3)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		if page.IsTruncated != (page.Marker != nil) {
			t.Errorf("IsTruncated is %t with marker %v", page.IsTruncated, page.Marker)
		}
		for _, r := range page.Roles {
			got = append(got, *r.RoleName)
			if r.Tags != nil {
				t.Error("a list has tags, which AWS's has not")
			}
		}
		if n == 0 { // what comes and goes meanwhile moves nothing else
			_, err = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("r2")})
			must(t, err)
		}
	}
	if n != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages: %q", n, got)
	}
	first, err := admin.ListRoles(t.Context(), &awsiam.ListRolesInput{MaxItems: aws.Int32(1)})
	must(t, err)
	_, err = admin.ListRoleTags(t.Context(), &awsiam.ListRoleTagsInput{RoleName: str("r1"), Marker: first.Marker})
	refused(t, err, "ValidationError", "Invalid Marker.") // of another list
}

// IAM is not for sessions of GetFederationToken, nor of GetSessionToken without MFA.
func TestSomeSessionsMayNotCallIAM(t *testing.T) {
	d := standard()
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "alice", Policies: map[string][]byte{"all": []byte(allowAll)}}}
	w := newWorld(t, d)
	alice := w.directory.Snapshot().User("arn:aws:iam::" + account + ":user/alice").UniqueID
	for _, test := range []struct {
		claims session.Claims
		ok     bool
	}{
		{session.Claims{Kind: session.FederatedUser, SessionName: "bob", Policy: allowAll}, false},
		{session.Claims{Kind: session.UserSession}, false},
		{session.Claims{Kind: session.UserSession, MFA: w.clock()}, true},
	} {
		test.claims.Principal, test.claims.Account = alice, account
		_, err := w.as(w.issue(t, test.claims)).ListRoles(t.Context(), nil)
		if test.ok {
			must(t, err)
		} else {
			refused(t, err, "InvalidClientTokenId", "")
		}
	}
}
