package steer_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// answer sends a datagram from the metadata address, as our listener would.
func (b *bed) answer(t *testing.T, to netip.Addr, text string) {
	t.Helper()
	b.do(t, func() error {
		from := md4
		if to.Is6() {
			from = md6
		}
		socket, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", netip.AddrPortFrom(from, 0).String())
		if err != nil {
			return err
		}
		defer func() { _ = socket.Close() }()
		_, err = socket.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 4000)))
		return err
	})
}

// know gives the host a permanent neighbour entry, as members have.
func (b *bed) know(t *testing.T, ip netip.Addr, mac net.HardwareAddr) {
	t.Helper()
	b.host.Run(t, "ip", "neigh", "replace", ip.String(), "lladdr", mac.String(), "dev", "br0", "nud", "permanent")
}

// learnt is the port by which the bridge would send to the victim, if it knows one.
func (b *bed) learnt(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(b.host.Run(t, "bridge", "fdb", "show", "br", "br0")) {
		if fields := strings.Fields(line); fields[0] == victimMAC.String() {
			return fields[2]
		}
	}
	return ""
}

func TestAnAnswerIsFloodedToTheMemberAlone(t *testing.T) {
	b, victim, attacker := pair(t)
	newcomer := b.plug(t, "newcomer", "br0", net.HardwareAddr{2, 0, 0, 0, 0, 7}, netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::7"))
	b.know(t, victimIP, victimMAC)
	b.know(t, victimIP6, victimMAC)
	// What the victim's kernel sends by itself, as reports of listeners, would be learnt from
	// after the table was flushed, and the answer would not be flooded.
	b.host.Run(t, "bridge", "link", "set", "dev", victim.name, "learning", "off")
	victims := overhear(t, victim.ns, "eth0")
	others := []*heard{overhear(t, attacker.ns, "eth0"), overhear(t, newcomer.ns, "eth0")}
	for i, to := range []netip.Addr{victimIP, victimIP6} {
		text := fmt.Sprintf("the secret %d", i)
		b.host.Run(t, "ip", "link", "set", "br0", "type", "bridge", "fdb_flush")
		b.answer(t, to, text)
		eventually(t, "the victim's answer", func() bool { return victims.has(text) })
		eventually(t, "the others' copies are counted", func() bool { return b.counters(t).Misdirected == uint64(2*i+2) })
	}
	b.host.Run(t, "ip", "link", "set", "br0", "type", "bridge", "fdb_flush")
	b.bystander(t, "something else")
	for _, h := range others {
		eventually(t, "what comes later", func() bool { return h.has("something else") })
		if h.has("the secret") {
			t.Error("another port overheard the answer")
		}
	}
}

// bystander floods a datagram that is no answer of ours, for the victim.
func (b *bed) bystander(t *testing.T, text string) {
	t.Helper()
	b.do(t, func() error {
		conn, err := new(net.Dialer).DialContext(t.Context(), "udp", netip.AddrPortFrom(victimIP, 4000).String())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.Write([]byte(text))
		return err
	})
}

// The bridge learns from a frame of LLDP although no hook sees it, and from a port
// that was not added yet.
func TestWhoTakesOverAMACAddressGetsNoAnswer(t *testing.T) {
	lldp := net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0x0e}
	for name, plug := range map[string]func(*bed) *guest{
		"by LLDP": func(b *bed) *guest { return b.join(t, "thief", attackerMAC, attackerIP, attackerIP6) },
		"by a new port": func(b *bed) *guest {
			return b.plug(t, "thief", "br0", attackerMAC, attackerIP, attackerIP6)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			victim := b.join(t, "victim", victimMAC, victimIP, victimIP6)
			b.admit(t, victim, victimIP)
			b.know(t, victimIP, victimMAC)
			thief := plug(b)
			seen := overhear(t, thief.ns, "eth0")
			// What the victim's kernel sends by itself would take the address back too early.
			b.host.Run(t, "bridge", "link", "set", "dev", victim.name, "learning", "off")
			thief.send(t, ethernet(lldp, victimMAC, 0x88cc, []byte("take over")))
			eventually(t, "the bridge learns it", func() bool { return b.learnt(t) == "thief" })
			b.answer(t, victimIP, "the secret")
			eventually(t, "it is counted", func() bool { return b.counters(t).Misdirected == 1 })
			b.bystander(t, "something else")
			eventually(t, "what comes later", func() bool { return seen.has("something else") })
			if seen.has("the secret") {
				t.Error("the thief got the answer")
			}
			b.host.Run(t, "bridge", "link", "set", "dev", victim.name, "learning", "on")
			victim.send(t, b.ask(victimMAC, victimIP, "again"))
			eventually(t, "the victim takes it back", func() bool { return b.learnt(t) == "victim" })
		})
	}
}

