package directory

import (
	"errors"
	"slices"
	"testing"
)

// A file that makes a role anew, or prunes it, does not give the new one to instances
// whose profile the API filled: nobody passed it to them.
func TestAProfileOfTheAPIDoesNotGetARoleThatIsMadeAnew(t *testing.T) {
	const line = "instance profile " + account + "/api updated: its role web is gone"
	for name, change := range map[string]func(*testing.T, *Directory) []string{
		"with another path": func(t *testing.T, d *Directory) []string { return reconcile(t, d, define("/team/", trustEC2), false) },
		"after it was pruned": func(t *testing.T, d *Directory) []string {
			done := reconcile(t, d, Default(account), true)
			reconcile(t, d, define("/", trustEC2), false)
			return done
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := p.open(t)
			reconcile(t, d, define("/", trustEC2), false)
			if err := d.CreateInstanceProfile(account, InstanceProfileDefinition{Name: "api", Role: "web"}, noon); err != nil {
				t.Fatal(err)
			}
			if done := reconcile(t, d, define("/", trustEC2), false); len(done) != 0 || d.Snapshot().InstanceProfileByName(account, "api").Role != "web" {
				t.Errorf("the same file again: %q", done)
			}
			if done := change(t, d); !slices.Contains(done, line) {
				t.Errorf("no line says it: %q", done)
			}
			_ = d.Close()
			s := p.open(t).Snapshot()
			got, files := s.InstanceProfileByName(account, "api"), s.InstanceProfileByName(account, "web")
			if got == nil || got.Role != "" || got.ManagedBy != ManagedByAPI || !got.Created.Equal(noon) || files == nil || files.Role != "web" {
				t.Errorf("the API's is %+v, the file's %+v", got, files)
			}
		})
	}
}

func TestAnInstanceProfileOfWhatIsNotThereIsRefused(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, define("/", trustEC2), false)
	if err := d.CreateInstanceProfile(account, InstanceProfileDefinition{Name: "api", Role: "nobody"}, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a role that is not there: %v", err)
	}
	if err := d.CreateInstanceProfile(account, InstanceProfileDefinition{Name: "WEB"}, noon); !errors.Is(err, ErrExists) {
		t.Errorf("of a name that is taken in another case: %v", err)
	}
	if err := d.CreateInstanceProfile(account, InstanceProfileDefinition{Name: "api", Tags: map[string]string{"a": "1", "A": "2"}}, noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("with a tag in two cases: %v", err)
	}
	if err := d.DeleteInstanceProfile(&InstanceProfile{UniqueID: "AIPA", Account: account, Name: "api"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the deletion of none: %v", err)
	}
}
