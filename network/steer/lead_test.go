package steer_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// eachWay tests all modes side by side.
func eachWay(t *testing.T, test func(*testing.T, steer.Way)) {
	for _, w := range ways {
		t.Run(string(w.Mode), func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

func TestRequestsComeToTheListenerOfTheirDevice(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		b := newBlock(t, w)
		b.guests["lo"] = b.host
		for device, ns := range b.guests {
			for _, addr := range link.Served() {
				if said, err := hear(t, ns, at(addr, 80), 0); said != device || err != nil {
					t.Errorf("at %s who is behind %s hears %q, %v", addr, device, said, err)
				}
			}
		}
	})
}

// A web server on all addresses has what is for its own. (With Direct it cannot start.)
func TestPort80IsOthers(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		b := newBlock(t, w)
		if w.Mode == steer.Direct {
			return
		}
		answerTCP(t, b.host, "", at(netip.IPv4Unspecified(), 80), "the web")
		answerTCP(t, b.host, "", at(netip.IPv6Unspecified(), 80), "the web")
		b.guests["lo"] = b.host
		for device, ns := range b.guests {
			for addr, want := range map[string]string{"169.254.169.254": device, "fd00:ec2::254": device} {
				if said, err := hear(t, ns, at(netip.MustParseAddr(addr), 80), 0); said != want || err != nil {
					t.Errorf("at %s who is behind %s hears %q, %v", addr, device, said, err)
				}
			}
		}
		if said, err := hear(t, b.neighbour, at(netip.MustParseAddr("192.0.2.1"), 80), 0); said != "the web" || err != nil {
			t.Errorf("the neighbour hears %q, %v", said, err)
		}
	})
}

// All refusals are told at once, to both guests who have the same address.
func TestNothingElseOfTheHostIsReached(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		b := newBlock(t, w)
		answerTCP(t, b.host, "", at(netip.IPv4Unspecified(), 22), "a shell")
		answerTCP(t, b.host, "", at(netip.IPv6Unspecified(), 22), "a shell")
		refused := uint64(0)
		refuse := func(who string, ns *nettest.Namespace, to netip.AddrPort) {
			t.Helper()
			refused++
			if said, err := hear(t, ns, to, 0); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("%s at %s hears %q, %v", who, to, said, err)
			}
		}
		for device, ns := range b.guests {
			for _, addr := range link.Served() {
				for _, port := range []uint16{1, 22, 79, 81, ours, 65535} {
					refuse(device, ns, at(addr, port))
				}
			}
		}
		for _, addr := range link.Served() { // on lo no device refuses before our own port would
			refuse("the host", b.host, at(addr, 22))
			refuse("the host", b.host, at(addr, ours))
		}
		closed := func() uint64 { return counters(t, b).Closed }
		if got := closed(); got != refused {
			t.Errorf("%d were counted of %d", got, refused)
		}
		for _, port := range []uint16{22, 80, ours} {
			for _, addr := range []netip.Addr{link.MetadataIPv4, link.TaskIPv4} {
				refuse("the neighbour", b.neighbour, at(addr, port))
			}
		}
		if got := counters(t, b); got.Closed+got.Stray != refused {
			t.Errorf("%d were counted of %d", got.Closed+got.Stray, refused)
		}
		// Our own port, by an address that is not for metadata.
		if w.Mode != steer.Direct {
			before := closed()
			for _, ns := range b.guests {
				// The answer goes by the host's routes, of which one guest has none.
				send(t, ns, at(netip.MustParseAddr("10.0.0.1"), ours))
			}
			eventually(t, "both are counted", func() bool { return closed() >= before+2 })
		}
		b.host.Run(t, "ip", "route", "add", "10.0.0.5", "dev", "tap1") // for the answer to ICMP, which no socket sends
		b.guests["tap1"].Run(t, "busybox", "ping", "-c", "1", "-W", "5", "169.254.169.254")
		for device, ns := range b.guests {
			if said, err := hear(t, ns, at(link.MetadataIPv4, 80), 0); said != device || err != nil {
				t.Errorf("behind %s: %q, %v", device, said, err)
			}
		}
	})
}

// send begins to connect and does not wait for the answer.
func send(t testing.TB, ns *nettest.Namespace, to netip.AddrPort) {
	t.Helper()
	in(t, ns, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		if errors.Is(err, unix.EINPROGRESS) {
			return nil
		}
		return err
	})
}

func counters(t testing.TB, b *block) (c steer.Counters) {
	t.Helper()
	in(t, b.host, func() (err error) { c, err = b.guard.Counters(); return err })
	return c
}

