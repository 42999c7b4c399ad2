package hosts

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// TestWhyFollowsAnInstance asks of an instance before and after its host has it, and of
// what each step lacks.
func TestWhyFollowsAnInstance(t *testing.T) {
	h := build(t)
	why := func(instance, role string) Standing {
		t.Helper()
		standing, request, policies := h.Why(instance, role, nil, nil, now)
		if d := policy.Evaluate(request, policies); standing.Lacks != "" && d.Allowed() {
			t.Errorf("%s lacks %q and is allowed", instance, standing.Lacks)
		}
		return standing
	}
	before := why(guest, "")
	if before.Lacks != "" || before.Host != hostID || before.Grant != "g" || before.RoleARN == "" || !before.Leased.IsZero() ||
		before.InstanceProfile != strings.Replace(before.RoleARN, ":role/team/", ":instance-profile/p/", 1) {
		t.Errorf("before its host asks: %+v", before)
	}
	role := h.directory.Snapshot().Role(before.RoleARN)
	if _, err := h.directory.Claim(guest, hostID, role.UniqueID, now); err != nil {
		t.Fatal(err)
	}
	if after := why(guest, ""); after.Lacks != "" || !after.Leased.Equal(now) || after.RoleARN != before.RoleARN {
		t.Errorf("after: %+v", after)
	}
	for name, test := range map[string]struct{ instance, role, lacks string }{
		"an instance of nobody's":     {"i-0000000000000ffff", "", "no host is granted the instance"},
		"no instance":                 {"i-x", "", "is no instance id"},
		"a role that is not granted":  {guest, "arn:aws:iam::" + account + ":role/in-no-granted-profile", "is not granted a profile with role"},
		"a role of another account's": {guest, "arn:aws:iam::" + other + ":role/in-no-granted-profile", "is not granted a profile with role"},
		"a role that is not there":    {guest, "arn:aws:iam::" + account + ":role/x", "there is no role"},
	} {
		if got := why(test.instance, test.role); !strings.Contains(got.Lacks, test.lacks) {
			t.Errorf("%s: %+v, want %q", name, got, test.lacks)
		}
	}
	if err := h.directory.RemoveGrant(account, "g"); err != nil {
		t.Fatal(err)
	}
	if got := why(guest, ""); !strings.Contains(got.Lacks, "is not granted instance "+guest) || got.Host != hostID {
		t.Errorf("without its grant: %+v", got)
	}
}
