package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// found makes groups.
func found(t testing.TB, c *awsiam.Client, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := c.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: &name})
		must(t, err)
	}
}

func join(t testing.TB, c *awsiam.Client, user, group string) error {
	t.Helper()
	_, err := c.AddUserToGroup(t.Context(), &awsiam.AddUserToGroupInput{UserName: &user, GroupName: &group})
	return err
}

func leave(t testing.TB, c *awsiam.Client, user, group string) error {
	t.Helper()
	_, err := c.RemoveUserFromGroup(t.Context(), &awsiam.RemoveUserFromGroupInput{UserName: &user, GroupName: &group})
	return err
}

func TestAGroupGivesItsMembersItsPolicies(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	made, err := admin.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: str("Ops"), Path: str("/team/")})
	must(t, err)
	if g := made.Group; *g.Arn != "arn:aws:iam::"+account+":group/team/Ops" || !strings.HasPrefix(*g.GroupId, "AGPA") || *g.Path != "/team/" || !g.CreateDate.Equal(w.clock()) {
		t.Errorf("the group is %+v", g)
	}
	_, err = admin.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: str("OPS")})
	refused(t, err, "EntityAlreadyExists", "Group with name OPS already exists.")
	enlist(t, admin, "alice")
	alice := w.as(keyOf(t, admin, "alice"))
	may := func() error {
		_, err := alice.ListUsers(t.Context(), nil)
		return err
	}
	must(t, join(t, admin, "alice", "Ops"))
	must(t, join(t, admin, "alice", "Ops")) // again
	refused(t, may(), "AccessDenied", "")
	_, err = admin.PutGroupPolicy(t.Context(), &awsiam.PutGroupPolicyInput{GroupName: str("Ops"), PolicyName: str("all"), PolicyDocument: str(allowAll)})
	must(t, err)
	must(t, may())
	_, err = admin.UpdateGroup(t.Context(), &awsiam.UpdateGroupInput{GroupName: str("Ops"), NewGroupName: str("operators"), NewPath: str("/")})
	must(t, err)
	must(t, may()) // who is in it stays in it
	in, err := admin.ListGroupsForUser(t.Context(), &awsiam.ListGroupsForUserInput{UserName: str("alice")})
	must(t, err)
	if len(in.Groups) != 1 || *in.Groups[0].Arn != "arn:aws:iam::"+account+":group/operators" || *in.Groups[0].GroupId != *made.Group.GroupId {
		t.Errorf("alice is in %+v", in.Groups)
	}
	_, err = admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
	refused(t, err, "DeleteConflict", "access keys")
	must(t, leave(t, admin, "alice", "operators"))
	refused(t, may(), "AccessDenied", "")
	refused(t, leave(t, admin, "alice", "operators"), "NoSuchEntity", "The user with name alice cannot be found in the group with name operators.")
	refused(t, join(t, admin, "nobody", "operators"), "NoSuchEntity", "The user with name nobody cannot be found.")
	refused(t, join(t, admin, "alice", "Ops"), "NoSuchEntity", "The group with name Ops cannot be found.")
}

func TestAGroupThatIsInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	found(t, admin, "ops")
	enlist(t, admin, "alice")
	remove := func() error {
		_, err := admin.DeleteGroup(t.Context(), &awsiam.DeleteGroupInput{GroupName: str("ops")})
		return err
	}
	must(t, join(t, admin, "alice", "ops"))
	_, err := admin.AttachGroupPolicy(t.Context(), &awsiam.AttachGroupPolicyInput{GroupName: str("ops"), PolicyArn: str(readOnly)})
	must(t, err)
	_, err = admin.PutGroupPolicy(t.Context(), &awsiam.PutGroupPolicyInput{GroupName: str("ops"), PolicyName: str("all"), PolicyDocument: str(allowAll)})
	must(t, err)
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	_, err = admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
	refused(t, err, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	must(t, leave(t, admin, "alice", "ops"))
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	_, err = admin.DetachGroupPolicy(t.Context(), &awsiam.DetachGroupPolicyInput{GroupName: str("ops"), PolicyArn: str(readOnly)})
	must(t, err)
	refused(t, remove(), "DeleteConflict", "Cannot delete entity, must delete policies first.")
	_, err = admin.DeleteGroupPolicy(t.Context(), &awsiam.DeleteGroupPolicyInput{GroupName: str("ops"), PolicyName: str("all")})
	must(t, err)
	must(t, remove())
	refused(t, remove(), "NoSuchEntity", "The group with name ops cannot be found.")
	_, err = admin.DeleteUser(t.Context(), &awsiam.DeleteUserInput{UserName: str("alice")})
	must(t, err)
}