// Two guests talk from the same port of the same address, while a firewall drops what
// connection tracking takes to be invalid. Both are connected before either ends, so that
// whatever takes them for one finds segments of the other in it.
func TestEqualConnectionsStayApart(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		const much = 500_000 // more than fits the buffers, so that both are in the middle
		b := newBlockSaying(t, w, much)
		b.host.Run(t, "nft", `add table inet fw
			add counter inet fw invalid
			add chain inet fw in { type filter hook input priority 0; }
			add chain inet fw out { type filter hook output priority 0; }
			add rule inet fw in ct state invalid tcp sport 4000-5999 counter name invalid drop
			add rule inet fw out ct state invalid tcp dport 4000-5999 counter name invalid drop
			add rule inet fw in ct state established accept`)
		for round := range 20 {
			for addr, from := range map[netip.Addr]int{link.MetadataIPv4: 4000, link.MetadataIPv6: 5000} {
				said := map[string]func() (string, error){}
				for device, ns := range b.guests {
					conn, err := connect(t, ns, at(addr, 80), &net.TCPAddr{Port: from + round})
					if err != nil {
						t.Fatalf("round %d: behind %s at %s: %v", round, device, addr, err)
					}
					said[device] = func() (string, error) { return hearAll(conn) }
				}
				for device, all := range said {
					if text, err := all(); text != strings.Repeat(device, much) || err != nil {
						t.Fatalf("round %d: behind %s at %s: %d bytes, %v", round, device, addr, len(text), err)
					}
				}
			}
		}
		if w.Mode == steer.NAT { // without a zone one may pass for both
			if got := b.host.Run(t, "grep", " sport=4000 ", "/proc/net/nf_conntrack"); strings.Count(got, "\n") != 2 {
				t.Errorf("of two connections connection tracking knows\n%s", got)
			}
		}
		if got := b.host.Run(t, "nft", "list", "counter", "inet", "fw", "invalid"); !strings.Contains(got, "packets 0 ") {
			t.Errorf("taken to be invalid: %s", got)
		}
		if said, err := hear(t, b.host, at(link.MetadataIPv4, 80), 0); said != strings.Repeat("lo", much) || err != nil {
			t.Errorf("the host hears %d bytes, %v", len(said), err)
		}
	})
}

// Docker, for one, readdresses what is for port 80 of any address of the host when a
// container is published there.
func TestOthersNATTakesNoRequest(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		b := newBlock(t, w)
		answerTCP(t, b.neighbour, "", netip.MustParseAddrPort("192.0.2.2:80"), "a container")
		b.host.Run(t, "nft", `add table inet docker
			add chain inet docker pre { type nat hook prerouting priority -100; }
			add chain inet docker out { type nat hook output priority -100; }
			add rule inet docker pre meta nfproto ipv4 fib daddr type local tcp dport 80 dnat ip to 192.0.2.2:80
			add rule inet docker out meta nfproto ipv4 fib daddr type local tcp dport 80 dnat ip to 192.0.2.2:80`)
		if said, err := hear(t, b.host, netip.MustParseAddrPort("192.0.2.1:80"), 0); said != "a container" || err != nil {
			t.Errorf("what is published says %q, %v", said, err)
		}
		b.guests["lo"] = b.host
		for device, ns := range b.guests {
			if said, err := hear(t, ns, at(link.MetadataIPv4, 80), 0); said != device || err != nil {
				t.Errorf("behind %s: %q, %v", device, said, err)
			}
		}
		// From an address that is not for metadata.
		if said, err := hearFrom(t, b.host, at(link.MetadataIPv4, 80), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); said != "lo" || err != nil {
			t.Errorf("the host from 127.0.0.1: %q, %v", said, err)
		}
	})
}

// Firewalls see the port that was asked, so that a rule for it is enough.
func TestRewritingIsSeenByNobody(t *testing.T) {
	b := newBlock(t, steer.Way{Mode: steer.Rewrite, Port: ours})
	b.host.Run(t, "nft", fmt.Sprintf(`add table inet fw
		add chain inet fw in { type filter hook input priority 0; policy drop; }
		add chain inet fw out { type filter hook output priority 0; policy drop; }
		add rule inet fw in ip daddr 169.254.169.254 tcp dport 80 accept
		add rule inet fw in ip saddr 169.254.169.254 tcp sport 80 accept
		add rule inet fw out ip daddr 169.254.169.254 tcp dport 80 accept
		add rule inet fw out ip saddr 169.254.169.254 tcp sport 80 accept
		add rule inet fw in tcp dport %d drop`, ours))
	b.guests["lo"] = b.host
	for device, ns := range b.guests {
		if said, err := hear(t, ns, at(link.MetadataIPv4, 80), 0); said != device || err != nil {
			t.Errorf("behind %s: %q, %v", device, said, err)
		}
	}
}

// An agent that is started again may be told another mode.
func TestOneModeFollowsAnother(t *testing.T) {
	ns := nettest.New(t)
	for range 2 {
		for _, w := range ways {
			g := steer.Via(w)
			in(t, ns, g.Ensure)
			first := rules(t, ns)
			in(t, ns, g.Remove)
			in(t, ns, g.Ensure)
			if got := rules(t, ns); got != first {
				t.Errorf("%s leaves of the mode before:\n%s\nalone it is\n%s", w.Mode, first, got)
			}
			for _, other := range ways {
				var present bool
				in(t, ns, func() (err error) { present, err = steer.Via(other).Present(); return err })
				if present != (other == w) {
					t.Errorf("with %s, the tables of %s are there: %v", w.Mode, other.Mode, present)
				}
			}
		}
	}
}
