package iam

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

func profileOf(name string) string {
	return "arn:aws:iam::" + account + ":instance-profile/" + name
}

// createProfile makes an instance profile with a role in it, if one is named.
func createProfile(t testing.TB, c *awsiam.Client, name, role string) *types.InstanceProfile {
	t.Helper()
	made, err := c.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: &name})
	must(t, err)
	if role != "" {
		must(t, addRole(t, c, name, role))
	}
	return made.InstanceProfile
}

func addRole(t testing.TB, c *awsiam.Client, profile, role string) error {
	t.Helper()
	_, err := c.AddRoleToInstanceProfile(t.Context(), &awsiam.AddRoleToInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role})
	return err
}

func removeRole(t testing.TB, c *awsiam.Client, profile, role string) error {
	t.Helper()
	_, err := c.RemoveRoleFromInstanceProfile(t.Context(), &awsiam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role})
	return err
}

func deleteProfile(t testing.TB, c *awsiam.Client, profile string) error {
	t.Helper()
	_, err := c.DeleteInstanceProfile(t.Context(), &awsiam.DeleteInstanceProfileInput{InstanceProfileName: &profile})
	return err
}

func TestAnInstanceProfileIsWhatItWasMadeAs(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	made, err := admin.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{
		InstanceProfileName: str("Web"), Path: str("/team/a/"), Tags: []types.Tag{{Key: str("cost"), Value: str("a b")}, {Key: str("Empty"), Value: str("")}},
	})
	must(t, err)
	must(t, awsiam.NewInstanceProfileExistsWaiter(admin).Wait(t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: str("Web")}, time.Minute))
	got, err := admin.GetInstanceProfile(t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: str("Web")})
	must(t, err)
	for _, p := range []*types.InstanceProfile{made.InstanceProfile, got.InstanceProfile} {
		if *p.Arn != profileOf("team/a/Web") || *p.Path != "/team/a/" || *p.InstanceProfileName != "Web" || !strings.HasPrefix(*p.InstanceProfileId, "AIPA") ||
			!p.CreateDate.Equal(w.clock()) || p.Roles == nil || len(p.Roles) != 0 || len(p.Tags) != 2 || *p.Tags[0].Key != "Empty" || *p.Tags[1].Value != "a b" {
			t.Errorf("the profile is %+v", p)
		}
	}
	create(t, admin, "web")
	must(t, addRole(t, admin, "Web", "web"))
	usual := createProfile(t, admin, "usual", "")
	if *usual.Path != "/" || usual.Tags != nil || *usual.Arn != profileOf("usual") {
		t.Errorf("what was not said: %+v", usual)
	}
	list, err := admin.ListInstanceProfiles(t.Context(), &awsiam.ListInstanceProfilesInput{PathPrefix: str("/team/")})
	must(t, err)
	if p := list.InstanceProfiles; len(p) != 1 || p[0].Tags != nil || len(p[0].Roles) != 1 || *p[0].Roles[0].Arn != "arn:aws:iam::"+account+":role/web" || *p[0].Roles[0].AssumeRolePolicyDocument == "" {
		t.Errorf("the list is %+v", p)
	}
	first, err := admin.ListInstanceProfiles(t.Context(), &awsiam.ListInstanceProfilesInput{MaxItems: aws.Int32(1)})
	must(t, err)
	rest, err := admin.ListInstanceProfiles(t.Context(), &awsiam.ListInstanceProfilesInput{Marker: first.Marker})
	must(t, err)
	if len(first.InstanceProfiles) != 1 || *first.InstanceProfiles[0].InstanceProfileName != "Web" || len(rest.InstanceProfiles) != 1 || rest.IsTruncated {
		t.Errorf("two pages: %+v, %+v", first, rest)
	}
	for _, name := range []string{"Web", "web", "WEB", "USUAL"} {
		_, err := admin.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: str(name)})
		refused(t, err, "EntityAlreadyExists", "Instance Profile "+name+" already exists.")
	}
	_, err = admin.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: str(strings.Repeat("p", 129))})
	refused(t, err, "ValidationError", "at 'instanceProfileName' failed to satisfy constraint: Member must have length less than or equal to 128")
	_, err = admin.CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: str("x"), Path: str("team")})
	refused(t, err, "ValidationError", "at 'path'")
}

