package network

import (
	"errors"
	"maps"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestWhatIsHeldIsWhatIsThere: of a device that came, one that went, and one that has got its
// index, it is told in one, or not at all.
func TestWhatIsHeldIsWhatIsThere(t *testing.T) {
	for name, told := range map[string]func(tap1, foreign, gone int) link.Changed{
		"lost": func(_, _, _ int) link.Changed { return link.Changed{Lost: true} },
		"told": func(tap1, foreign, gone int) link.Changed {
			return link.Changed{
				Links: map[int]string{tap1: "tap1", foreign: "foreign", gone: "tap1"}, Gone: map[int]bool{foreign: true, gone: true},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := nettest.New(t)
			host.Run(t, "ip", "tuntap", "add", "tap1", "mode", "tap")
			host.Run(t, "ip", "tuntap", "add", "foreign", "mode", "tap")
			var state *State
			var err error
			host.Do(func() { state, err = New(Config{}) })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = state.Close(true) })
			if err := state.Put(t.Context(), Interface("i-1", "", "tap1", false), nil); err != nil {
				t.Fatal(err)
			}
			p := state.ownPlace()
			var want, have map[int]string
			var changed link.Changed
			confuse := func() error {
				tap1, err1 := link.Find("tap1")
				foreign, err2 := link.Find("foreign")
				gone := link.Device{Index: 4711, Name: "tap1", Kind: "tun", MAC: tap1.MAC}
				foreign.Name, foreign.MAC = "tap1", tap1.MAC // as the one was that had the index
				want, changed = p.held.texts(), told(tap1.Index, foreign.Index, gone.Index)
				return errors.Join(err1, err2, p.letGo(tap1.Index), p.hold(gone), p.hold(foreign))
			}
			state.mu.Lock()
			err = p.do(confuse)
			state.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			state.changed(p, changed)
			if err := p.do(func() (err error) { have, err = p.guard.GuardedIndexes(); return err }); err != nil {
				t.Fatal(err)
			}
			if len(want) != 1 || !maps.Equal(have, want) {
				t.Errorf("held are %v, want %v", have, want)
			}
		})
	}
}
