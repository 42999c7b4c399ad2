package iam

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// enlist makes users.
func enlist(t testing.TB, c *awsiam.Client, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := c.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: &name})
		must(t, err)
	}
}

// keyOf makes a user's access key, as the one that he signs with.
func keyOf(t testing.TB, c *awsiam.Client, name string) rolestore.Credentials {
	t.Helper()
	made, err := c.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: &name})
	must(t, err)
	return rolestore.Credentials{AccessKeyID: *made.AccessKey.AccessKeyId, SecretAccessKey: rolestore.NewSecret(*made.AccessKey.SecretAccessKey)}
}

// allowUser puts an inline policy on a user.
func allowUser(t testing.TB, c *awsiam.Client, name, members string) {
	t.Helper()
	_, err := c.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: &name, PolicyName: str("may"), PolicyDocument: str(statement(members))})
	must(t, err)
}

func TestAUserIsWhatHeWasMadeAs(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	made, err := admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("Alice"), Path: str("/team/"), PermissionsBoundary: str(readOnly),
		Tags: []types.Tag{{Key: str("cost"), Value: str("a b")}}})
	must(t, err)
	got, err := admin.GetUser(t.Context(), &awsiam.GetUserInput{UserName: str("Alice")})
	must(t, err)
	for _, u := range []*types.User{made.User, got.User} {
		if *u.Arn != "arn:aws:iam::"+account+":user/team/Alice" || *u.Path != "/team/" || *u.UserName != "Alice" || !strings.HasPrefix(*u.UserId, "AIDA") ||
			*u.PermissionsBoundary.PermissionsBoundaryArn != readOnly || !u.CreateDate.Equal(w.clock()) || len(u.Tags) != 1 || *u.Tags[0].Value != "a b" {
			t.Errorf("the user is %+v", u)
		}
	}
	for _, name := range []string{"Alice", "alice", "ALICE"} {
		_, err := admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: &name})
		refused(t, err, "EntityAlreadyExists", "User with name "+name+" already exists.")
	}
	enlist(t, w.as(w.session(t, other, "admin")), "alice") // of another account
	_, err = admin.GetUser(t.Context(), &awsiam.GetUserInput{UserName: str("nobody")})
	refused(t, err, "NoSuchEntity", "The user with name nobody cannot be found.")
	_, err = admin.GetUser(t.Context(), nil)
	refused(t, err, "ValidationError", "Must specify userName when calling with non-User credentials")
	_, err = admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("bob"), PermissionsBoundary: str("arn:aws:iam::" + other + ":policy/theirs")})
	refused(t, err, "NoSuchEntity", "Scope ARN: arn:aws:iam::"+other+":policy/theirs does not exist or is not attachable.")
	_, err = admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str(strings.Repeat("u", 65))})
	refused(t, err, "ValidationError", "at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64")
}

func TestAUserWhoIsRenamedStaysWhoHeIs(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice", "bob")
	alice := keyOf(t, admin, "alice")
	allowUser(t, admin, "alice", `"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/*"`)
	before, err := w.as(alice).GetUser(t.Context(), nil)
	must(t, err)
	trust := statement(`"Effect":"Allow","Principal":{"AWS":"` + *before.User.Arn + `"},"Action":"sts:AssumeRole"`)
	_, err = admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	rename := func(in awsiam.UpdateUserInput) error {
		in.UserName = str("alice")
		_, err := admin.UpdateUser(t.Context(), &in)
		return err
	}
	refused(t, rename(awsiam.UpdateUserInput{NewUserName: str("BOB")}), "EntityAlreadyExists", "User with name BOB already exists.")
	must(t, rename(awsiam.UpdateUserInput{NewUserName: str("Carol"), NewPath: str("/team/")}))
	after, err := w.as(alice).GetUser(t.Context(), nil)
	must(t, err)
	if u := after.User; *u.UserId != *before.User.UserId || *u.Arn != "arn:aws:iam::"+account+":user/team/Carol" || !u.CreateDate.Equal(*before.User.CreateDate) {
		t.Errorf("he is %+v, was %+v", u, before.User)
	}
	refused(t, rename(awsiam.UpdateUserInput{}), "NoSuchEntity", "alice")
	enlist(t, admin, "alice") // the name is free, and its bearer is somebody else
	role, err := admin.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("web")})
	must(t, err)
	if !strings.Contains(*role.Role.AssumeRolePolicyDocument, "user%2Fteam%2FCarol") {
		t.Errorf("the role trusts %s", *role.Role.AssumeRolePolicyDocument)
	}
	_, err = admin.UpdateUser(t.Context(), &awsiam.UpdateUserInput{UserName: str("Carol"), NewUserName: str("carol")})
	must(t, err) // his own name in another case
}

