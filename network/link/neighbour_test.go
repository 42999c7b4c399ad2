package link_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

func neighbourOn(device, addr, mac string) link.Neighbour {
	hardware, err := net.ParseMAC(mac)
	if err != nil {
		panic(err)
	}
	return link.Neighbour{Device: device, Addr: netip.MustParseAddr(addr), MAC: hardware}
}

// pin plans and applies as network does.
func pin(t *testing.T, ns *nettest.Namespace, n link.Neighbour) (ops []link.Op, err error) {
	t.Helper()
	ns.Do(func() {
		have, failure := link.Neighbours(n.Device, n.Addr)
		if failure != nil {
			t.Fatal(failure)
		}
		ops = link.Plan(have, []link.Thing{n})
		err = link.Apply(ops)
	})
	return ops, err
}

const (
	mac1 = "02:00:00:00:00:01"
	mac2 = "02:00:00:00:00:02"
)

func bridge(t *testing.T) *nettest.Namespace {
	t.Helper()
	ns := nettest.New(t)
	run(t, ns, "ip link add br0 type bridge; ip link set br0 up")
	return ns
}

func TestANeighbourIsPinned(t *testing.T) {
	for _, addr := range []string{"10.0.0.5", "fd00::5"} {
		for name, c := range map[string]struct{ before, after string }{
			"where there is none":              {"", ""},
			"where another was learned":        {"ip neigh add %s lladdr " + mac2 + " dev br0 nud reachable", ""},
			"where the same was learned":       {"ip neigh add %s lladdr " + mac1 + " dev br0 nud stale", ""},
			"where it was pinned to another":   {"ip neigh add %s lladdr " + mac2 + " dev br0 nud permanent protocol 84", ""},
			"where others pinned it as wanted": {"ip neigh add %s lladdr " + mac1 + " dev br0 nud permanent", mac1},
		} {
			t.Run(addr+" "+name, func(t *testing.T) {
				ns := bridge(t)
				run(t, ns, ":;"+strings.ReplaceAll(c.before, "%s", addr))
				n := neighbourOn("br0", addr, mac1)
				for range 2 {
					if _, err := pin(t, ns, n); err != nil {
						t.Fatal(err)
					}
				}
				shown := run(t, ns, "ip neigh show "+addr+" dev br0")
				contains(t, shown, "lladdr "+mac1+" PERMANENT")
				other := neighbourOn("br0", addr, mac2)
				try(t, ns, func() error { return link.Apply([]link.Op{{Verb: link.Del, Thing: other}}) })
				if again := run(t, ns, "ip neigh show "+addr+" dev br0"); again != shown {
					t.Errorf("the removal of another left\n%s", again)
				}
				for range 2 {
					try(t, ns, func() error { return link.Apply([]link.Op{{Verb: link.Del, Thing: n}}) })
				}
				left := run(t, ns, "ip neigh show "+addr+" dev br0")
				if strings.Contains(left, "PERMANENT") != (c.after != "") || !strings.Contains(left, c.after) {
					t.Errorf("left is %q", left)
				}
			})
		}
	}
}

func TestSomebodyElsesNeighbourIsNamed(t *testing.T) {
	ns := bridge(t)
	run(t, ns, "ip neigh add 10.0.0.5 lladdr "+mac2+" dev br0 nud permanent")
	before := run(t, ns, "ip neigh")
	_, err := pin(t, ns, neighbourOn("br0", "10.0.0.5", mac1))
	if foreign, ok := errors.AsType[*link.ForeignNeighbourError](err); !ok || foreign.Have.MAC.String() != mac2 || !strings.Contains(err.Error(), mac2) {
		t.Errorf("error %v", err)
	}
	if after := run(t, ns, "ip neigh"); after != before {
		t.Errorf("left\n%swas\n%s", after, before)
	}
}

func TestAnotherMACTakesThePlaceAndUndoBringsTheFirstBack(t *testing.T) {
	ns := bridge(t)
	if _, err := pin(t, ns, neighbourOn("br0", "10.0.0.5", mac1)); err != nil {
		t.Fatal(err)
	}
	ops, err := pin(t, ns, neighbourOn("br0", "10.0.0.5", mac2))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, run(t, ns, "ip neigh"), mac2)
	try(t, ns, func() error { return link.Undo(ops) })
	contains(t, run(t, ns, "ip neigh"), mac1)
}

func TestNeighboursWantADevice(t *testing.T) {
	if _, err := link.Neighbours("none", netip.MustParseAddr("10.0.0.5")); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