func TestGroupsAndTheirMembersAreListedByThePage(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	found(t, admin, "b", "c", "a")
	enlist(t, admin, "u3", "u1", "u2", "out")
	for _, name := range []string{"u1", "u2", "u3"} {
		must(t, join(t, admin, name, "b"))
	}
	var names, members []string
	groups := awsiam.NewListGroupsPaginator(admin, &awsiam.ListGroupsInput{MaxItems: aws.Int32(2)})
	for groups.HasMorePages() {
		page, err := groups.NextPage(t.Context())
		must(t, err)
		for _, g := range page.Groups {
			names = append(names, *g.GroupName)
		}
	}
	users := awsiam.NewGetGroupPaginator(admin, &awsiam.GetGroupInput{GroupName: str("b"), MaxItems: aws.Int32(2)})
	for users.HasMorePages() {
		page, err := users.NextPage(t.Context())
		must(t, err)
		if *page.Group.GroupName != "b" {
			t.Errorf("a page of group %s", *page.Group.GroupName)
		}
		for _, u := range page.Users {
			members = append(members, *u.UserName)
		}
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) || !slices.Equal(members, []string{"u1", "u2", "u3"}) {
		t.Errorf("%q and %q", names, members)
	}
	for i := range maxGroups {
		found(t, admin, fmt.Sprint("many", i))
		if err := join(t, admin, "u1", fmt.Sprint("many", i)); i < maxGroups-1 {
			must(t, err)
		} else {
			refused(t, err, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
		}
	}
}

// Who is put into a group is the group's matter, so that nobody puts himself into one that
// he may not touch. What a user may is not asked.
func TestAGroupsARNGuardsIt(t *testing.T) {
	w := newWorld(t, standard(may("ops", `"Effect":"Allow","Action":["iam:AddUserToGroup","iam:RemoveUserFromGroup","iam:UpdateGroup"],"Resource":["arn:aws:iam::`+account+`:group/ops","arn:aws:iam::`+account+`:user/*"]`)))
	admin, c := w.role(t, "admin"), w.role(t, "ops")
	found(t, admin, "ops", "admins")
	enlist(t, admin, "alice")
	must(t, join(t, c, "alice", "ops"))
	must(t, join(t, admin, "alice", "admins"))
	for _, err := range []error{join(t, c, "alice", "admins"), leave(t, c, "alice", "admins"), join(t, c, "alice", "nowhere")} {
		refused(t, err, "AccessDenied", "Group on resource: arn:aws:iam::"+account+":group/")
	}
	_, err := c.UpdateGroup(t.Context(), &awsiam.UpdateGroupInput{GroupName: str("ops"), NewGroupName: str("power")})
	refused(t, err, "AccessDenied", "iam:UpdateGroup on resource: arn:aws:iam::"+account+":group/power")
}

func TestWhatTheFileNamesOfGroupsIsTheFiles(t *testing.T) {
	d := standard()
	d.Accounts[0].Groups = []directory.GroupDefinition{{Name: "ops", Policies: map[string][]byte{"all": []byte(allowAll)}}}
	d.Accounts[0].Users = []directory.UserDefinition{{Name: "filed", Groups: []string{"ops"}}}
	w := newWorld(t, d)
	admin := w.role(t, "admin")
	found(t, admin, "made")
	enlist(t, admin, "alice")
	for name, err := range map[string]error{
		"join": join(t, admin, "filed", "made"), "leave": leave(t, admin, "filed", "ops"),
		"policy": func() error {
			_, err := admin.PutGroupPolicy(t.Context(), &awsiam.PutGroupPolicyInput{GroupName: str("ops"), PolicyName: str("x"), PolicyDocument: str(allowAll)})
			return err
		}(),
		"attach": func() error {
			_, err := admin.AttachGroupPolicy(t.Context(), &awsiam.AttachGroupPolicyInput{GroupName: str("ops"), PolicyArn: str(readOnly)})
			return err
		}(),
		"update": func() error {
			_, err := admin.UpdateGroup(t.Context(), &awsiam.UpdateGroupInput{GroupName: str("ops"), NewGroupName: str("x")})
			return err
		}(),
		"delete": func() error {
			_, err := admin.DeleteGroup(t.Context(), &awsiam.DeleteGroupInput{GroupName: str("ops")})
			return err
		}(),
	} {
		t.Run(name, func(t *testing.T) { refused(t, err, "UnmodifiableEntity", file) })
	}
	// Who is in a group is said of the user: one of the API's may be in a group of the file's.
	must(t, join(t, admin, "alice", "ops"))
	alice := w.as(keyOf(t, admin, "alice"))
	_, err := alice.ListUsers(t.Context(), nil)
	must(t, err)

	// The group goes with the file's wish, and its name says nothing of alice any more.
	d.Accounts[0].Groups, d.Accounts[0].Users = nil, nil
	done, err := w.directory.Reconcile(d, true)
	must(t, err)
	if !slices.Contains(done, "user "+account+"/alice updated: groups") {
		t.Errorf("done: %q", done)
	}
	found(t, admin, "ops")
	if u := w.directory.Snapshot().UserByName(account, "alice"); u == nil || len(u.Definition.Groups) != 0 || len(u.Policies) != 0 {
		t.Errorf("alice is %+v", u)
	}
}

func TestWhoMayNothingChangesNoGroup(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	found(t, w.role(t, "admin"), "ops")
	c := w.role(t, "nobody")
	_, err := c.CreateGroup(t.Context(), &awsiam.CreateGroupInput{GroupName: str("x")})
	refused(t, err, "AccessDenied", "iam:CreateGroup on resource: arn:aws:iam::"+account+":group/x")
	_, err = c.PutGroupPolicy(t.Context(), &awsiam.PutGroupPolicyInput{GroupName: str("ops"), PolicyName: str("x"), PolicyDocument: str(allowAll)})
	refused(t, err, "AccessDenied", "iam:PutGroupPolicy on resource: arn:aws:iam::"+account+":group/ops")
	_, err = c.AttachGroupPolicy(t.Context(), &awsiam.AttachGroupPolicyInput{GroupName: str("ops"), PolicyArn: str(readOnly)})
	refused(t, err, "AccessDenied", "iam:AttachGroupPolicy on resource: arn:aws:iam::"+account+":group/ops")
	_, err = c.DeleteGroup(t.Context(), &awsiam.DeleteGroupInput{GroupName: str("ops")})
	refused(t, err, "AccessDenied", "iam:DeleteGroup on resource: arn:aws:iam::"+account+":group/ops")
	_, err = c.GetGroup(t.Context(), &awsiam.GetGroupInput{GroupName: str("ops")})
	refused(t, err, "AccessDenied", "iam:GetGroup on resource: arn:aws:iam::"+account+":group/ops")
}