// Whoever may rename one user must not make of him another, whom he may not touch.
func TestRenamingNeedsPermissionOnBothNames(t *testing.T) {
	w := newWorld(t, standard(may("juniors", `"Effect":"Allow","Action":"iam:UpdateUser","Resource":"arn:aws:iam::`+account+`:user/junior/*"`)))
	admin := w.role(t, "admin")
	_, err := admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("bob"), Path: str("/junior/")})
	must(t, err)
	enlist(t, admin, "alice")
	for _, test := range []struct {
		in   awsiam.UpdateUserInput
		onto string // that is refused
	}{
		{awsiam.UpdateUserInput{UserName: str("bob"), NewPath: str("/senior/")}, "user/senior/bob"},
		{awsiam.UpdateUserInput{UserName: str("bob"), NewPath: str("/"), NewUserName: str("root")}, "user/root"},
		{awsiam.UpdateUserInput{UserName: str("alice"), NewPath: str("/junior/")}, "user/alice"},
		{awsiam.UpdateUserInput{UserName: str("bob"), NewUserName: str("rob")}, ""},
	} {
		_, err := w.role(t, "juniors").UpdateUser(t.Context(), &test.in)
		if test.onto == "" {
			must(t, err)
		} else {
			refused(t, err, "AccessDenied", "iam:UpdateUser on resource: arn:aws:iam::"+account+":"+test.onto)
		}
	}
}

func TestAUserWhoHasSomethingIsNotDeleted(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	remove := func() error {
		_, err := admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
		return err
	}
	alice, name := keyOf(t, admin, "alice"), str("alice")
	allowUser(t, admin, "alice", `"Effect":"Allow","Action":"iam:*","Resource":"*"`)
	_, err := admin.AttachUserPolicy(t.Context(), &awsiam.AttachUserPolicyInput{UserName: name, PolicyArn: str(readOnly)})
	must(t, err)
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	_, err = admin.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{UserName: name, AccessKeyId: &alice.AccessKeyID})
	must(t, err)
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	_, err = admin.DetachUserPolicy(t.Context(), &awsiam.DetachUserPolicyInput{UserName: name, PolicyArn: str(readOnly)})
	must(t, err)
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must delete policies first.")
	_, err = admin.DeleteUserPolicy(t.Context(), &awsiam.DeleteUserPolicyInput{UserName: name, PolicyName: str("may")})
	must(t, err)
	must(t, remove())
	refused(t, remove(), "NoSuchEntity", "alice")
}

// Who has the name of one who was deleted has nothing of his.
func TestAUserWhoIsMadeAnewIsSomebodyElse(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	first := *w.directory.Snapshot().UserByName(account, "alice")
	trust := statement(`"Effect":"Allow","Principal":{"AWS":"` + first.ARN() + `"},"Action":"sts:AssumeRole"`)
	_, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	old := w.as(w.issue(t, session.Claims{Kind: session.UserSession, Principal: first.UniqueID, Account: account, MFA: w.clock()}))
	allowUser(t, admin, "alice", `"Effect":"Allow","Action":"iam:*","Resource":"*"`)
	key := keyOf(t, admin, "alice")
	for _, c := range []*awsiam.Client{old, w.as(key)} {
		_, err = c.GetUser(t.Context(), nil)
		must(t, err)
	}
	_, err = admin.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{UserName: str("alice"), AccessKeyId: &key.AccessKeyID})
	must(t, err)
	_, err = admin.DeleteUserPolicy(t.Context(), &awsiam.DeleteUserPolicyInput{UserName: str("alice"), PolicyName: str("may")})
	must(t, err)
	_, err = admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
	must(t, err)
	enlist(t, admin, "alice")
	allowUser(t, admin, "alice", `"Effect":"Allow","Action":"iam:*","Resource":"*"`)
	for _, c := range []*awsiam.Client{old, w.as(key)} {
		_, err = c.GetUser(t.Context(), nil)
		refused(t, err, "InvalidClientTokenId", "")
	}
	role, err := admin.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: str("web")})
	must(t, err)
	if doc := *role.Role.AssumeRolePolicyDocument; !strings.Contains(doc, first.UniqueID) || strings.Contains(doc, "alice") {
		t.Errorf("the role that trusted the first: %s", doc)
	}
}

