package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// granting is a core.yaml whose only grant is of the default profile to a host.
func granting(h Host) Definitions {
	d := Default(account)
	d.builtIn, d.Source, d.At = false, "/etc/core.yaml", noon
	d.Accounts[0].Grants = []GrantDefinition{{Name: "g", Host: h.ID, HostKey: h.Fingerprint(), InstanceProfiles: []string{DefaultName},
		InstanceIDs: []string{guest}, Tags: map[string]string{"team": "a"}}}
	return d
}

func grantNames(grants []*Grant) (list []string) {
	for _, g := range grants {
		list = append(list, g.Name)
	}
	return list
}

// TestAGrantOfTheFileWaitsForItsHost has the file first, then another machine that
// calls itself as the file says, and then the host that is meant.
func TestAGrantOfTheFileWaitsForItsHost(t *testing.T) {
	p := newPlace(t)
	d, host := p.open(t), newHost(t)
	done := reconcile(t, d, granting(host), false)
	if !slices.Contains(done, "grant 123456789012/g created: host "+hostName+" may have "+profile+" for "+guest) ||
		!slices.Contains(done, "grant 123456789012/g waits until host "+hostName+" has joined account 123456789012 with its key") {
		t.Errorf("the lines are %q", done)
	}
	if err := d.PutHost(newHost(t)); err != nil {
		t.Fatal(err)
	}
	if got := grantNames(d.Snapshot().GrantsOf(hostName)); got != nil {
		t.Errorf("another machine that joined under the id is granted %v", got)
	}
	reconcile(t, d, granting(host), false)
	if got := grantNames(d.Snapshot().GrantsOf(hostName)); got != nil {
		t.Errorf("and with the file read anew: %v", got)
	}
	if err := errors.Join(d.RemoveHost(hostName), d.PutHost(host)); err != nil {
		t.Fatal(err)
	}
	if got := grantNames(d.Snapshot().GrantsOf(hostName)); !slices.Equal(got, []string{"g"}) {
		t.Errorf("the host that is meant is granted %v", got)
	}
	if g := d.Snapshot().Grant(account, "g"); g.GrantedBy != "arn:aws:sts::123456789012:assumed-role/rolecall-administrator/core.yaml" {
		t.Errorf("it is granted by %s", g.GrantedBy)
	}
	if err := d.RemoveHost(hostName); err != nil {
		t.Fatal(err)
	}
	moved := host
	moved.Account = elsewhere
	two := granting(host)
	two.Accounts = append(two.Accounts, Default(elsewhere).Accounts...)
	reconcile(t, d, two, false)
	if err := d.PutHost(moved); err != nil {
		t.Fatal(err)
	}
	if got := grantNames(d.Snapshot().GrantsOf(hostName)); got != nil {
		t.Errorf("in another account the host is granted %v", got)
	}
}

func TestTheFileOwnsTheGrantsThatItNames(t *testing.T) {
	d := withHost(t, newPlace(t))
	host := *d.Snapshot().Host(hostName)
	own := newGrant()
	own.Name = "own"
	d.mustGrant(t, own)
	d.mustGrant(t, newGrant())
	file := granting(host)
	if done := reconcile(t, d, file, false); !slices.ContainsFunc(done, func(line string) bool {
		return strings.HasPrefix(line, "grant 123456789012/g updated: managed_by, host_key_sha256; host ")
	}) {
		t.Errorf("a grant that was made by hand: %q", done)
	}
	if done := reconcile(t, d, file, false); slices.ContainsFunc(done, func(line string) bool { return strings.HasPrefix(line, "grant") }) {
		t.Errorf("the same again: %q", done)
	}
	err := d.PutGrant(newGrant(), d.Snapshot().Administrator(account, "test"), noon)
	if !errors.Is(err, ErrManaged) || !strings.Contains(err.Error(), "/etc/core.yaml") {
		t.Errorf("a change of what the file defines: %v", err)
	}
	if err := d.RemoveGrant(account, "g"); !errors.Is(err, ErrManaged) || !strings.Contains(err.Error(), "/etc/core.yaml") {
		t.Errorf("its removal: %v", err)
	}

	// Tags that change, by the file too, tell hosts to fetch other sessions.
	file.Accounts[0].Grants[0].Tags = nil
	reconcile(t, d, file, false)
	if got := d.Snapshot().Grant(account, "g"); !got.Retagged.Equal(noon) {
		t.Errorf("the grant was retagged at %s", got.Retagged)
	}

	// What the file names no longer is kept, but is anybody's; and pruned, gone.
	file.Accounts[0].Grants = nil
	if done := reconcile(t, d, file, false); !slices.Contains(done, "grant 123456789012/g no longer in the file, kept (delete with --prune)") {
		t.Errorf("out of the file: %q", done)
	}
	if got := grantNames(d.Snapshot().GrantsOf(hostName)); !slices.Equal(got, []string{"g", "own"}) {
		t.Errorf("out of the file, the grants are %v", got)
	}
	reconcile(t, d, granting(host), false)
	reconcile(t, d, file, false)
	if err := d.RemoveGrant(account, "g"); err != nil {
		t.Errorf("the removal of what the file defines no longer: %v", err)
	}
	reconcile(t, d, granting(host), false)
	reconcile(t, d, file, false)
	if done := reconcile(t, d, file, true); !slices.Contains(done, "grant 123456789012/g deleted") {
		t.Errorf("with prune: %q", done)
	}
	if got := grantNames(d.Snapshot().Grants()); !slices.Equal(got, []string{"own"}) {
		t.Errorf("after pruning the grants are %v", got)
	}
	// An account goes with all that is in it.
	if reconcile(t, d, Default(elsewhere), true); d.Snapshot().HasAccount(account) || d.Snapshot().Grants() != nil {
		t.Errorf("the grants of an account that is gone are %v", grantNames(d.Snapshot().Grants()))
	}
}

