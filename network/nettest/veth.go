package nettest

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a cable between two namespaces.
type End struct {
	Namespace *Namespace
	// Device is the name of the end, at most 15 characters, not yet used there.
	Device string
	// Addrs are the end's own, with prefix length, as in 10.0.0.1/24.
	Addrs []string
}

// Veth connects two namespaces (or one with itself) by a pair of virtual
// Ethernet devices. On return both ends are up and their addresses usable.
func Veth(t testing.TB, a, b End) {
	t.Helper()
	err := a.Namespace.link.LinkAdd(&netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: a.Device},
		PeerName:      b.Device,
		PeerNamespace: netlink.NsFd(b.Namespace.file.Fd()),
	})
	if err != nil {
		t.Fatalf("veth %s to %s: %v", a.Device, b.Device, err)
	}
	a.Namespace.up(t, a.Device)
	b.Namespace.up(t, b.Device)
	a.address(t)
	b.address(t)
}

// address waits for the carrier and gives the end its addresses. Nobody else has
// them, so duplicate address detection is left out: it would take a second.
func (e End) address(t testing.TB) {
	t.Helper()
	until(t, "the carrier of "+e.Device, func() bool {
		return e.Namespace.device(t, e.Device).Attrs().OperState == netlink.OperUp
	})
	for _, text := range e.Addrs {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		if addr.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := e.Namespace.link.AddrAdd(e.Namespace.device(t, e.Device), addr); err != nil {
			t.Fatalf("address %s on %s: %v", text, e.Device, err)
		}
		until(t, "the route to "+text, func() bool {
			routes, err := e.Namespace.link.RouteGet(addr.IP)
			return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL
		})
	}
}

// until waits for what the kernel does later, from a worker: it drops packets
// before the carrier is noticed, and has no route to an IPv6 address at first.
// On a busy machine this has taken over a second. The test's deadline bounds it.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-t.Context().Done():
			t.Fatalf("waiting for %s: %v", what, t.Context().Err())
		case <-time.After(time.Millisecond):
		}
	}
}