func TestOneOfManyWhoCreateAUserWins(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	var wait sync.WaitGroup
	won := make(chan string, 16)
	for i := range 16 {
		wait.Go(func() {
			made, err := admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str([]string{"alice", "Alice"}[i%2])})
			if err == nil {
				won <- *made.User.UserId
				return
			}
			refused(t, err, "EntityAlreadyExists", "lice")
		})
	}
	wait.Wait()
	close(won)
	var ids []string
	for id := range won {
		ids = append(ids, id)
	}
	if users := w.directory.Snapshot().Users(account); len(ids) != 1 || len(users) != 1 || users[0].UniqueID != ids[0] {
		t.Errorf("%q won, and the users are %+v", ids, users)
	}
}

func TestUsersAreListedByThePage(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "zoe")
	for _, name := range []string{"c", "a", "b"} {
		_, err := admin.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: &name, Path: str("/team/")})
		must(t, err)
	}
	var got []string
	pages := awsiam.NewListUsersPaginator(admin, &awsiam.ListUsersInput{PathPrefix: str("/team/"), MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, u := range page.Users {
			got = append(got, *u.UserName)
		}
	}
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("listed: %q", got)
	}
}

func TestPoliciesAndTagsOfAUser(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	enlist(t, admin, "alice")
	name := str("alice")
	_, err := admin.TagUser(t.Context(), &awsiam.TagUserInput{UserName: name, Tags: []types.Tag{{Key: str("Team"), Value: str("red")}}})
	must(t, err)
	tags, err := admin.ListUserTags(t.Context(), &awsiam.ListUserTagsInput{UserName: name})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "red" {
		t.Errorf("tags: %+v", tags.Tags)
	}
	_, err = admin.UntagUser(t.Context(), &awsiam.UntagUserInput{UserName: name, TagKeys: []string{"team"}})
	must(t, err)
	alice := w.as(keyOf(t, admin, "alice"))
	_, err = alice.ListUsers(t.Context(), nil)
	refused(t, err, "AccessDenied", "User: arn:aws:iam::"+account+":user/alice is not authorized to perform: iam:ListUsers")
	_, err = admin.AttachUserPolicy(t.Context(), &awsiam.AttachUserPolicyInput{UserName: name, PolicyArn: str("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	_, err = alice.ListUsers(t.Context(), nil)
	must(t, err)
	_, err = admin.PutUserPermissionsBoundary(t.Context(), &awsiam.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: str(readOnly)})
	must(t, err)
	_, err = alice.ListUsers(t.Context(), nil)
	refused(t, err, "AccessDenied", "because no permissions boundary allows the iam:ListUsers action")
	for range 2 {
		_, err = admin.DeleteUserPermissionsBoundary(t.Context(), &awsiam.DeleteUserPermissionsBoundaryInput{UserName: name})
	}
	refused(t, err, "NoSuchEntity", "alice")
	allowUser(t, admin, "alice", `"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"`)
	_, err = alice.ListUsers(t.Context(), nil)
	refused(t, err, "AccessDenied", "with an explicit deny in an identity-based policy")
	inline, err := admin.ListUserPolicies(t.Context(), &awsiam.ListUserPoliciesInput{UserName: name})
	must(t, err)
	one, err := admin.GetUserPolicy(t.Context(), &awsiam.GetUserPolicyInput{UserName: name, PolicyName: str("may")})
	must(t, err)
	attached, err := admin.ListAttachedUserPolicies(t.Context(), &awsiam.ListAttachedUserPoliciesInput{UserName: name})
	must(t, err)
	if !slices.Equal(inline.PolicyNames, []string{"may"}) || *one.UserName != "alice" || len(attached.AttachedPolicies) != 1 {
		t.Errorf("%q, %+v, %+v", inline.PolicyNames, one, attached.AttachedPolicies)
	}
	_, err = admin.DeleteUserPolicy(t.Context(), &awsiam.DeleteUserPolicyInput{UserName: name, PolicyName: str("none")})
	refused(t, err, "NoSuchEntity", "The user policy with name none cannot be found.")
	long := statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("b", 2000) + `"`)
	_, err = admin.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: name, PolicyName: str("long"), PolicyDocument: &long})
	refused(t, err, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user alice")
}

