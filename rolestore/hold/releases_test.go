package hold

import (
	"slices"
	"testing"
)

func TestWhatIsRemovedIsToBeReleasedUntilItIsPutAgain(t *testing.T) {
	f := newAgentFile(t)
	i := testInstance(1)
	id := i.ID
	expect := func(what string, want ...string) {
		t.Helper()
		got, err := f.Releases()
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v are to be released, want %v", what, got, want)
		}
	}
	f.put(t, Registration{Instance: i})
	expect("put")
	must(t, f.RemoveInstance(id))
	f.restart(t)
	expect("removed, and after a restart", id)
	f.put(t, Registration{Instance: i})
	expect("put again")
	must(t, f.RemoveInstance(id))
	must(t, f.Released(id))
	expect("released")
}
