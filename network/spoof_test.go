package network_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// The victim is always i-1 behind tap1, with these addresses.
var (
	victimMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 5}
	victimAddrs = []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")}
)

// street is a host with a victim and an attacker, each behind a device of its own, and
// a neighbour on the network that the host itself is in. All routes that a host could
// have to the victim are there, so that only the devices tell them apart.
type street struct {
	host, victim, attacker, neighbour *nettest.Namespace

	state *network.State
	// tap2 and lan are the attacker and the neighbour, below their kernels.
	tap2, lan *station
}

// newStreet has a server for the connections.
func newStreet(t *testing.T, server func(net.Listener)) *street {
	t.Helper()
	s := &street{host: nettest.New(t), victim: nettest.New(t), attacker: nettest.New(t), neighbour: nettest.New(t)}
	s.host.Sysctl(t, "net/ipv4/ip_forward", "1")
	s.host.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	for device, guest := range map[string]*nettest.Namespace{"tap1": s.victim, "tap2": s.attacker, "lan": s.neighbour} {
		plug(t, s.host, guest, device)
	}
	s.victim.Run(t, "ip", "link", "set", "eth0", "address", victimMAC.String())
	for ns, addrs := range map[*nettest.Namespace][]string{
		s.victim: {"10.0.0.5/24", "fd00::5/64"}, s.attacker: {"10.0.0.6/24", "fd00::6/64"}, s.neighbour: {"192.0.2.9/24", "2001:db8::9/64"},
	} {
		for _, addr := range addrs {
			address(t, ns, "eth0", addr)
		}
	}
	for _, addr := range []string{"10.0.0.1/24", "fd00::1/64"} {
		address(t, s.host, "tap1", addr)
	}
	for _, addr := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
		address(t, s.host, "lan", addr)
	}
	// Whoever has a port below comes from a station.
	s.victim.Sysctl(t, "net/ipv4/ip_local_port_range", "32768 60999")
	s.host.Do(func() {
		var err error
		if s.state, err = network.New(network.Config{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = s.state.Close(true) })
	go server(s.state.Listener())
	put(t, s.state, network.Interface("i-1", "", "tap1", true))
	put(t, s.state, network.Interface("i-2", "", "tap2", true))
	s.tap2 = newStation(t, s.attacker, macOfDevice(t, s.host, "tap2"))
	s.lan = newStation(t, s.neighbour, macOfDevice(t, s.host, "lan"))
	return s
}

func address(t *testing.T, ns *nettest.Namespace, device, addr string) {
	t.Helper()
	ns.Run(t, "ip", "address", "add", addr, "dev", device, "nodad")
}

// whileTheVictimAsks does f while the victim is told its own name, again and again.
func (s *street) whileTheVictimAsks(t *testing.T, f func()) {
	t.Helper()
	var asking sync.WaitGroup
	done := make(chan struct{})
	for _, addr := range metadata {
		asking.Go(func() {
			for {
				if told, err := ask(t, s.victim, addr); told != "i-1" || err != nil {
					t.Errorf("the victim was told %q, %v by %s", told, err, addr)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	f()
	close(done)
	asking.Wait()
}

// refused is what was counted for a reason.
func (s *street) refused(t *testing.T, reason string) uint64 {
	t.Helper()
	counted, err := s.state.Refused()
	if err != nil {
		t.Fatal(err)
	}
	return counted[reason]
}

const tries = 300

// TestAForgedSourceBehindADeviceOfItsOwn opens whole connections as the victim, from
// the attacker's device. They are the attacker's, whatever they say.
func TestAForgedSourceBehindADeviceOfItsOwn(t *testing.T) {
	for name, forge := range map[string]struct{ mac, ip bool }{
		"an address": {ip: true}, "a MAC address": {mac: true}, "both": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStreet(t, serve)
			mac, ips := s.tap2.own, []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::7")}
			if forge.mac {
				mac = victimMAC
			}
			if forge.ip {
				ips = victimAddrs
			}
			s.whileTheVictimAsks(t, func() {
				for i := range tries {
					family := i % 2
					src := netip.AddrPortFrom(ips[family], uint16(1024+i))
					if told := s.tap2.ask(mac, src, netip.MustParseAddrPort(metadata[family])); told != "i-2" {
						t.Errorf("as %s the attacker was told %q", src, told)
					}
				}
			})
		})
	}
}

// TestAForgedSourceFromTheNetworkOutside sends what the victim would, by a device that
// is no attachment. Nobody takes it for anything, and it is counted.
func TestAForgedSourceFromTheNetworkOutside(t *testing.T) {
	s := newStreet(t, serve)
	put(t, s.state, network.Host("host", true))
	victims := newStation(t, s.victim, nil)
	s.whileTheVictimAsks(t, func() {
		for i := range tries {
			family := i % 2
			s.lan.send(victimMAC, segment{
				src: netip.AddrPortFrom(victimAddrs[family], uint16(1024+i)), dst: netip.MustParseAddrPort(metadata[family]), flags: syn,
			})
		}
		eventually(t, "all are counted", func() bool { return s.refused(t, "stray") == tries })
	})
	for where, st := range map[string]*station{"the victim": victims, "the neighbour": s.lan} {
		if seg, ok := st.find(func(seg segment) bool { return seg.flags&(syn|ack) == syn|ack && seg.dst.Port() < 1024+tries }); ok {
			t.Errorf("%s heard an answer: %+v", where, seg)
		}
	}
}

// TestTheNetworkOutsideGetsNothing routes the metadata addresses to the host, which has
// them on two guests' devices and on lo.
func TestTheNetworkOutsideGetsNothing(t *testing.T) {
	s := newStreet(t, serve)
	put(t, s.state, network.Host("host", true))
	s.neighbour.Run(t, "ip", "route", "replace", "169.254.169.254", "via", "192.0.2.1")
	s.neighbour.Run(t, "ip", "-6", "route", "replace", "fd00:ec2::254", "via", "2001:db8::1")
	for i, addr := range metadata {
		wantRefused(t, s.neighbour, addr)
		if got := s.refused(t, "stray"); got != uint64(i+1) {
			t.Errorf("%d strays are counted, want %d", got, i+1)
		}
	}
	wantTold(t, s.host, metadata[0], "host")
}

// TestAnOpenConnectionTakesNothingFromAnother has an attacker who knows all about the
// victim's connection, and speaks in it.
func TestAnOpenConnectionTakesNothingFromAnother(t *testing.T) {
	for _, addr := range metadata {
		t.Run(addr, func(t *testing.T) {
			s := newStreet(t, converse)
			victims := newStation(t, s.victim, nil)
			var conn net.Conn
			s.victim.Do(func() {
				var err error
				if conn, err = new(net.Dialer).DialContext(t.Context(), "tcp", addr); err != nil {
					t.Fatal(err)
				}
			})
			defer func() { _ = conn.Close() }()
			opened := victims.await("the answer to a SYN", func(seg segment) bool { return seg.flags&(syn|ack) == syn|ack })
			forged := segment{src: opened.dst, dst: opened.src, seq: opened.ack, ack: opened.seq + 1}
			for _, st := range []*station{s.tap2, s.lan} {
				st.claim(forged.src.Addr(), victimMAC)
				forged.flags, forged.data = rst|ack, nil
				st.send(victimMAC, forged)
				forged.flags, forged.data = psh|ack, []byte("attempt\n")
				st.send(victimMAC, forged)
			}
			s.tap2.await("a reset", func(seg segment) bool { return seg.dst == forged.src && seg.flags&rst != 0 })
			eventually(t, "both of the neighbour's are counted", func() bool { return s.refused(t, "stray") == 2 })
			if _, err := io.WriteString(conn, "question\n"); err != nil {
				t.Fatal(err)
			}
			if told, err := io.ReadAll(conn); string(told) != "i-1 heard question" || err != nil {
				t.Errorf("the victim was told %q, %v", told, err)
			}
		})
	}
}

// converse answers each connection when it has said a line.
func converse(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "%s heard %s", conn.(*network.Conn).Attachment(), strings.TrimSpace(line))
		}()
	}
}

// TestAnswersForAnothersAddressMisleadNobody claims, by the attacker's device and from
// outside, to be the victim and to be us.
func TestAnswersForAnothersAddressMisleadNobody(t *testing.T) {
	s := newStreet(t, serve)
	stations := map[string]*station{"the attacker": s.tap2, "the neighbour": s.lan}
	local, err := netip.ParseAddr("fe80::ff:fe00:5") // of victimMAC (RFC 4291, appendix A)
	if err != nil {
		t.Fatal(err)
	}
	s.whileTheVictimAsks(t, func() {
		for range tries {
			for _, st := range stations {
				for _, ip := range append(victimAddrs, local) {
					st.claim(ip, st.own)
				}
				for _, addr := range metadata {
					st.claim(netip.MustParseAddrPort(addr).Addr(), st.own)
				}
			}
		}
	})
	for name, st := range stations {
		if seg, ok := st.find(func(seg segment) bool { return strings.Contains(string(seg.data), "i-1") }); ok {
			t.Errorf("%s heard an answer for the victim: %+v", name, seg)
		}
	}
	wantTold(t, s.attacker, metadata[0], "i-2")
}

// TestNobodyElseAnswersTheVictim sends it what we would, by the host, which forwards.
func TestNobodyElseAnswersTheVictim(t *testing.T) {
	s := newStreet(t, serve)
	victims := newStation(t, s.victim, nil)
	for _, st := range []*station{s.tap2, s.lan} {
		for family, addr := range metadata {
			us, them := netip.MustParseAddrPort(addr), netip.AddrPortFrom(victimAddrs[family], 1024)
			st.send(st.own, segment{src: us, dst: them, flags: psh | ack, data: []byte("attempt")})
			other := netip.AddrPortFrom([]netip.Addr{netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("2001:db8::77")}[family], 80)
			st.send(st.own, segment{src: other, dst: them, flags: psh | ack, data: []byte("harmless")})
			victims.await("what comes later", func(seg segment) bool { return seg.src == other })
			if _, ok := victims.find(func(seg segment) bool { return seg.src == us }); ok {
				t.Errorf("the victim was answered as by %s", us)
			}
			victims.forget()
		}
	}
}
