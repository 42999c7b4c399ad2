package steer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// otherVersions are what tables may look like that another version of Rolecall made.
var otherVersions = map[string]string{
	"a chain that we do not make":          "add chain inet rolecall other; add rule inet rolecall other drop; insert rule inet rolecall forward jump other",
	"a set that we do not make":            "add set inet rolecall other { type mark; }; insert rule inet rolecall input meta mark @other drop",
	"a set without a name":                 "insert rule bridge rolecall from_port ether type { 0x88b5, 0x88b6 } drop",
	"a set that takes other elements":      "flush table bridge rolecall; delete set bridge rolecall owners; add set bridge rolecall owners { type mark; }; add rule bridge rolecall from_port meta mark @owners drop",
	"a chain with a hook that is another":  "flush chain inet rolecall forward; delete chain inet rolecall forward; add chain inet rolecall forward { type filter hook forward priority 5; }",
	"a chain of a container that is other": "flush chain inet rolecall confine_output; delete chain inet rolecall confine_output; add chain inet rolecall confine_output { type filter hook output priority 5; }",
}

// TestTablesOfAnotherVersionBecomeOurs at once, and keep whom they guard: an agent that is
// upgraded, or one that is taken back, needs nobody to remove the tables first.
func TestTablesOfAnotherVersionBecomeOurs(t *testing.T) {
	for name, other := range otherVersions {
		t.Run(name, func(t *testing.T) {
			ns := nettest.New(t)
			want := some()
			replace(t, ns, want)
			in(t, ns, func() error { return steer.New().Confine(true) })
			before := rules(t, ns)
			ns.Run(t, "nft", other)
			if rules(t, ns) == before {
				t.Fatal("nothing is other")
			}
			in(t, ns, steer.New().Ensure)
			in(t, ns, func() error {
				g := steer.New()
				present, err := g.Present()
				confined, err2 := g.Confined()
				if !present || !confined {
					t.Errorf("present: %v, confined: %v", present, confined)
				}
				guarded, err3 := g.Guarded()
				if len(guarded) != len(want.Guarded) {
					t.Errorf("guarded are %v", guarded)
				}
				return errors.Join(err, err2, err3)
			})
			replace(t, ns, want) // with the elements of what is of another kind now
			if after := rules(t, ns); sorted(after) != sorted(before) {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
		})
	}
}

// TestAContainersTablesSayWhoMadeThem, although they are not all of ours.
func TestAContainersTablesSayWhoMadeThem(t *testing.T) {
	ns := nettest.New(t)
	in(t, ns, func() error { return steer.New().Confine(true) })
	ns.Run(t, "nft", "add chain inet rolecall older")
	in(t, ns, steer.New().Ensure)
	if text := rules(t, ns); strings.Contains(text, "older") {
		t.Errorf("left over:\n%s", text)
	}
}
