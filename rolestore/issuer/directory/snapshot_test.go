package directory

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// everything is all that a snapshot answers, by what was asked.
func everything(s *Snapshot) map[string]any {
	all := map[string]any{"core": s.CoreID(), "home": s.HomeAccount(), "accounts": s.Accounts(), "grants": s.Grants(), "leases": s.LeasesOf("")}
	for _, h := range s.Hosts() {
		all["grants of "+h.ID], all["leases of "+h.ID], all["count of "+h.ID] = s.GrantsOf(h.ID), s.LeasesOf(h.ID), s.leased.get(h.ID)
	}
	for _, a := range s.Accounts() {
		all["profiles of "+a], all["policies of "+a] = s.InstanceProfiles(a), s.Policies(a)
		for _, r := range s.Roles(a) {
			all[r.ARN()], all["profiles of "+r.ARN()] = []any{s.Role(r.ARN()), s.RoleByID(r.UniqueID), s.RoleByName(a, r.Name), s.TrustText(r)}, s.ProfilesOf(r)
		}
		for _, u := range s.Users(a) {
			all[u.ARN()] = []any{s.User(u.ARN()), s.UserByID(u.UniqueID), s.UserByName(a, u.Name)}
			for _, k := range u.AccessKeys {
				all[k.ID] = s.AccessKey(k.ID)
			}
		}
		for _, g := range s.Groups(a) {
			all[g.ARN()] = []any{g, len(s.Members(g))}
		}
		for _, m := range s.MFADevices(a) {
			all[m.Serial] = s.MFADevice(m.Serial)
		}
	}
	for e := range s.arns.under("arn:") {
		all["has "+e.arn] = []any{e.Bucket, s.ManagedPolicy(e.arn)}
		for _, a := range s.Accounts() {
			all["who of "+a+" has "+e.arn] = []any{s.Entities(a, e.arn), s.Usage(a, e.arn)}
		}
	}
	for name, t := range map[string]*tree[*entry]{"arns": s.arns, "ids": s.ids, "owners": s.owners, "records": s.records} {
		all[name] = t.m.Keys()
	}
	return all
}

// random changes a definition at random: what is in it is attached, named and made anew.
func (a *AccountDefinition) random(r *rand.Rand) {
	documents := []string{allowAll, denyAll, allow(`"s3:GetObject"`)}
	document := func() []byte { return []byte(documents[r.IntN(len(documents))]) }
	some := func(from ...string) []string { return from[:r.IntN(len(from)+1)] }
	path := func() string { return []string{"/", "/", "/other/"}[r.IntN(3)] }
	a.Policies, a.Groups, a.Users, a.Roles, a.InstanceProfiles, a.VirtualMFADevices = nil, nil, nil, nil, nil, nil
	var policies, groups []string
	for _, name := range some("p1", "p2", "p3") {
		p := PolicyDefinition{Name: name, Path: path(), Document: document()}
		a.Policies, policies = append(a.Policies, p), append(policies, arn(a.ID, "policy", p.Path, name))
	}
	for _, name := range some("g1", "g2") {
		a.Groups, groups = append(a.Groups, GroupDefinition{Name: name, Path: path(), ManagedPolicies: some(policies...), Policies: map[string][]byte{"in": document()}}), append(groups, name)
	}
	trust := trustEC2
	for n, name := range some("u1", "u2", "u3") {
		u := UserDefinition{Name: name, Path: path(), Groups: some(groups...), ManagedPolicies: some(policies...), Policies: map[string][]byte{"in": document()},
			AccessKeys: []AccessKeyDefinition{{}, {ID: fmt.Sprintf("AKIA%016d", 0), Secret: rolestore.NewSecret("0123456789012345678901234567890123456789")}}[:r.IntN(2)]}
		if n == 0 && r.IntN(2) == 0 {
			trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arn(a.ID, "user", u.Path, name) + `"},"Action":"sts:AssumeRole"}]}`
		}
		a.Users = append(a.Users, u)
		if r.IntN(2) == 0 {
			a.VirtualMFADevices = append(a.VirtualMFADevices, MFADeviceDefinition{Name: "phone-" + name, User: a.Users[r.IntN(len(a.Users))].Name})
		}
	}
	for _, name := range some("r1", "r2", "r3") {
		a.Roles = append(a.Roles, RoleDefinition{Name: name, Path: path(), AssumeRolePolicyDocument: []byte(trust), ManagedPolicies: some(policies...)})
		a.InstanceProfiles = append(a.InstanceProfiles, InstanceProfileDefinition{Name: "i" + name, Role: name})
	}
}