func TestAnInstanceProfileHoldsOneRole(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	create(t, admin, "db")
	createProfile(t, admin, "a", "web")
	createProfile(t, admin, "b", "web")
	for _, role := range []string{"web", "db"} {
		refused(t, addRole(t, admin, "a", role), "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	}
	refused(t, addRole(t, admin, "nowhere", "web"), "NoSuchEntity", "Instance Profile nowhere cannot be found.")
	refused(t, addRole(t, admin, "a", "nobody"), "NoSuchEntity", "The role with name nobody cannot be found.")
	refused(t, removeRole(t, admin, "a", "db"), "NoSuchEntity", "The role with name db cannot be found")
	refused(t, deleteProfile(t, admin, "a"), "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	_, err := admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: str("web")})
	refused(t, err, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")

	in, err := admin.ListInstanceProfilesForRole(t.Context(), &awsiam.ListInstanceProfilesForRoleInput{RoleName: str("web"), MaxItems: aws.Int32(1)})
	must(t, err)
	rest, err := admin.ListInstanceProfilesForRole(t.Context(), &awsiam.ListInstanceProfilesForRoleInput{RoleName: str("web"), Marker: in.Marker})
	must(t, err)
	if all := slices.Concat(in.InstanceProfiles, rest.InstanceProfiles); len(all) != 2 || *all[0].InstanceProfileName != "a" || *all[1].InstanceProfileName != "b" || rest.IsTruncated {
		t.Errorf("web is in %+v", all)
	}
	_, err = admin.ListInstanceProfilesForRole(t.Context(), &awsiam.ListInstanceProfilesForRoleInput{RoleName: str("nobody")})
	refused(t, err, "NoSuchEntity", "The role with name nobody cannot be found.")

	must(t, removeRole(t, admin, "a", "web"))
	refused(t, removeRole(t, admin, "a", "web"), "NoSuchEntity", "web")
	must(t, addRole(t, admin, "a", "db"))
	if p := w.directory.Snapshot().InstanceProfileByName(account, "a"); p.Role != "db" {
		t.Errorf("it is %+v", p)
	}
	must(t, removeRole(t, admin, "a", "db"))
	must(t, deleteProfile(t, admin, "a"))
	refused(t, deleteProfile(t, admin, "a"), "NoSuchEntity", "Instance Profile a cannot be found.")
}

// Who puts a role into a profile passes it to EC2: without iam:PassRole, anybody who may
// write profiles would give an instance of his the administrator's role.
func TestWhoAddsARoleMustBeAllowedToPassIt(t *testing.T) {
	const add = `"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"`
	pass := func(role, service string) string {
		return `"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::` + account + `:role/` + role + `","Condition":{"StringEquals":{"iam:PassedToService":"` + service + `"}}`
	}
	w := newWorld(t, standard(may("adder", add), may("of-another", add, pass("db", "ec2.amazonaws.com")), may("to-lambda", add, pass("web", "lambda.amazonaws.com")),
		may("denied", `"Effect":"Allow","Action":"*","Resource":"*"`, `"Effect":"Deny","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/secret":"yes"}}`),
		may("passer", pass("web", "ec2.amazonaws.com")), may("right", add, pass("web", "ec2.amazonaws.com"))))
	admin := w.role(t, "admin")
	_, err := admin.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: str("web"), AssumeRolePolicyDocument: str(trustEC2), Tags: []types.Tag{{Key: str("secret"), Value: str("yes")}}})
	must(t, err)
	createProfile(t, admin, "p", "")
	for _, by := range []string{"adder", "of-another", "to-lambda", "denied"} {
		refused(t, addRole(t, w.role(t, by), "p", "web"), "AccessDenied", "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::"+account+":role/web")
	}
	refused(t, addRole(t, w.role(t, "adder"), "p", "nobody"), "AccessDenied", "iam:PassRole on resource: arn:aws:iam::"+account+":role/nobody")
	refused(t, addRole(t, w.role(t, "passer"), "p", "web"), "AccessDenied", "iam:AddRoleToInstanceProfile on resource: "+profileOf("p"))
	if p := w.directory.Snapshot().InstanceProfileByName(account, "p"); p.Role != "" {
		t.Errorf("it is %+v", p)
	}
	must(t, addRole(t, w.role(t, "right"), "p", "web"))
}

// A role is deleted or in a profile, whoever comes first.
func TestARoleIsNotDeletedWhileItIsAdded(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	for i := range 8 {
		name := fmt.Sprint("r", i)
		create(t, admin, name)
		createProfile(t, admin, name, "")
		var wait sync.WaitGroup
		wait.Go(func() { _ = addRole(t, admin, name, name) })
		wait.Go(func() { _, _ = admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: &name}) })
		wait.Wait()
		s := w.directory.Snapshot()
		if p, r := s.InstanceProfileByName(account, name), s.RoleByName(account, name); (p.Role != "") != (r != nil) {
			t.Errorf("%s: the profile holds %q, and the role is %v", name, p.Role, r)
		}
	}
}