func TestAPortThatNobodyAddedReachesNothing(t *testing.T) {
	b, victim, attacker := pair(t)
	service4, service6 := serve(t, b.host, "br0", md4), serve(t, b.host, "br0", md6)
	b.do(t, func() error { return b.guard.DelPort(attacker.port.Index) })
	victims := overhear(t, victim.ns, "eth0")
	for i, frame := range [][]byte{
		b.ask(attackerMAC, attackerIP, "attempt"), b.ask(victimMAC, victimIP, "attempt"), b.ask(victimMAC, victimIP6, "attempt"),
	} {
		attacker.send(t, frame)
		eventually(t, "it is counted", func() bool { return b.counters(t).Unmarked == uint64(i+1) })
	}
	for i, frame := range [][]byte{
		ethernet(broadcast, attackerMAC, unix.ETH_P_IP, ipv4(md4, victimIP, unix.IPPROTO_UDP, nil, udp(md4, victimIP, "attempt"))),
		ethernet(toAll, attackerMAC, unix.ETH_P_IPV6, nettest.IPv6(md6, victimIP6, unix.IPPROTO_UDP, udp(md6, victimIP6, "attempt"))),
		ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, md4, "attempt")),
		ethernet(toAll, attackerMAC, unix.ETH_P_IPV6, nettest.IPv6(attackerIP6, allNodes, unix.IPPROTO_ICMPV6,
			neighbour(136, attackerIP6, allNodes, md6, attackerMAC, "attempt"))),
	} {
		attacker.send(t, frame)
		eventually(t, fmt.Sprintf("frame %d is counted", i), func() bool {
			c := b.counters(t)
			return c.Impersonation+c.ForgedNeighbour == uint64(i+1)
		})
	}
	attacker.send(t, ethernet(broadcast, attackerMAC, 0x88b5, []byte("the end")))
	eventually(t, "the last frame", func() bool { return victims.has("the end") })
	if victims.has("attempt") || service4.has("attempt") || service6.has("attempt") {
		t.Error("an attempt succeeded")
	}
}