// step does one thing at random, and minds not whether it may.
func step(t *testing.T, d *Directory, r *rand.Rand, want *Definitions, hosts []Host) {
	t.Helper()
	h, instance := hosts[r.IntN(len(hosts))], fmt.Sprintf("i-%017x", r.IntN(4))
	var err error
	switch r.IntN(12) {
	case 0, 1:
		for n := range want.Accounts {
			want.Accounts[n].random(r)
		}
		_, err = d.Reconcile(*want, r.IntN(2) == 0)
	case 2:
		h.Account = want.Accounts[r.IntN(2)].ID
		err = d.PutHost(h)
	case 3:
		_ = d.RemoveHost(h.ID)
	case 4:
		_, _ = d.Claim(instance, h.ID, "AROA", noon)
	case 5:
		_, _ = d.Release(instance, "")
	case 6:
		_, _ = d.Revoke(instance, "", noon)
	case 7:
		account := want.Accounts[r.IntN(2)].ID
		s := d.Snapshot()
		if all := s.InstanceProfiles(account); len(all) > 0 {
			_ = d.PutGrant(Grant{Name: fmt.Sprint("g", r.IntN(3)), Account: account, Host: h.ID, InstanceProfiles: []string{all[0].ARN()}, InstanceIDs: []string{"i-*"}}, s.Administrator(account, "test"), noon)
		}
	case 8: // of whom it is attached to, nobody changes
		for a := range want.Accounts {
			for n := range want.Accounts[a].Policies {
				want.Accounts[a].Policies[n].Document = []byte([]string{allowAll, denyAll}[r.IntN(2)])
			}
		}
		_, err = d.Reconcile(*want, false)
	case 9:
		names := []string{"above", "below"}
		_ = d.CreateUser(account, UserDefinition{Name: names[0]}, noon)
		for n, name := range names {
			if u := d.Snapshot().UserByName(account, name); u != nil && r.IntN(2) == 0 {
				_ = d.ChangeUser(u, func(_ *Snapshot, def *UserDefinition) error { def.Name = names[1-n]; return nil })
			}
		}
	case 10, 11:
		managePolicies(d, r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// managePolicies does by the API what makes, changes and deletes managed policies, and has
// them, or has them not, attached to a user of the API.
func managePolicies(d *Directory, r *rand.Rand) {
	document := func() []byte { return []byte([]string{allowAll, denyAll, allow(`"s3:GetObject"`)}[r.IntN(3)]) }
	names := []string{"own", "OWN", "p1"}
	_ = d.CreatePolicy(account, PolicyDefinition{Name: names[r.IntN(3)], Path: []string{"/", "/own/"}[r.IntN(2)], Document: document()}, noon)
	for _, p := range d.Snapshot().Policies(account) {
		version := func() string { return p.Versions[r.IntN(len(p.Versions))].ID }
		switch r.IntN(6) {
		case 0:
			_, _ = d.CreatePolicyVersion(p, document(), r.IntN(2) == 0, noon)
		case 1:
			_ = d.SetDefaultPolicyVersion(p, version(), noon)
		case 2:
			_ = d.DeletePolicyVersion(p, version())
		case 3:
			_ = d.DeletePolicy(p)
		case 4:
			_ = d.TagPolicy(p, func(map[string]string) (map[string]string, error) {
				return map[string]string{"n": fmt.Sprint(r.IntN(3))}, nil
			})
		}
		for _, name := range []string{"above", "below"} {
			if u := d.Snapshot().UserByName(account, name); u != nil {
				_ = d.ChangeUser(u, func(_ *Snapshot, def *UserDefinition) error {
					def.ManagedPolicies, def.PermissionsBoundary = [][]string{nil, {p.ARN()}}[r.IntN(2)], []string{"", p.ARN()}[r.IntN(2)]
					return nil
				})
			}
		}
	}
}

// TestASnapshotIsWhatIsInTheStore compares, after each of many random changes, the
// snapshot that was made of the one before with one that is made of the store.
func TestASnapshotIsWhatIsInTheStore(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 0))
		d := newPlace(t).open(t)
		want := Definitions{At: noon, Accounts: []AccountDefinition{{ID: account}, {ID: "210987654321"}}}
		hosts := []Host{newHost(t), newHost(t)}
		hosts[1].ID = otherHost
		reconcile(t, d, want, false)
		for n := range 60 {
			step(t, d, r, &want, hosts)
			fresh := &Directory{store: d.store, logger: slog.New(slog.DiscardHandler)}
			if err := fresh.load(); err != nil {
				t.Fatal(err)
			}
			got, loaded := everything(d.Snapshot()), everything(fresh.Snapshot())
			if !reflect.DeepEqual(got, loaded) {
				for _, k := range slices.Sorted(maps.Keys(loaded)) {
					if !reflect.DeepEqual(got[k], loaded[k]) {
						t.Errorf("%s is %+v, and in the store %+v", k, got[k], loaded[k])
					}
				}
				t.Fatalf("seed %d, change %d", seed, n)
			}
		}
	}
}

// second is another core's directory of the same store.
func second(t *testing.T, d *Directory) *Directory {
	t.Helper()
	other, err := open(d.store, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// TestTwoCoresOfOneStoreSeeEachOthersChanges has both change at once, each on what the
// other has left.
func TestTwoCoresOfOneStoreSeeEachOthersChanges(t *testing.T) {
	a := newPlace(t).open(t)
	reconcile(t, a, Default(account), false)
	b := second(t, a)
	if a.Snapshot().CoreID() != b.Snapshot().CoreID() {
		t.Error("the second made an identity of its own")
	}
	w := b.Watch(hostName)
	host := newHost(t)
	if err := a.PutHost(host); err != nil {
		t.Fatal(err)
	}
	<-w.Changed()
	if b.Snapshot().Host(host.ID) == nil {
		t.Error("the other core does not know the host")
	}
	won := make(chan *Directory, 20)
	var wg sync.WaitGroup
	for n := range 10 {
		for _, d := range []*Directory{a, b} {
			wg.Go(func() {
				other := host
				other.ID = fmt.Sprintf("h-%017x", n)
				if err := d.PutHost(other); err != nil {
					t.Error(err)
				}
				_, err := d.Claim(fmt.Sprintf("i-%017x", n), map[bool]string{true: host.ID, false: other.ID}[d == a], "AROA", noon)
				if err == nil {
					won <- d
				} else if !errors.Is(err, ErrLeased) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if len(won) != 10 {
		t.Errorf("of two who claim 10 instances, %d have one", len(won))
	}
}
