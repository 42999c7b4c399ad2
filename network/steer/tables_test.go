package steer_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

func member(port, bridge int, mac byte, addr string) steer.Member {
	return steer.Member{Port: steer.Port{Index: port, Bridge: bridge}, MAC: net.HardwareAddr{2, 0, 0, 0, 0, mac}, Addr: netip.MustParseAddr(addr)}
}

// some is an example of all that the tables hold.
func some() steer.Want {
	return steer.Want{
		Guarded: []string{"br0", "tap0"}, Served: []string{"tap0"}, Placed: map[string]string{"tap0": "rp_filter=2"}, Bridges: []string{"br0"},
		GuardedIndexes: map[int]string{3: "br0 bridge", 9: "tap0 tun 02:00:00:00:00:09"},
		Ports:          []steer.Port{{Index: 7, Bridge: 3}, {Index: 8, Bridge: 3}},
		Members:        []steer.Member{member(7, 3, 1, "10.0.0.5"), member(7, 3, 1, "fd00::5"), member(8, 3, 2, "10.0.0.6")},
	}
}

// held reads all that the tables hold.
func held(t testing.TB, ns *nettest.Namespace) (w steer.Want) {
	t.Helper()
	g := steer.New()
	in(t, ns, func() error {
		var errs [7]error
		w.Guarded, errs[0] = g.Guarded()
		w.Served, errs[1] = g.Served()
		w.Placed, errs[2] = g.Placed()
		w.Bridges, errs[3] = g.Shared()
		w.Ports, errs[4] = g.Ports()
		w.Members, errs[5] = g.Members()
		w.GuardedIndexes, errs[6] = g.GuardedIndexes()
		return errors.Join(errs[:]...)
	})
	return w
}

func present(t testing.TB, ns *nettest.Namespace) bool {
	t.Helper()
	var present bool
	in(t, ns, func() (err error) { present, err = steer.New().Present(); return err })
	return present
}

