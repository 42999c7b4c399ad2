package network_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// ear hears what comes and goes on a device.
type ear struct {
	mu    sync.Mutex
	heard [][]byte
}

func overhear(t *testing.T, ns *nettest.Namespace, device string) *ear {
	t.Helper()
	e, socket := &ear{}, packetSocket(t, ns, device)
	go func() {
		frame := make([]byte, 65536)
		for {
			n, err := socket.Read(frame)
			if err != nil {
				return
			}
			e.mu.Lock()
			e.heard = append(e.heard, bytes.Clone(frame[:n]))
			e.mu.Unlock()
		}
	}()
	return e
}

// between counts the IP packets, in whatever they were, from src to dst.
func (e *ear) between(src, dst netip.Addr) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, frame := range e.heard {
		if bytes.Contains(frame, append(src.AsSlice(), dst.AsSlice()...)) {
			n++
		}
	}
	return n
}

// path is how a guest's packets of one IP version get to another metadata service.
type path struct {
	kind             uint16
	src, dst, beside netip.Addr // beside the metadata address, which is reached always
}

var paths = []path{
	{unix.ETH_P_IP, netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("192.0.2.1")},
	{unix.ETH_P_IPV6, netip.MustParseAddr("fd00::5"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("2001:db8::1")},
}

// attack sends in all ways, and reports what e heard of it, if it was to be held, and
// otherwise what it did not hear.
func (s *station) attack(t *testing.T, e *ear, when string, held bool, ways func(from, to netip.AddrPort) map[string][]bare) {
	t.Helper()
	for _, p := range paths {
		for name, frames := range ways(netip.AddrPortFrom(p.src, 4000), netip.AddrPortFrom(p.dst, 80)) {
			before, beside := e.between(p.src, p.dst), e.between(p.src, p.beside)
			for _, f := range frames {
				s.sendTo(s.peer, s.own, f.kind, f.payload)
			}
			other := segment{src: netip.AddrPortFrom(p.src, 4000), dst: netip.AddrPortFrom(p.beside, 9), flags: syn}
			s.sendTo(s.peer, s.own, p.kind, other.bytes())
			eventually(t, "what is for another address arrives", func() bool { return e.between(p.src, p.beside) > beside })
			switch n := e.between(p.src, p.dst) - before; {
			case held && n > 0:
				t.Errorf("%s the cloud got what is for %s %s", when, p.dst, name)
			case !held && n < len(frames):
				t.Errorf("%s the cloud got %d of %d frames for %s %s", when, n, len(frames), p.dst, name)
			}
		}
	}
}

// unaddressed takes a device's metadata addresses, so that the host forwards what is for
// them.
func unaddressed(t *testing.T, host *nettest.Namespace, device string) {
	t.Helper()
	host.Run(t, "ip", "address", "flush", "dev", device, "to", "169.254.169.254/32")
	host.Run(t, "ip", "address", "flush", "dev", device, "to", "fd00:ec2::254/128")
}

// flushed lets somebody flush all rules, and waits until ours are back.
func flushed(t *testing.T, host *nettest.Namespace, device string) {
	t.Helper()
	host.Run(t, "nft", "flush", "ruleset")
	eventually(t, "the guard is back", func() bool {
		return strings.Count(host.Run(t, "nft", "list", "ruleset"), `"`+device+`"`) >= 2
	})
}

func TestNoDisguiseLeadsAGuestToTheCloud(t *testing.T) {
	host := nettest.New(t)
	e := overhear(t, newCloud(t, host), "eth0")
	guest := newRoutedGuest(t, host)
	s := newStation(t, guest, macOfDevice(t, host, "tap1"))
	s.attack(t, e, "without us", false, disguises)
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	s.attack(t, e, "while the agent runs", true, disguises)
	kill(child)
	s.attack(t, e, "after kill -9", true, disguises)
	unaddressed(t, host, "tap1")
	s.attack(t, e, "after kill -9 and when somebody took the addresses", true, disguises)

	state, _ := watched(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	host.Run(t, "ip", "link", "del", "tap1")
	becomes(t, state, "i-1", network.Lost)
	guest = newRoutedGuest(t, host)
	s = newStation(t, guest, macOfDevice(t, host, "tap1"))
	s.attack(t, e, "behind a device made anew", true, disguises)
	flushed(t, host, "tap1")
	s.attack(t, e, "after a flush", true, disguises)
	state.Remove("i-1")
	s.attack(t, e, "after removal", false, disguises)
}

// inVLANs are disguises that a neighbour on the same Ethernet may see through.
func inVLANs(from, to netip.AddrPort) map[string][]bare {
	all := disguises(from, to)
	const c, s = unix.ETH_P_8021Q, unix.ETH_P_8021AD
	plain := all["as it is"][0]
	all["in a VLAN"] = []bare{plain.in(c, 5)}
	all["in a VLAN, with a priority"] = []bare{plain.in(c, 5).in(c, 0)}
	all["in a VLAN in a VLAN"] = []bare{plain.in(c, 5).in(c, 6)}
	all["in a VLAN in a provider's"] = []bare{plain.in(c, 5).in(s, 6)}
	all["in a VLAN in a VLAN in a provider's"] = []bare{plain.in(c, 5).in(c, 6).in(s, 7)}
	return all
}

// TestNoDisguiseLeadsAPortToTheCloud sends both what the bridge switches to somebody and
// what the host routes.
func TestNoDisguiseLeadsAPortToTheCloud(t *testing.T) {
	host := newLAN(t)
	cloud, lan := overhear(t, host, "uplink"), overhear(t, host, "lan")
	attack := func(when string, held bool, s *station) {
		t.Helper()
		s.peer = macOfDevice(t, host, "br0")
		s.attack(t, cloud, when+", routed,", held, disguises)
		s.peer = net.HardwareAddr{2, 0, 0, 0, 0, 99} // who is anywhere
		s.attack(t, lan, when+", switched,", held, inVLANs)
	}
	attack("without us", false, newStation(t, bridged(t, host, "tap1"), nil))
	host.Run(t, "ip", "link", "del", "tap1")

	newRoutedGuest(t, host)
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	kill(child)
	host.Run(t, "ip", "link", "del", "tap1")
	s := newStation(t, bridged(t, host, "tap1"), nil)
	attack("after kill -9", true, s)

	state, _ := watched(t, host)
	if err := state.Restore(t.Context(), network.Interface("i-1", "", "tap1", true)); err != nil {
		t.Fatal(err)
	}
	attack("while the agent runs", true, s)
	flushed(t, host, "tap1")
	attack("after a flush", true, s)
	state.Remove("i-1")
	attack("after removal", false, s)
}

// TestADisguisedRequestReachesUsOrNobody on a host whose other services listen at all of
// its addresses.
func TestADisguisedRequestReachesUsOrNobody(t *testing.T) {
	for _, mode := range []network.PortMode{network.Rewrite, network.NAT} {
		t.Run(string(mode), func(t *testing.T) {
			host := nettest.New(t)
			for _, addr := range []string{"[::]:80", "[::]:22"} {
				unbound(t, host, addr)
			}
			guest := newRoutedGuest(t, host)
			s := newStation(t, guest, macOfDevice(t, host, "tap1"))
			state := configured(t, host, network.Config{Mode: mode})
			put(t, state, network.Interface("i-1", "", "tap1", true))
			from, reached := uint16(5000), 0
			open := func(p path, to uint16) {
				src, dst := p.src.Next(), netip.AddrPortFrom(p.dst, to) // whose answers the guest's kernel leaves alone
				s.claim(src, s.own)
				for name := range disguises(netip.AddrPortFrom(src, from), dst) {
					from++
					for _, f := range disguises(netip.AddrPortFrom(src, from), dst)[name] {
						s.sendTo(s.peer, s.own, f.kind, f.payload)
					}
					wantTold(t, guest, metadata[0], "i-1")
					half := host.Run(t, "ss", "-Htn", "state", "syn-recv", "dport", "=", fmt.Sprint(from))
					if strings.Contains(half, ":8474 ") {
						reached++
					} else if half != "" {
						t.Errorf("what is for %s %s reached %s", dst, name, half)
					}
				}
			}
			for range 2 { // at first, and when the device refuses by itself
				for _, p := range paths {
					open(p, 80)
					open(p, 22)
				}
				refusing(t, host, 1)
			}
			if reached == 0 {
				t.Error("nobody was reached, not even we")
			}
		})
	}
}