// profileChanges are all that would change an instance profile.
func profileChanges(c *awsiam.Client, name string) map[string]func(*testing.T) error {
	return map[string]func(*testing.T) error{
		"AddRoleToInstanceProfile":      func(t *testing.T) error { return addRole(t, c, name, "admin") },
		"RemoveRoleFromInstanceProfile": func(t *testing.T) error { return removeRole(t, c, name, "admin") },
		"DeleteInstanceProfile":         func(t *testing.T) error { return deleteProfile(t, c, name) },
		"TagInstanceProfile": func(t *testing.T) error {
			_, err := c.TagInstanceProfile(t.Context(), &awsiam.TagInstanceProfileInput{InstanceProfileName: &name, Tags: []types.Tag{{Key: str("a"), Value: str("b")}}})
			return err
		},
		"UntagInstanceProfile": func(t *testing.T) error {
			_, err := c.UntagInstanceProfile(t.Context(), &awsiam.UntagInstanceProfileInput{InstanceProfileName: &name, TagKeys: []string{"a"}})
			return err
		},
	}
}

func TestTheFilesInstanceProfilesAreTheFiles(t *testing.T) {
	d := standard()
	d.Accounts[0].InstanceProfiles = []directory.InstanceProfileDefinition{{Name: "web", Role: "admin"}}
	w := newWorld(t, d)
	before := *w.directory.Snapshot().InstanceProfileByName(account, "web")
	for name, change := range profileChanges(w.role(t, "admin"), "web") {
		t.Run(name, func(t *testing.T) { refused(t, change(t), "UnmodifiableEntity", file) })
	}
	if after := w.directory.Snapshot().InstanceProfileByName(account, "web"); after == nil || fmt.Sprint(*after) != fmt.Sprint(before) {
		t.Errorf("it is %+v, was %+v", after, before)
	}
}

func TestWhoMayNothingChangesNoInstanceProfile(t *testing.T) {
	w := newWorld(t, standard(may("nobody")))
	createProfile(t, w.role(t, "admin"), "web", "admin")
	nobody := w.role(t, "nobody")
	for _, name := range []string{"web", "nowhere"} {
		for action, change := range profileChanges(nobody, name) {
			refused(t, change(t), "AccessDenied", "iam:"+action+" on resource: "+profileOf(name))
		}
		_, err := nobody.GetInstanceProfile(t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: &name})
		refused(t, err, "AccessDenied", "iam:GetInstanceProfile on resource: "+profileOf(name))
	}
	stranger := w.as(w.session(t, other, "admin"))
	_, err := stranger.GetInstanceProfile(t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: str("web")})
	refused(t, err, "NoSuchEntity", "web")
	createProfile(t, stranger, "web", "admin")
	if p := w.directory.Snapshot().InstanceProfileByName(account, "web"); p == nil || p.Role != "admin" || len(p.Tags) > 0 {
		t.Errorf("it is %+v", p)
	}
}