// userChanges are all that would change a user.
func userChanges(c *awsiam.Client, user string) map[string]func(*testing.T) error {
	name, doc, arn, key := &user, str(allowAll), str("arn:aws:iam::aws:policy/AWSDenyAll"), str("AKIAQ3EGRZ2ABCDEFGH2")
	return map[string]func(*testing.T) error{
		"UpdateUser": func(t *testing.T) error {
			_, err := c.UpdateUser(t.Context(), &awsiam.UpdateUserInput{UserName: name, NewPath: str("/")})
			return err
		},
		"DeleteUser": func(t *testing.T) error {
			_, err := c.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: name})
			return err
		},
		"TagUser": func(t *testing.T) error {
			_, err := c.TagUser(t.Context(), &awsiam.TagUserInput{UserName: name, Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
			return err
		},
		"UntagUser": func(t *testing.T) error {
			_, err := c.UntagUser(t.Context(), &awsiam.UntagUserInput{UserName: name, TagKeys: []string{"a"}})
			return err
		},
		"PutUserPermissionsBoundary": func(t *testing.T) error {
			_, err := c.PutUserPermissionsBoundary(t.Context(), &awsiam.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: arn})
			return err
		},
		"DeleteUserPermissionsBoundary": func(t *testing.T) error {
			_, err := c.DeleteUserPermissionsBoundary(t.Context(), &awsiam.DeleteUserPermissionsBoundaryInput{UserName: name})
			return err
		},
		"PutUserPolicy": func(t *testing.T) error {
			_, err := c.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{UserName: name, PolicyName: str("x"), PolicyDocument: doc})
			return err
		},
		"DeleteUserPolicy": func(t *testing.T) error {
			_, err := c.DeleteUserPolicy(t.Context(), &awsiam.DeleteUserPolicyInput{UserName: name, PolicyName: str("x")})
			return err
		},
		"AttachUserPolicy": func(t *testing.T) error {
			_, err := c.AttachUserPolicy(t.Context(), &awsiam.AttachUserPolicyInput{UserName: name, PolicyArn: arn})
			return err
		},
		"DetachUserPolicy": func(t *testing.T) error {
			_, err := c.DetachUserPolicy(t.Context(), &awsiam.DetachUserPolicyInput{UserName: name, PolicyArn: arn})
			return err
		},
		"CreateAccessKey": func(t *testing.T) error {
			_, err := c.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: name})
			return err
		},
		"UpdateAccessKey": func(t *testing.T) error {
			_, err := c.UpdateAccessKey(t.Context(), &awsiam.UpdateAccessKeyInput{UserName: name, AccessKeyId: key, Status: types.StatusTypeInactive})
			return err
		},
		"DeleteAccessKey": func(t *testing.T) error {
			_, err := c.DeleteAccessKey(t.Context(), &awsiam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key})
			return err
		},
	}
}

func TestAUserOfTheFileIsTheFiles(t *testing.T) {
	d := standard()
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "alice", AccessKeys: []directory.AccessKeyDefinition{{ID: "AKIAQ3EGRZ2ABCDEFGH2"}}}}
	w := newWorld(t, d)
	before := fmt.Sprint(*w.directory.Snapshot().UserByName(account, "alice").Definition)
	for name, change := range userChanges(w.role(t, "admin"), "alice") {
		t.Run(name, func(t *testing.T) { refused(t, change(t), "UnmodifiableEntity", file) })
	}
	if u := w.directory.Snapshot().UserByName(account, "alice"); u.ManagedBy != directory.ManagedByFile || fmt.Sprint(*u.Definition) != before || len(u.AccessKeys) != 1 || !u.AccessKeys[0].Active {
		t.Errorf("he is %+v", u)
	}
}

func TestWhoMayNothingChangesNoUser(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	enlist(t, w.role(t, "admin"), "alice")
	for _, name := range []string{"alice", "nowhere"} {
		for action, change := range userChanges(w.role(t, "nobody"), name) {
			refused(t, change(t), "AccessDenied", "is not authorized to perform: iam:"+action+" on resource: arn:aws:iam::"+account+":user/"+name)
		}
	}
}

func TestAUsersBoundaryCanBeDemanded(t *testing.T) {
	w := newWorld(t, standard(may("bounded", `"Effect":"Allow","Action":["iam:CreateUser","iam:PutUserPolicy","iam:AttachUserPolicy","iam:*UserPermissionsBoundary"],"Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`,
		`"Effect":"Deny","Action":"iam:DeleteUserPermissionsBoundary","Resource":"*"`)))
	enlist(t, w.role(t, "admin"), "free")
	c := w.role(t, "bounded")
	_, err := c.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("alice")})
	refused(t, err, "AccessDenied", "iam:CreateUser")
	_, err = c.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("alice"), PermissionsBoundary: str(readOnly)})
	must(t, err)
	_, err = c.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: str("bob"), PermissionsBoundary: str(readOnly), Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
	refused(t, err, "AccessDenied", "iam:TagUser on resource: arn:aws:iam::"+account+":user/bob")
	for _, action := range []string{"PutUserPolicy", "AttachUserPolicy"} {
		must(t, userChanges(c, "alice")[action](t))
		refused(t, userChanges(c, "free")[action](t), "AccessDenied", action)
	}
	for _, action := range []string{"PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"} {
		refused(t, userChanges(c, "alice")[action](t), "AccessDenied", action)
	}
}
