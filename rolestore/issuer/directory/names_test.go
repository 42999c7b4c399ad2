package directory

import (
	"slices"
	"testing"
)

// No path, and the path that IAM makes of it, are one: a role keeps its unique id,
// and its sessions live on, when somebody writes down the default.
func TestNoPathIsTheRoot(t *testing.T) {
	for _, paths := range [][2]string{{"", "/"}, {"/", ""}} {
		d := newPlace(t).open(t)
		first, second := define(paths[0], trustEC2), define(paths[1], trustEC2)
		first.Accounts[0].InstanceProfiles[0].Path, second.Accounts[0].InstanceProfiles[0].Path = paths[0], paths[1]
		reconcile(t, d, first, false)
		role, profile := d.Snapshot().RoleByName(account, "web"), d.Snapshot().InstanceProfileByName(account, "web")
		if done := reconcile(t, d, second, false); len(done) != 0 {
			t.Errorf("from %q to %q: %q", paths[0], paths[1], done)
		}
		if d.Snapshot().RoleByID(role.UniqueID) == nil || d.Snapshot().InstanceProfile(profile.ARN()).UniqueID != profile.UniqueID {
			t.Errorf("from %q to %q: another unique id", paths[0], paths[1])
		}
		if role.ARN() != "arn:aws:iam::"+account+":role/web" || profile.ARN() != "arn:aws:iam::"+account+":instance-profile/web" ||
			role.Path != "/" || profile.Path != "/" {
			t.Errorf("with the path %q: %s and %s", paths[0], role.ARN(), profile.ARN())
		}
	}
}

// IAM knows no "." and "..": they are names and paths like others, and no way to
// the ARN of somebody else.
func TestDotsInNamesAreDots(t *testing.T) {
	d := newPlace(t).open(t)
	want := define("/../user/", trustEC2)
	want.Accounts[0].Roles = append(want.Accounts[0].Roles, RoleDefinition{Name: "..", AssumeRolePolicyDocument: []byte(trustEC2)})
	reconcile(t, d, want, false)
	for name, arn := range map[string]string{
		"web": "arn:aws:iam::" + account + ":role/../user/web",
		"..":  "arn:aws:iam::" + account + ":role/..",
	} {
		if role := d.Snapshot().Role(arn); role == nil || role.Name != name || role.ARN() != arn {
			t.Errorf("%s: the role of its ARN is %+v", name, role)
		}
	}
}

func TestAProfileThatMovesHasAnotherID(t *testing.T) {
	d := newPlace(t).open(t)
	want := define("/", trustEC2)
	reconcile(t, d, want, false)
	before := d.Snapshot().InstanceProfileByName(account, "web")
	want.Accounts[0].InstanceProfiles[0].Path = "/team/"
	if done := reconcile(t, d, want, false); !slices.Equal(done, []string{"instance profile " + account + "/web created"}) {
		t.Errorf("another path: %q", done)
	}
	after := d.Snapshot().InstanceProfileByName(account, "web")
	if after.UniqueID == before.UniqueID || d.Snapshot().InstanceProfile(before.ARN()) != nil || d.Snapshot().InstanceProfile(after.ARN()) != after {
		t.Errorf("%s and %s", before.ARN(), after.ARN())
	}
	want.Accounts[0].Roles = append(want.Accounts[0].Roles, RoleDefinition{Name: "db", AssumeRolePolicyDocument: []byte(trustEC2)})
	want.Accounts[0].InstanceProfiles[0].Role = "db"
	reconcile(t, d, want, false)
	if got := d.Snapshot().InstanceProfileByName(account, "web"); got.Role != "db" || got.UniqueID != after.UniqueID {
		t.Errorf("another role: %+v, was %+v", got, after)
	}
}
