package directory

import (
	"slices"
	"testing"
)

// own is a file that defines "default" by itself.
func own() Definitions {
	d := define("/", trustAccount)
	d.Accounts[0].Roles[0].Name, d.Accounts[0].InstanceProfiles[0] = DefaultName, InstanceProfileDefinition{Name: DefaultName, Role: DefaultName}
	return d
}

func TestAFileTakesOverWhatIsBuiltIn(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, Default(account), false)
	builtIn := d.Snapshot().RoleByName(account, DefaultName)
	if done := reconcile(t, d, define("/", trustEC2), false); !slices.Equal(done, []string{"role " + account + "/web created", "instance profile " + account + "/web created"}) {
		t.Errorf("a file that does not name it: %q", done)
	}
	same := Default(account)
	same.builtIn = false // a file that says what is built in
	if done := reconcile(t, d, same, true); len(done) != 4 || d.Snapshot().RoleByName(account, DefaultName).ManagedBy != ManagedByFile ||
		d.Snapshot().InstanceProfileByName(account, DefaultName).ManagedBy != ManagedByFile {
		t.Errorf("a file that says the same: %q", done)
	}
	reconcile(t, d, own(), false)
	taken := d.Snapshot().RoleByName(account, DefaultName)
	if builtIn.ManagedBy != ManagedByCore || taken.ManagedBy != ManagedByFile || taken.UniqueID != builtIn.UniqueID {
		t.Errorf("built in: %+v, then the file's: %+v", builtIn, taken)
	}
}

// Who takes his core.yaml away for a moment, or mistypes its path, must not find
// his role replaced by one of its name.
func TestWhatIsBuiltInDoesNotReplaceWhatAFileDefined(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, own(), false)
	before := d.Snapshot().RoleByName(account, DefaultName)
	kept := []string{
		"role " + account + "/default no longer in the file, kept (delete with --prune)",
		"instance profile " + account + "/default no longer in the file, kept (delete with --prune)",
	}
	if done := reconcile(t, d, Default(account), false); !slices.Equal(done, kept) {
		t.Errorf("without prune: %q", done)
	}
	if after := d.Snapshot().RoleByName(account, DefaultName); after.UniqueID != before.UniqueID || after.ManagedBy != ManagedByFile {
		t.Errorf("without prune the role is %+v", after)
	}
	replaced := []string{"role " + account + "/default updated: managed_by, assume_role_policy_document", "instance profile " + account + "/default updated: managed_by"}
	if done := reconcile(t, d, Default(account), true); !slices.Equal(done, replaced) {
		t.Errorf("with prune: %q", done)
	}
	if done := reconcile(t, d, Default(account), false); len(done) != 0 {
		t.Errorf("and again: %q", done)
	}
}
