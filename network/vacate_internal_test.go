package network

import (
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestAPlaceThatIsLeftIsNotMended goes by what the kernel told of it before it was left.
func TestAPlaceThatIsLeftIsNotMended(t *testing.T) {
	host := nettest.New(t)
	var s *State
	host.Do(func() {
		var err error
		if s, err = New(Config{}); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = s.Close(false) }()
	if err := s.Put(t.Context(), Interface("i-1", "", "tap1", false), nil); err != nil {
		t.Fatal(err)
	}
	var left *place
	for _, left = range s.places {
	}
	s.Remove("i-1")
	host.Do(func() { s.restore(left) })
	if rules := host.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("there are again\n%s", rules)
	}
}