func TestTagsOfAnInstanceProfile(t *testing.T) {
	w := newWorld(t, standard(
		may("red", `"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}`),
		may("untagged", `"Effect":"Allow","Action":"iam:CreateInstanceProfile","Resource":"*"`)))
	admin := w.role(t, "admin")
	_, err := w.role(t, "untagged").CreateInstanceProfile(t.Context(), &awsiam.CreateInstanceProfileInput{InstanceProfileName: str("web"), Tags: []types.Tag{{Key: str("team"), Value: str("red")}}})
	refused(t, err, "AccessDenied", "iam:TagInstanceProfile")
	createProfile(t, admin, "web", "")
	_, err = w.role(t, "red").GetInstanceProfile(t.Context(), &awsiam.GetInstanceProfileInput{InstanceProfileName: str("web")})
	refused(t, err, "AccessDenied", "iam:GetInstanceProfile")
	_, err = admin.TagInstanceProfile(t.Context(), &awsiam.TagInstanceProfileInput{InstanceProfileName: str("web"), Tags: []types.Tag{{Key: str("Team"), Value: str("blue")}, {Key: str("cost"), Value: str("1")}}})
	must(t, err)
	_, err = admin.TagInstanceProfile(t.Context(), &awsiam.TagInstanceProfileInput{InstanceProfileName: str("web"), Tags: []types.Tag{{Key: str("team"), Value: str("red")}}})
	must(t, err)
	list, err := w.role(t, "red").ListInstanceProfileTags(t.Context(), &awsiam.ListInstanceProfileTagsInput{InstanceProfileName: str("web")})
	must(t, err)
	if g := list.Tags; len(g) != 2 || *g[0].Key != "cost" || *g[1].Key != "team" || *g[1].Value != "red" {
		t.Errorf("the tags are %+v", g)
	}
	_, err = admin.UntagInstanceProfile(t.Context(), &awsiam.UntagInstanceProfileInput{InstanceProfileName: str("web"), TagKeys: []string{"COST", "nothing"}})
	must(t, err)
	if p := w.directory.Snapshot().InstanceProfileByName(account, "web"); len(p.Tags) != 1 {
		t.Errorf("after that: %v", p.Tags)
	}
	_, err = admin.ListInstanceProfileTags(t.Context(), &awsiam.ListInstanceProfileTagsInput{InstanceProfileName: str("nowhere")})
	refused(t, err, "NoSuchEntity", "nowhere")
}

// Who deletes a profile takes it from whom it was granted to, for good: one that is made
// anew under the name is nobody's.
func TestAnInstanceProfileThatIsMadeAnewIsNotGranted(t *testing.T) {
	w := newWorld(t, standard())
	admin := w.role(t, "admin")
	create(t, admin, "web")
	createProfile(t, admin, "one", "web")
	createProfile(t, admin, "two", "web")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	const host = "h-0123456789abcdef0"
	must(t, w.directory.PutHost(directory.Host{ID: host, Account: account, Key: &key.PublicKey}))
	put := func(name string, profiles ...string) error {
		g := directory.Grant{Name: name, Account: account, Host: host, InstanceIDs: []string{"i-*"}, InstanceProfiles: profiles}
		return w.directory.PutGrant(g, w.directory.Snapshot().Administrator(account, "test"), w.clock())
	}
	must(t, put("both", profileOf("one"), profileOf("two")))
	must(t, put("alone", profileOf("one")))
	must(t, removeRole(t, admin, "one", "web"))
	if err := put("later", profileOf("one")); err == nil || !strings.Contains(err.Error(), profileOf("one")+" has no role: add one to it first") {
		t.Errorf("a profile that holds no role was granted: %v", err)
	}
	if s := w.directory.Snapshot(); s.Grant(account, "alone") == nil || len(s.Grant(account, "both").InstanceProfiles) != 2 {
		t.Errorf("an empty profile is granted no more: %v", s.Grants())
	}
	must(t, deleteProfile(t, admin, "one"))
	createProfile(t, admin, "one", "web")
	s := w.directory.Snapshot()
	if g := s.Grant(account, "both"); s.Grant(account, "alone") != nil || g == nil || !slices.Equal(g.InstanceProfiles, []string{profileOf("two")}) {
		t.Errorf("the grants are %v", s.Grants())
	}
	if text := w.log.String(); !strings.Contains(text, `"action":"DeleteInstanceProfile"`) || !strings.Contains(text, `"instance_profile":"one"`) {
		t.Errorf("no line says it: %s", text)
	}
}
