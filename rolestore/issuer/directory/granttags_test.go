package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestAGrantsTagKeysAreNamed has grants that would let a host set more than was meant.
func TestAGrantsTagKeysAreNamed(t *testing.T) {
	d := withHost(t, newPlace(t))
	put := func(keys ...string) error {
		g := newGrant()
		g.TagKeys = keys
		return d.PutGrant(g, d.Snapshot().Administrator(account, "test"), noon)
	}
	for say, keys := range map[string][]string{
		`tag key "*": want`:               {"*"},
		`tag key "kubernetes-*": want`:    {"kubernetes-*"},
		"together: tag key team is there": {"team"},
		"together: tag key TEAM is there": {"TEAM"},
		"tag_keys: tag key A is there":    {"a", "A"},
		"aws: is AWS's own":               {"aws:x"},
		`tag key "": want`:                {""},
		"tag_keys: want at most 50 tags":  strings.Split(strings.Repeat("k", 51), ""),
		"want 1 to 128 letters":           {strings.Repeat("k", 129)},
	} {
		if err := put(keys...); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), say) {
			t.Errorf("%.20q: %v, want %q", keys, err, say)
		}
	}
	if err := put("kubernetes-namespace", "kubernetes-pod-name"); err != nil {
		t.Fatal(err)
	}
	if g := d.Snapshot().Grant(account, "g"); !slices.Equal(g.TagKeys, []string{"kubernetes-namespace", "kubernetes-pod-name"}) || !g.Retagged.IsZero() {
		t.Errorf("the grant is %+v", g)
	}
	if err := put("kubernetes-namespace"); err != nil || !d.Snapshot().Grant(account, "g").Retagged.Equal(noon) {
		t.Errorf("with other keys, hosts are not told that sessions are others (%v)", err)
	}
}

func TestTheFileListsTagKeys(t *testing.T) {
	d := withHost(t, newPlace(t))
	file := granting(*d.Snapshot().Host(hostName))
	file.Accounts[0].Grants[0].TagKeys = []string{"kubernetes-namespace"}
	reconcile(t, d, file, false)
	if g := d.Snapshot().Grant(account, "g"); !slices.Equal(g.TagKeys, []string{"kubernetes-namespace"}) {
		t.Errorf("the grant is %+v", g)
	}
	file.Accounts[0].Grants[0].TagKeys = []string{}
	if done := reconcile(t, d, file, false); len(done) != 1 || !strings.Contains(done[0], "updated: tag_keys;") {
		t.Errorf("an empty list: %q", done)
	}
	if done := reconcile(t, d, file, false); len(done) > 0 {
		t.Errorf("the same again: %q", done)
	}
	file.Accounts[0].Grants[0].TagKeys = []string{"Team"}
	if _, err := d.Reconcile(file, false); err == nil || !strings.Contains(err.Error(), "tags and tag_keys together") {
		t.Errorf("a key of the grant's own tags: %v", err)
	}
}
