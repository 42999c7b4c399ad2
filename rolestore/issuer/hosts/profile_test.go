package hosts

import (
	"errors"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// The profile here is one that IAM's API made, and changes.
func buildProfile(t *testing.T) (house, func(role string)) {
	h := build(t)
	if err := h.directory.CreateInstanceProfile(account, directory.InstanceProfileDefinition{Name: "api", Role: "web"}, now); err != nil {
		t.Fatal(err)
	}
	h.grant.InstanceProfiles = []string{"arn:aws:iam::" + account + ":instance-profile/api"}
	h.put(t, h.grant)
	return h, func(role string) {
		t.Helper()
		p := h.directory.Snapshot().InstanceProfileByName(account, "api")
		if err := h.directory.ChangeInstanceProfile(p, func(_ *directory.Snapshot, d *directory.InstanceProfileDefinition) error {
			d.Role = role
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A host has what is in the profile now: nothing of an empty one, and of another role
// only that.
func TestAHostGetsTheRoleThatIsInTheProfileNow(t *testing.T) {
	h, hold := buildProfile(t)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Fatal(err)
	}
	lease, _ := h.directory.Lease(guest)
	s := h.directory.Snapshot()
	of := session.Claims{Lease: lease.ID, SessionName: guest, Principal: lease.RoleID, Account: account}
	if !h.Stands(s, of) || !h.State(hostID, guest).Valid {
		t.Fatal("what was just issued does not stand")
	}
	hold("")
	if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("the role of an empty profile: %v", err)
	}
	nothing := h.claims()
	nothing.RoleARN = "arn:aws:iam::" + account + ":role/"
	if _, err := h.redeem(t, nothing, nil); !errors.Is(err, ErrDenied) {
		t.Errorf("no role of an empty profile: %v", err)
	}
	if h.Stands(h.directory.Snapshot(), of) || h.State(hostID, guest).Valid {
		t.Error("a session outlives its role in the profile")
	}
	if why, _, _ := h.Why(guest, web, nil, nil, now); why.Lacks == "" {
		t.Errorf("why says %+v", why)
	}
	host := h.directory.Snapshot().Host(hostID)
	if p, err := h.Profile(host, "api"); err != nil || p.RoleARN != "" || p.ID == "" {
		t.Errorf("the host is told %+v, %v", p, err)
	}

	hold("denied-another")
	if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("the role that was in it before: %v", err)
	}
	if h.Stands(h.directory.Snapshot(), of) {
		t.Error("a session of the role before stands")
	}
	next := h.claims()
	next.RoleARN = "arn:aws:iam::" + account + ":role/team/denied-another"
	if _, err := h.redeem(t, next, nil); err != nil {
		t.Errorf("the role that is in it: %v", err)
	}
}

// A profile that was deleted and made anew is not what was granted, though it has its name
// and its role.
func TestAProfileThatTheAPIMakesAnewIsNotGranted(t *testing.T) {
	h, hold := buildProfile(t)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Fatal(err)
	}
	lease, _ := h.directory.Lease(guest)
	of := session.Claims{Lease: lease.ID, SessionName: guest, Principal: lease.RoleID, Account: account}
	old := h.directory.Snapshot().InstanceProfileByName(account, "api")
	if err := h.directory.DeleteInstanceProfile(old); !errors.Is(err, directory.ErrInUse) {
		t.Fatalf("a profile that holds a role was deleted: %v", err)
	}
	hold("")
	if err := h.directory.DeleteInstanceProfile(old); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.CreateInstanceProfile(account, directory.InstanceProfileDefinition{Name: "api", Role: "web"}, now); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.DeleteInstanceProfile(old); !errors.Is(err, directory.ErrChanged) {
		t.Errorf("another profile than was seen is deleted: %v", err)
	}
	if _, err := h.redeem(t, h.claims(), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("a profile that was made anew is granted: %v", err)
	}
	if h.Stands(h.directory.Snapshot(), of) || h.State(hostID, guest).Valid {
		t.Error("a session of the profile before stands")
	}
	h.put(t, h.grant)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Errorf("granted anew: %v", err)
	}
}