// Packets that the host readdresses to itself, after the bridge has seen them.
func TestWhatIsReaddressedToUsIsDropped(t *testing.T) {
	b, _, attacker := pair(t)
	service4, service6 := serve(t, b.host, "br0", md4), serve(t, b.host, "br0", md6)
	for _, device := range []string{"all", "br0"} {
		b.host.Sysctl(t, "net/ipv4/conf/"+device+"/accept_source_route", "1")
		b.host.Sysctl(t, "net/ipv6/conf/"+device+"/seg6_enabled", "1")
	}
	host4, host6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	route := append([]byte{131, 7, 4}, append(md4.AsSlice(), 0)...) // loose source route (RFC 791)
	frame4 := func(text string) []byte {
		return ethernet(b.mac, attackerMAC, unix.ETH_P_IP, ipv4(victimIP, host4, unix.IPPROTO_UDP, route, udp(victimIP, md4, text)))
	}
	frame6 := func(text string) []byte { // segment routing header (RFC 8754, section 2)
		segments := append([]byte{unix.IPPROTO_UDP, 2, 4, 1, 0, 0, 0, 0}, md6.AsSlice()...)
		return ethernet(b.mac, attackerMAC, unix.ETH_P_IPV6, nettest.IPv6(victimIP6, host6, unix.IPPROTO_ROUTING,
			append(segments, udp(victimIP6, md6, text)...)))
	}
	attacker.send(t, frame4("attempt"))
	eventually(t, "the source route is counted", func() bool { return b.counters(t).SourceRouted == 1 })
	attacker.send(t, frame6("attempt"))
	eventually(t, "the routing header is counted", func() bool { return b.counters(t).SourceRouted == 2 })
	// That it would reach the service, shows a bridge that is not shared.
	b.do(t, func() error { return b.guard.Unshare("br0") })
	attacker.send(t, frame4("unshared"))
	eventually(t, "the host follows the source route", func() bool { return service4.has("unshared") })
	if service4.has("attempt") || service6.has("attempt") {
		t.Error("an attempt succeeded")
	}
}

func TestTheRulesHoldWhereBridgedPacketsPassTheInetFamily(t *testing.T) {
	b, victim, attacker := pair(t)
	setting := "net/bridge/bridge-nf-call-iptables"
	if out, err := b.host.Command(t.Context(), "test", "-e", "/proc/sys/"+setting).CombinedOutput(); err != nil {
		t.Skipf("needs br_netfilter: %s", out)
	}
	b.host.Sysctl(t, setting, "1")
	service := serve(t, b.host, "br0", md4)
	victims := overhear(t, victim.ns, "eth0")
	ask(t, victim, b, service, victims)
	attacker.send(t, b.ask(attackerMAC, victimIP, "attempt"))
	eventually(t, "it is counted", func() bool { return b.counters(t).ForgedSource == 1 })
	way := append(append(net.HardwareAddr{}, victimMAC...), b.ask(attackerMAC, attackerIP, "attempt")[6:]...)
	attacker.send(t, way)
	eventually(t, "the way by the victim is counted", func() bool { return b.counters(t).Switched == 1 })
	if service.has("attempt") || victims.has("attempt") {
		t.Error("an attempt succeeded")
	}
}

// ask sends a request and waits for the answer.
func ask(t *testing.T, g *guest, b *bed, service, answers *heard) {
	t.Helper()
	g.send(t, b.ask(g.mac, victimIP, "a request"))
	eventually(t, "the answer", func() bool { return service.has("a request") && answers.has("answer to a request") })
}

// The attacker and the victim send at once, as the table of neighbours and the
// bridge's own could be won now and then.
func TestOf300ForgedRequestsDuringTheVictimsNoneArrives(t *testing.T) {
	const tries = 300
	b, victim, attacker := pair(t)
	service := serve(t, b.host, "br0", md4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range tries {
			victim.send(t, b.ask(victimMAC, victimIP, fmt.Sprintf("real %d.", i)))
		}
	}()
	for range tries {
		attacker.send(t, b.ask(victimMAC, victimIP, "attempt"))
		attacker.send(t, b.ask(attackerMAC, victimIP, "attempt"))
		attacker.send(t, ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, victimIP, "attempt")))
	}
	<-done
	eventually(t, "all attempts are counted", func() bool {
		c := b.counters(t)
		return c.ForgedMAC == tries && c.ForgedSource == tries && c.ForgedNeighbour == tries
	})
	eventually(t, "the victim's last request", func() bool { return service.has(fmt.Sprintf("real %d.", tries-1)) })
	if service.has("attempt") {
		t.Error("an attempt succeeded")
	}
	if got := b.learnt(t); got != victim.name {
		t.Errorf("the bridge learnt the victim's MAC address from %q", got)
	}
}
