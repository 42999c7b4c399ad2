package directory

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const trustAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`

// define returns one account with a role of that trust policy and path, and its
// profile.
func define(path, trust string) Definitions {
	return Definitions{Accounts: []AccountDefinition{{
		ID:               account,
		Roles:            []RoleDefinition{{Name: "web", Path: path, AssumeRolePolicyDocument: []byte(trust)}},
		InstanceProfiles: []InstanceProfileDefinition{{Name: "web", Role: "web"}},
	}}}
}

func TestReconcile(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	first := reconcile(t, d, define("/", trustEC2), false)
	if want := []string{"account " + account + " created", "role " + account + "/rolecall-administrator created",
		"role " + account + "/web created", "instance profile " + account + "/web created"}; !slices.Equal(first, want) {
		t.Errorf("the first time: %q, want %q", first, want)
	}
	id := d.Snapshot().RoleByName(account, "web").UniqueID

	if again := reconcile(t, d, define("/", trustEC2), false); len(again) != 0 {
		t.Errorf("the same again: %q, want nothing", again)
	}
	if done := reconcile(t, d, define("/", trustAccount), false); !slices.Equal(done, []string{"role " + account + "/web updated: assume_role_policy_document"}) {
		t.Errorf("another trust policy: %q", done)
	}
	if now := d.Snapshot().RoleByName(account, "web").UniqueID; now != id {
		t.Errorf("an updated role has another unique id: %s, then %s", id, now)
	}
	reconcile(t, d, define("/team/", trustAccount), false)
	moved := d.Snapshot().RoleByName(account, "web")
	if moved.UniqueID == id || d.Snapshot().RoleByID(id) != nil || moved.ARN() != "arn:aws:iam::123456789012:role/team/web" {
		t.Errorf("another path makes another role: %s, %s", moved.UniqueID, moved.ARN())
	}

	kept := reconcile(t, d, Default(account), false)
	if !slices.ContainsFunc(kept, func(s string) bool { return strings.Contains(s, "/web") && strings.Contains(s, "--prune") }) ||
		d.Snapshot().RoleByName(account, "web") == nil {
		t.Errorf("without prune: %q", kept)
	}
	pruned := reconcile(t, d, Default(account), true)
	if d.Snapshot().RoleByName(account, "web") != nil || d.Snapshot().InstanceProfileByName(account, "web") != nil || d.Snapshot().RoleByID(moved.UniqueID) != nil {
		t.Errorf("with prune: %q", pruned)
	}
	if d.Snapshot().RoleByName(account, AdministratorRole) == nil || d.Snapshot().RoleByName(account, DefaultName) == nil {
		t.Error("prune deleted what it must not")
	}
	reconcile(t, d, define("/team/", trustAccount), true)
	if anew := d.Snapshot().RoleByName(account, "web"); anew.UniqueID == moved.UniqueID {
		t.Error("a role that was deleted and made anew has its old unique id")
	}
}

func TestRoles(t *testing.T) {
	d := newPlace(t).open(t)
	want := define("/team/", trustEC2)
	want.Accounts[0].Roles[0].MaxSessionDuration = 2 * time.Hour
	want.Accounts[0].Roles[0].Policies = map[string][]byte{"all": []byte(allowAll), "more": []byte(allowAll)}
	reconcile(t, d, want, false)
	role := d.Snapshot().RoleByName(account, "web")
	if role.ARN() != "arn:aws:iam::123456789012:role/team/web" || role.SessionARN("s") != "arn:aws:sts::123456789012:assumed-role/web/s" ||
		role.MaxSessionDuration != 2*time.Hour || len(role.Policies) != 2 || role.ManagedBy != ManagedByFile {
		t.Errorf("the role is %+v", role)
	}
	admin := d.Snapshot().RoleByName(account, AdministratorRole)
	if admin.ManagedBy != ManagedByCore || admin.MaxSessionDuration != maxSession {
		t.Errorf("the administrator's role is %+v", admin)
	}
	if got := d.Snapshot().Accounts(); !slices.Equal(got, []string{account}) {
		t.Errorf("Accounts = %q", got)
	}
}

func TestInvalidDefinitionsChangeNothing(t *testing.T) {
	change := func(edit func(*AccountDefinition)) Definitions {
		d := define("/", trustEC2)
		edit(&d.Accounts[0])
		return d
	}
	for name, test := range map[string]struct {
		want Definitions
		say  string
	}{
		"no account":              {Definitions{}, "no account"},
		"an account of 11 digits": {change(func(a *AccountDefinition) { a.ID = "12345678901" }), "twelve digits"},
		"an account twice":        {Definitions{Accounts: append(define("/", trustEC2).Accounts, define("/", trustEC2).Accounts...)}, "defined twice"},
		"a role twice":            {change(func(a *AccountDefinition) { a.Roles = append(a.Roles, a.Roles[0]) }), "defined twice"},
		"a role without a name":   {change(func(a *AccountDefinition) { a.Roles[0].Name = "" }), "1 to 64 characters"},
		"a role with a space":     {change(func(a *AccountDefinition) { a.Roles[0].Name = "a b" }), "1 to 64 characters"},
		"the core's own role":     {change(func(a *AccountDefinition) { a.Roles[0].Name = AdministratorRole }), "the core's own"},
		"a path without slashes":  {change(func(a *AccountDefinition) { a.Roles[0].Path = "team" }), "slash"},
		"no trust policy":         {change(func(a *AccountDefinition) { a.Roles[0].AssumeRolePolicyDocument = nil }), "assume_role_policy_document"},
		"a role of all of Amazon's people": {change(func(a *AccountDefinition) {
			a.Roles[0].AssumeRolePolicyDocument = []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"www.amazon.com"},"Action":"sts:AssumeRoleWithWebIdentity"}}`)
		}), "assume_role_policy_document: Trust policy must evaluate the condition key www.amazon.com:app_id or www.amazon.com:user_id"},
		"a trust policy of no sense": {change(func(a *AccountDefinition) { a.Roles[0].AssumeRolePolicyDocument = []byte(allowAll) }), "assume_role_policy_document"},
		"a policy of no sense":       {change(func(a *AccountDefinition) { a.Roles[0].Policies = map[string][]byte{"p": []byte(trustEC2)} }), "policy p"},
		"a session of 13 hours":      {change(func(a *AccountDefinition) { a.Roles[0].MaxSessionDuration = 13 * time.Hour }), "max_session_duration"},
		"a session of a minute":      {change(func(a *AccountDefinition) { a.Roles[0].MaxSessionDuration = time.Minute }), "max_session_duration"},
		"a policy without a name":    {change(func(a *AccountDefinition) { a.Roles[0].Policies = map[string][]byte{"": []byte(allowAll)} }), "1 to 128 characters"},
		"a path with a colon":        {change(func(a *AccountDefinition) { a.Roles[0].Path = "/a:b/" }), "no colon"},
		"a profile without its role": {change(func(a *AccountDefinition) { a.InstanceProfiles[0].Role = "db" }), `role "db" is not defined`},
		"a profile twice":            {change(func(a *AccountDefinition) { a.InstanceProfiles = append(a.InstanceProfiles, a.InstanceProfiles[0]) }), "defined twice"},
		"a profile with a bad path":  {change(func(a *AccountDefinition) { a.InstanceProfiles[0].Path = "/a b/" }), "slash"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newPlace(t).open(t)
			reconcile(t, d, Default(account), false)
			before := d.Snapshot()
			if done, err := d.Reconcile(test.want, true); err == nil || !strings.Contains(err.Error(), test.say) || done != nil {
				t.Errorf("Reconcile: %q, %v, want %q", done, err, test.say)
			}
			if d.Snapshot() != before {
				t.Error("the directory changed")
			}
		})
	}
}

func TestAnAccountGoesWithAllThatIsInIt(t *testing.T) {
	const other = "210987654321"
	d := newPlace(t).open(t)
	two := define("/", trustEC2)
	two.Accounts = append(two.Accounts, define("/", trustEC2).Accounts[0])
	two.Accounts[1].ID = other
	reconcile(t, d, two, false)
	kept := reconcile(t, d, define("/", trustEC2), false)
	if !slices.Contains(kept, "account "+other+" no longer in the file, kept (delete with --prune)") || !d.Snapshot().HasAccount(other) ||
		slices.ContainsFunc(kept, func(s string) bool { return strings.Contains(s, AdministratorRole) }) {
		t.Errorf("without prune: %q", kept)
	}
	reconcile(t, d, define("/", trustEC2), true)
	s := d.Snapshot()
	if s.HasAccount(other) || s.RoleByName(other, AdministratorRole) != nil || s.RoleByName(other, "web") != nil || s.InstanceProfileByName(other, "web") != nil {
		t.Error("prune left something of the account")
	}
	if !s.HasAccount(account) || s.RoleByName(account, AdministratorRole) == nil || s.HomeAccount() != account {
		t.Error("prune took something of another account")
	}
}