// TestTheAdministratorMustBeAllowedToPassWhatTheFileGrants has one who is not: the file's
// grants are made in his name, as others are.
func TestTheAdministratorMustBeAllowedToPassWhatTheFileGrants(t *testing.T) {
	d := withHost(t, newPlace(t))
	file := granting(*d.Snapshot().Host(hostName))
	err := d.change(func(tx *Tx) error {
		var administrator roleRecord
		if err := tx.GetJSON(bucketRole, key(account, AdministratorRole), &administrator); err != nil {
			return err
		}
		administrator.Definition.Policies = map[string][]byte{"none": []byte(denyAll)}
		if err := tx.PutJSON(bucketRole, key(account, AdministratorRole), administrator); err != nil {
			return err
		}
		r := reconciliation{tx: tx, named: map[string]bool{}}
		return r.grant(tx.Snapshot(), file.Accounts[0].Grants[0].grant(account), noon)
	})
	if !errors.Is(err, ErrNotAuthorized) || !strings.Contains(err.Error(), "assumed-role/rolecall-administrator/core.yaml is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/default") {
		t.Errorf("got %v", err)
	}
	if got := d.Snapshot().Grants(); len(got) != 0 {
		t.Errorf("the grants are %v", grantNames(got))
	}
}

func TestGrantsOfTheFileThatAreRefused(t *testing.T) {
	d := withHost(t, newPlace(t))
	before := d.Snapshot()
	host := *before.Host(hostName)
	for name, test := range map[string]struct {
		change func(*GrantDefinition)
		say    string
	}{
		"without a name":        {func(g *GrantDefinition) { g.Name = "" }, `grant "": want a name`},
		"under a name of ours":  {func(g *GrantDefinition) { g.Name = "rolecall-up" }, "the core's own"},
		"for no host":           {func(g *GrantDefinition) { g.Host = "*" }, "17 hexadecimal digits"},
		"without a key":         {func(g *GrantDefinition) { g.HostKey = "" }, "host_key_sha256"},
		"of no profile":         {func(g *GrantDefinition) { g.InstanceProfiles = nil }, "want 1 to 5000 instance profiles"},
		"of all profiles":       {func(g *GrantDefinition) { g.InstanceProfiles = []string{"*"} }, "* is refused"},
		"of an unknown profile": {func(g *GrantDefinition) { g.InstanceProfiles = []string{"web"} }, `instance profile "web" is not defined in this account`},
		"of an ARN": {func(g *GrantDefinition) {
			g.InstanceProfiles = []string{"arn:aws:iam::210987654321:instance-profile/default"}
		}, "is not defined in this account"},
		"nowhere":             {func(g *GrantDefinition) { g.Region = "eu-*" }, `region "eu-*"`},
		"for everything":      {func(g *GrantDefinition) { g.InstanceIDs = []string{"*"} }, "begins with i-"},
		"with a tag of AWS's": {func(g *GrantDefinition) { g.Tags = map[string]string{"aws:x": "y"} }, "AWS's own"},
	} {
		file := granting(host)
		test.change(&file.Accounts[0].Grants[0])
		_, err := d.Reconcile(file, true)
		if err == nil || !strings.Contains(err.Error(), test.say) {
			t.Errorf("%s: %v, want %q", name, err, test.say)
		}
		if culprit := Culprit(err); len(culprit) != 2 || culprit[0] != [2]string{"account", account} || culprit[1] != [2]string{"grant", file.Accounts[0].Grants[0].Name} {
			t.Errorf("%s: the error is about %q", name, culprit)
		}
	}
	file := granting(host)
	file.Accounts[0].Grants = append(file.Accounts[0].Grants, file.Accounts[0].Grants[0])
	if _, err := d.Reconcile(file, true); err == nil || !strings.Contains(err.Error(), "defined twice") {
		t.Errorf("twice the same: %v", err)
	}
	if d.Snapshot() != before {
		t.Error("a refusal changed the directory")
	}
}
