package link_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// patience is for what takes milliseconds unless the machine is overwhelmed.
const patience = 30 * time.Second

// until waits for what the kernel does later, from a worker.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for late := time.After(patience); !done(); {
		select {
		case <-late:
			t.Fatalf("waited %v for %s", patience, what)
		case <-time.After(time.Millisecond):
		}
	}
}

// addresses are both metadata addresses, as wanted on a device.
func addresses(device string) []link.Thing {
	return []link.Thing{link.Metadata(device, link.MetadataIPv4), link.Metadata(device, link.MetadataIPv6)}
}

// served is all that a guest's own device is to have.
func served(device string) []link.Thing {
	return slices.Concat(addresses(device), []link.Thing{link.ReplyRoute(device)}, link.HearGuests(device))
}

// list says what a device has. With recorded set it is on record that we came to it when
// its settings were those of a new device.
func list(t *testing.T, ns *nettest.Namespace, device string, recorded bool) (have []link.Thing) {
	t.Helper()
	var before *link.Settings
	if recorded {
		before = fresh(t, ns)
	}
	try(t, ns, func() (err error) {
		have, err = link.List(device, before)
		return err
	})
	return have
}

// fresh are the settings that a new device gets.
func fresh(t *testing.T, ns *nettest.Namespace) *link.Settings {
	t.Helper()
	s, err := link.ParseSettings(run(t, ns, "cd /proc/sys/net/ipv4/conf/default; echo rp_filter=$(cat rp_filter) arp_ignore=$(cat arp_ignore) arp_filter=$(cat arp_filter)"))
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// converge makes the device as wanted and returns what was done for it.
func converge(t *testing.T, ns *nettest.Namespace, device string, ours bool, want ...link.Thing) []link.Op {
	t.Helper()
	ops := link.Plan(list(t, ns, device, ours), want)
	try(t, ns, func() error { return link.Apply(ops) })
	return ops
}

// try does inside what must not fail.
func try(t *testing.T, ns *nettest.Namespace, f func() error) {
	t.Helper()
	ns.Do(func() {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	})
}

// guest returns a namespace at the other end of a new device of the host. Its eth0
// has the addresses; the host's end has none.
func guest(t *testing.T, host *nettest.Namespace, device string, addrs ...string) *nettest.Namespace {
	t.Helper()
	ns := nettest.New(t)
	ns.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0") // so that fe80:: can be used at once
	nettest.Veth(t, nettest.End{Namespace: host, Device: device}, nettest.End{Namespace: ns, Device: "eth0", Addrs: addrs})
	return ns
}

// serve listens inside, bound to the device, at both metadata addresses, and says
// what to each who connects.
func serve(t *testing.T, ns *nettest.Namespace, device, what string, addrs ...netip.Addr) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) { failure = unix.BindToDevice(int(fd), device) })
		if err != nil {
			return err
		}
		return failure
	}}
	for _, addr := range addrs {
		try(t, ns, func() error {
			listener, err := config.Listen(t.Context(), "tcp", netip.AddrPortFrom(addr, 80).String())
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
					_, _ = io.WriteString(conn, what)
					_ = conn.Close()
				}
			}()
			return nil
		})
	}
}

// ask returns what somebody says at the address.
func ask(t *testing.T, ns *nettest.Namespace, addr netip.Addr) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // for packets lost
	defer cancel()
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(addr, 80).String()) })
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	said, err := io.ReadAll(conn)
	return string(said), err
}

func wantSaid(t *testing.T, ns *nettest.Namespace, addr netip.Addr, want string) {
	t.Helper()
	if said, err := ask(t, ns, addr); said != want || err != nil {
		t.Errorf("%s said %q, %v; want %q", addr, said, err, want)
	}
}

// run is a line of shell inside.
func run(t *testing.T, ns *nettest.Namespace, line string) string {
	t.Helper()
	return ns.Run(t, "sh", "-c", line)
}

// state is all that this package may change.
func state(t *testing.T, ns *nettest.Namespace) string {
	t.Helper()
	return run(t, ns, "ip -o addr; ip -4 route; ip -6 route; ip rule; ip -6 rule; ip neigh show nud permanent; "+
		"cd /proc/sys/net/ipv4/conf; grep . */rp_filter */arp_ignore */arp_filter")
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("want %q in\n%s", part, text)
	}
}
