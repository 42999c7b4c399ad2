package steer_test

import (
	"errors"
	"maps"
	"reflect"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// TestWhatIsGatheredGoesAtOnce, and what is put again meanwhile stays.
func TestWhatIsGatheredGoesAtOnce(t *testing.T) {
	ns := nettest.New(t)
	want := some()
	replace(t, ns, want)
	g := steer.New().Gather()
	in(t, ns, func() error {
		errs := []error{g.Unguard("tap0"), g.Unguard("br0"), g.Unserve("tap0"), g.Unplace("tap0"), g.Unshare("br0"), g.Expel(nil, want.Members...)}
		for _, p := range want.Ports {
			errs = append(errs, g.DelPort(p.Index))
		}
		return errors.Join(errs...)
	})
	if got := held(t, ns); !reflect.DeepEqual(got, want) {
		t.Errorf("before they are flushed, the tables hold %+v", got)
	}
	again := want.Members[0]
	in(t, ns, func() error { return g.Admit(again) })
	in(t, ns, func() error { return g.AddPort(again.Port) })
	for range 2 {
		in(t, ns, g.Flush)
		if got, want := held(t, ns), (steer.Want{Members: []steer.Member{again}, Ports: []steer.Port{again.Port}}); !sameHeld(got, want) {
			t.Errorf("the tables hold %+v, want %+v", got, want)
		}
	}
}

// TestWhatIsGatheredMayBeGoneAlready with the tables that held it, and holds nobody up.
func TestWhatIsGatheredMayBeGoneAlready(t *testing.T) {
	ns := nettest.New(t)
	want := some()
	replace(t, ns, want)
	g := steer.New().Gather()
	in(t, ns, func() error { return errors.Join(g.DelPort(want.Ports[0].Index), g.Unguard("tap0")) })
	ns.Run(t, "nft", "flush", "ruleset")
	in(t, ns, g.Flush)
	in(t, ns, func() error { return errors.Join(g.DelPort(want.Ports[0].Index), g.Unserve("tap0")) })
	in(t, ns, g.Ensure)
	in(t, ns, func() error { return g.Guard("tap1") })
	if got := held(t, ns); !sameHeld(got, steer.Want{Guarded: []string{"tap1"}}) {
		t.Errorf("the tables hold %+v", got)
	}
}

// sameHeld takes an empty list for none.
func sameHeld(a, b steer.Want) bool {
	lists := func(w steer.Want) []any {
		return []any{append([]string{}, w.Guarded...), append([]string{}, w.Served...), maps.Collect(maps.All(w.Placed)),
			append([]string{}, w.Bridges...), append([]steer.Port{}, w.Ports...), append([]steer.Member{}, w.Members...)}
	}
	return reflect.DeepEqual(lists(a), lists(b))
}