func replace(t testing.TB, ns *nettest.Namespace, want steer.Want) {
	t.Helper()
	in(t, ns, func() error { return steer.New().Replace(want) })
	if got := held(t, ns); !reflect.DeepEqual(got, want) {
		t.Errorf("the tables hold %.1000s, want %.1000s", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

func TestEnsureKeepsWhatIsThere(t *testing.T) {
	ns := nettest.New(t)
	replace(t, ns, some())
	before := rules(t, ns)
	for range 2 {
		in(t, ns, steer.New().Ensure)
	}
	if after := rules(t, ns); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

func TestTheTablesAreMended(t *testing.T) {
	for _, harm := range []string{
		"flush ruleset", "delete table inet rolecall", "delete table bridge rolecall", "flush table bridge rolecall",
		"flush chain inet rolecall forward", "flush chain bridge rolecall prerouting; delete chain bridge rolecall prerouting",
		"insert rule bridge rolecall from_port accept", "add table inet rolecall { flags dormant; }",
	} {
		t.Run(harm, func(t *testing.T) {
			ns := nettest.New(t)
			replace(t, ns, some())
			if !present(t, ns) {
				t.Fatal("not present at first")
			}
			ns.Run(t, "nft", harm)
			if present(t, ns) {
				t.Fatal("present")
			}
			replace(t, ns, some())
			if !present(t, ns) {
				t.Error("not present after Replace")
			}
			ns.Run(t, "nft", harm)
			in(t, ns, steer.New().Ensure)
			if !present(t, ns) {
				t.Error("not present after Ensure")
			}
		})
	}
}

func TestReplaceChangesOnlyWhatDiffers(t *testing.T) {
	ns := nettest.New(t)
	nothing := steer.Want{Guarded: []string{}, GuardedIndexes: map[int]string{}, Served: []string{}, Placed: map[string]string{}, Bridges: []string{}, Ports: []steer.Port{}, Members: []steer.Member{}}
	replace(t, ns, nothing)
	empty := rules(t, ns)
	replace(t, ns, some())
	less := some()
	less.Guarded, less.Members, less.Placed["tap0"] = []string{"br0"}, less.Members[:2], "rp_filter=1"
	less.Ports = []steer.Port{{Index: 7, Bridge: 4}, {Index: 9, Bridge: 3}} // 7 has moved
	less.GuardedIndexes = map[int]string{3: "br0 bridge 02:00:00:00:00:03"}
	replace(t, ns, less)
	replace(t, ns, some())
	replace(t, ns, nothing)
	if text := rules(t, ns); text != empty {
		t.Errorf("left over:\n%s", text)
	}
}

func TestChangesOfElementsAreIdempotent(t *testing.T) {
	ns := nettest.New(t)
	g := steer.New()
	in(t, ns, g.Ensure)
	empty := rules(t, ns)
	want := some()
	for range 2 {
		for _, p := range want.Ports {
			in(t, ns, func() error { return g.AddPort(p) })
		}
		in(t, ns, func() error { return g.Admit(want.Members...) })
		in(t, ns, func() error {
			return errors.Join(g.Guard("tap0"), g.Guard("br0"), g.Serve("tap0"), g.Place("tap0", "rp_filter=2"), g.Share("br0"),
				g.GuardIndex(3, want.GuardedIndexes[3]), g.GuardIndex(9, want.GuardedIndexes[9]))
		})
		if got := held(t, ns); !reflect.DeepEqual(got, want) {
			t.Errorf("the tables hold %+v", got)
		}
	}
	in(t, ns, func() error { return g.AddPort(steer.Port{Index: 8, Bridge: 5}) })
	if got := held(t, ns).Ports[1].Bridge; got != 5 {
		t.Errorf("the port is of bridge %d, want 5", got)
	}
	for range 2 {
		for _, p := range want.Ports {
			in(t, ns, func() error { return g.DelPort(p.Index) })
		}
		in(t, ns, func() error { return g.Expel(nil, want.Members...) })
		in(t, ns, func() error {
			return errors.Join(g.Unguard("tap0"), g.Unguard("br0"), g.Unserve("tap0"), g.Unplace("tap0"), g.Unshare("br0"), g.UnguardIndex(3), g.UnguardIndex(9))
		})
		if got := rules(t, ns); got != empty {
			t.Errorf("left over:\n%s", got)
		}
	}
}

func TestExpelTakesMembersThatAreThereWithSomeThatAreNot(t *testing.T) {
	ns := nettest.New(t)
	g := steer.New()
	want := some()
	replace(t, ns, want)
	in(t, ns, func() error { return g.Expel(nil, append(want.Members, member(7, 3, 9, "10.0.0.9"))...) })
	if got := held(t, ns).Members; len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

// A MAC address stays declared while one of the instance's addresses is.
func TestExpelLeavesWhatOthersNeed(t *testing.T) {
	ns := nettest.New(t)
	g := steer.New()
	want := some()
	replace(t, ns, want)
	in(t, ns, func() error { return g.Expel(want.Members, want.Members[1]) })
	want.Members = slices.Delete(want.Members, 1, 2)
	expelled := rules(t, ns)
	in(t, ns, g.Remove)
	replace(t, ns, want)
	if fresh := rules(t, ns); sorted(fresh) != sorted(expelled) {
		t.Errorf("is\n%s\nwant\n%s", expelled, fresh)
	}
}

// sorted is the text without the order of elements, which is that of a hash.
func sorted(text string) string {
	words := strings.Fields(strings.NewReplacer(",", " ").Replace(text))
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestATableOfOurNameThatIsAnothersIsLeftAlone(t *testing.T) {
	for _, foreign := range []string{
		"add table inet rolecall; add chain inet rolecall theirs",
		"add table bridge rolecall; add chain bridge rolecall forward { type filter hook output priority 0; }",
		"add table inet rolecall; add set inet rolecall theirs { type mark; }",
		"add table inet rolecall; add set inet rolecall guarded { type mark; }",
	} {
		t.Run(foreign, func(t *testing.T) {
			ns := nettest.New(t)
			ns.Run(t, "nft", foreign)
			before := rules(t, ns)
			ns.Do(func() {
				g := steer.New()
				for _, err := range []error{g.Ensure(), g.Replace(some()), g.Confine(true)} {
					if err == nil || !strings.Contains(err.Error(), "rolecall cleanup") || !strings.Contains(err.Error(), " rolecall is not as we make it") {
						t.Errorf("error %v", err)
					}
				}
			})
			if after := rules(t, ns); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
			in(t, ns, steer.New().Remove)
			in(t, ns, steer.New().Ensure)
		})
	}
}

func TestRemoveLeavesOtherTables(t *testing.T) {
	ns := nettest.New(t)
	ns.Run(t, "nft", "add table inet theirs; add chain inet theirs rolecall; add table ip rolecall")
	before := rules(t, ns)
	in(t, ns, steer.New().Remove)
	replace(t, ns, some())
	for range 2 {
		in(t, ns, steer.New().Remove)
	}
	if after := rules(t, ns); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

func TestWithoutTablesThereIsNothingAndNothingCanBeAdded(t *testing.T) {
	ns := nettest.New(t)
	ns.Do(func() {
		g := steer.New()
		m := member(7, 3, 1, "10.0.0.5")
		for _, err := range []error{g.Guard("tap0"), g.GuardIndex(3, ""), g.Place("tap0", "rp_filter=2"), g.AddPort(m.Port), g.Admit(m)} {
			if !errors.Is(err, steer.ErrAbsent) {
				t.Errorf("error %v, want ErrAbsent", err)
			}
		}
		if err := errors.Join(g.Unguard("tap0"), g.UnguardIndex(3), g.DelPort(7), g.Expel(nil, m)); err != nil {
			t.Errorf("removals: %v", err)
		}
		if c, err := g.Counters(); err != nil || c != (steer.Counters{}) {
			t.Errorf("counters %v, %v", c, err)
		}
		if names, err := g.Guarded(); err != nil || len(names) != 0 {
			t.Errorf("guarded %v, %v", names, err)
		}
	})
	if present(t, ns) {
		t.Error("present")
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	ns := nettest.New(t)
	in(t, ns, steer.New().Ensure)
	before := rules(t, ns)
	g := steer.New()
	group, short := member(7, 3, 1, "10.0.0.5"), member(7, 3, 1, "10.0.0.5")
	group.MAC, short.MAC = broadcast, short.MAC[:4]
	ns.Do(func() {
		for _, err := range []error{
			g.Guard(""), g.Guard("a-name-of-16-byt"), g.GuardIndex(0, ""), g.UnguardIndex(-1), g.AddPort(steer.Port{Index: 7}), g.AddPort(steer.Port{Bridge: 3}),
			g.Admit(group), g.Admit(short), g.Admit(member(7, 3, 1, "169.254.169.254")), g.Admit(member(7, 3, 1, "fd00:ec2::254")),
			g.Admit(member(7, 3, 1, "0.0.0.0")), g.Admit(member(7, 3, 1, "fe80::1%eth0")), g.Admit(member(0, 3, 1, "10.0.0.5")),
			g.Replace(steer.Want{Guarded: []string{""}}), g.Replace(steer.Want{GuardedIndexes: map[int]string{0: ""}}), g.Replace(steer.Want{Ports: []steer.Port{{}}}),
		} {
			if err == nil {
				t.Error("no error")
			}
		}
	})
	if after := rules(t, ns); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

func TestTenThousandElementsFit(t *testing.T) {
	ns := nettest.New(t)
	replace(t, ns, many(10_000))
	ns.Run(t, "nft", "flush", "ruleset")
	replace(t, ns, many(10_000))
	replace(t, ns, many(5_000))
}

// many is n devices, ports and members.
func many(n int) steer.Want {
	w := steer.Want{Bridges: []string{"br0"}, Placed: map[string]string{}, GuardedIndexes: map[int]string{}}
	for i := range n {
		name := fmt.Sprintf("tap%05d", i)
		w.Guarded, w.Served, w.Placed[name] = append(w.Guarded, name), append(w.Served, name), strings.Repeat("x", 128)
		port := steer.Port{Index: 100 + i, Bridge: 3}
		w.Ports, w.GuardedIndexes[port.Index] = append(w.Ports, port), strings.Repeat("y", 128)
		w.Members = append(w.Members, steer.Member{Port: port, MAC: net.HardwareAddr{2, 0, 0, 0, byte(i >> 8), byte(i)},
			Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
	}
	return w
}
