package steer_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

var (
	allNodes = netip.MustParseAddr("ff02::1")
	toAll    = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	md4, md6 = link.MetadataIPv4, link.MetadataIPv6
)

// attempt is a frame of the attacker with the text "attempt", and what counts it.
type attempt struct {
	name    string
	frame   []byte
	counter func(steer.Counters) uint64
}

func attempts(b *bed) []attempt {
	forgedMAC := func(c steer.Counters) uint64 { return c.ForgedMAC }
	forgedNeighbour := func(c steer.Counters) uint64 { return c.ForgedNeighbour }
	forgedSource := func(c steer.Counters) uint64 { return c.ForgedSource }
	impersonation := func(c steer.Counters) uint64 { return c.Impersonation }
	switched := func(c steer.Counters) uint64 { return c.Switched }
	const text = "attempt"
	from6 := func(src, dst netip.Addr, kind byte, target netip.Addr) []byte {
		return ethernet(toAll, attackerMAC, unix.ETH_P_IPV6,
			nettest.IPv6(src, dst, unix.IPPROTO_ICMPV6, neighbour(kind, src, dst, target, attackerMAC, text)))
	}
	hidden := func(target netip.Addr) []byte { // behind a destination options header (RFC 8200, section 4.6)
		return ethernet(toAll, attackerMAC, unix.ETH_P_IPV6, nettest.IPv6(attackerIP6, allNodes, unix.IPPROTO_DSTOPTS,
			extension(unix.IPPROTO_ICMPV6, [6]byte{1, 4}, neighbour(136, attackerIP6, allNodes, target, attackerMAC, text))))
	}
	fragment := neighbour(136, attackerIP6, allNodes, victimIP6, attackerMAC, text)
	stranger := netip.MustParseAddr("10.0.0.77")
	ownFrame := b.ask(attackerMAC, attackerIP, text)
	impersonated := ethernet(broadcast, attackerMAC, unix.ETH_P_IP, ipv4(md4, victimIP, unix.IPPROTO_UDP, nil, udp(md4, victimIP, text)))
	doubled := tag(tag(b.ask(attackerMAC, victimIP, text), 0), 0)
	toHost := func(frame []byte) []byte { return slices.Concat(b.mac, frame[6:]) }
	return []attempt{
		{"the victim's MAC and IP address", b.ask(victimMAC, victimIP, text), forgedMAC},
		{"the victim's MAC address", b.ask(victimMAC, attackerIP, text), forgedMAC},
		{"the victim's MAC address, in a frame for nobody", ethernet(broadcast, victimMAC, 0x88b5, []byte(text)), forgedMAC},
		{"the victim's MAC address, tagged", tag(b.ask(victimMAC, victimIP, text), 7), forgedMAC},
		{"the victim's MAC address, to a group address of IEEE 802.1",
			ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 3}, victimMAC, 0x888e, []byte(text)), forgedMAC},
		{"the victim's IP address", b.ask(attackerMAC, victimIP, text), forgedSource},
		{"the victim's IPv6 address", b.ask(attackerMAC, victimIP6, text), forgedSource},
		{"an address of nobody", b.ask(attackerMAC, stranger, text), forgedSource},
		{"the victim's IP address, with a priority tag", tag(b.ask(attackerMAC, victimIP, text), 0), forgedSource},
		{"the victim's IP address, with a VLAN tag", tag(b.ask(attackerMAC, victimIP, text), 7), forgedSource},
		{"the victim's IP address, with options", ethernet(b.mac, attackerMAC, unix.ETH_P_IP,
			ipv4(victimIP, md4, unix.IPPROTO_UDP, []byte{1, 1, 1, 0}, udp(victimIP, md4, text))), forgedSource},
		{"the victim's IPv6 address, behind an extension header", ethernet(b.mac, attackerMAC, unix.ETH_P_IPV6,
			nettest.IPv6(victimIP6, md6, unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_UDP, [6]byte{1, 4}, udp(victimIP6, md6, text)))), forgedSource},
		{"a fragment from the victim's IP address", ethernet(b.mac, attackerMAC, unix.ETH_P_IP,
			ipv4Fragment(victimIP, md4, unix.IPPROTO_UDP, 0x2000, nil, udp(victimIP, md4, text+"xxxxxxxxx"))), forgedSource},
		{"a later fragment from the victim's IP address", ethernet(b.mac, attackerMAC, unix.ETH_P_IP,
			ipv4Fragment(victimIP, md4, unix.IPPROTO_UDP, 2, nil, []byte(text))), forgedSource},
		{"a priority tag in a priority tag", doubled, func(c steer.Counters) uint64 { return c.DoubleTagged }},
		{"a provider's priority tag in a priority tag", slices.Concat(doubled[:16], nettest.Uint16(unix.ETH_P_8021AD), doubled[18:]),
			func(c steer.Counters) uint64 { return c.DoubleTagged }},
		{"from the metadata address", impersonated, impersonation},
		{"from the metadata address, tagged", tag(impersonated, 7), impersonation},
		{"from the IPv6 metadata address", ethernet(toAll, attackerMAC, unix.ETH_P_IPV6,
			nettest.IPv6(md6, victimIP6, unix.IPPROTO_UDP, udp(md6, victimIP6, text))), impersonation},
		{"ARP for the metadata address", ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, md4, text)), forgedNeighbour},
		{"ARP for the victim's address", ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, victimIP, text)), forgedNeighbour},
		{"ARP for the victim's address with its MAC address inside",
			ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(victimMAC, victimIP, text)), forgedNeighbour},
		{"tagged ARP for the victim's address",
			tag(ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, victimIP, text)), 0), forgedNeighbour},
		{"an advertisement for the metadata address", from6(attackerIP6, allNodes, 136, md6), forgedNeighbour},
		{"an advertisement for the victim's address", from6(attackerIP6, allNodes, 136, victimIP6), forgedNeighbour},
		{"an advertisement for the victim's address, behind an extension header", hidden(victimIP6), forgedNeighbour},
		{"an advertisement for the metadata address, behind an extension header", hidden(md6), forgedNeighbour},
		{"an advertisement in a fragment", ethernet(toAll, attackerMAC, unix.ETH_P_IPV6, nettest.IPv6(attackerIP6, allNodes, unix.IPPROTO_FRAGMENT,
			extension(unix.IPPROTO_ICMPV6, [6]byte{0, 1, 0, 0, 0, 9}, fragment[:8]))), forgedNeighbour},
		{"a solicitation from the victim's address", from6(victimIP6, allNodes, 135, attackerIP6), forgedNeighbour},
		// These go to the host alone, so no other hook sees them.
		{"from the metadata address, to the host", toHost(impersonated), impersonation},
		{"from the IPv6 metadata address, to the host", toHost(ethernet(toAll, attackerMAC, unix.ETH_P_IPV6,
			nettest.IPv6(md6, victimIP6, unix.IPPROTO_UDP, udp(md6, victimIP6, text)))), impersonation},
		{"ARP for the metadata address, to the host",
			toHost(ethernet(broadcast, attackerMAC, unix.ETH_P_ARP, arp(attackerMAC, md4, text))), forgedNeighbour},
		{"an advertisement for the metadata address, to the host", toHost(from6(attackerIP6, allNodes, 136, md6)), forgedNeighbour},
		{"to the metadata address by way of the victim", slices.Concat(victimMAC, ownFrame[6:]), switched},
		{"to the IPv6 metadata address by way of the victim",
			slices.Concat(victimMAC, b.ask(attackerMAC, attackerIP6, text)[6:]), switched},
		{"to everybody, for the metadata address", slices.Concat(broadcast, ownFrame[6:]), switched},
	}
}

func TestWhatIsForgedIsDroppedAndCounted(t *testing.T) {
	b, victim, attacker := pair(t)
	service4, service6 := serve(t, b.host, "br0", md4), serve(t, b.host, "br0", md6)
	victims := overhear(t, victim.ns, "eth0")
	for _, a := range attempts(b) {
		before := a.counter(b.counters(t))
		attacker.send(t, a.frame)
		eventually(t, a.name+" is counted", func() bool { return a.counter(b.counters(t)) == before+1 })
		if a.name == "to everybody, for the metadata address" {
			continue // it is the attacker's own request too, and that is answered
		}
		if service4.has("attempt") || service6.has("attempt") {
			t.Fatalf("the service got it: %s", a.name)
		}
	}
	// What was sent later has arrived, so what was sent before will not.
	attacker.send(t, ethernet(broadcast, attackerMAC, 0x88b5, []byte("the end")))
	attacker.send(t, b.ask(attackerMAC, attackerIP, "the end"))
	eventually(t, "the last frame arrives", func() bool { return victims.has("the end") && service4.has("the end") })
	if victims.has("attempt") {
		t.Error("the victim saw a forged frame")
	}
}

func TestWhatMembersSendPasses(t *testing.T) {
	b, victim, attacker := pair(t)
	service4, service6 := serve(t, b.host, "br0", md4), serve(t, b.host, "br0", md6)
	attackers := overhear(t, attacker.ns, "eth0")
	answers := overhear(t, victim.ns, "eth0")
	datagram := udp(victimIP, md4, "in two parts, reassembled")
	nd := func(kind byte) []byte {
		return ethernet(toAll, victimMAC, unix.ETH_P_IPV6, nettest.IPv6(victimIP6, allNodes, unix.IPPROTO_ICMPV6,
			neighbour(kind, victimIP6, allNodes, victimIP6, victimMAC, map[byte]string{135: "solicited", 136: "advertised"}[kind])))
	}
	other := net.HardwareAddr{2, 0, 0, 0, 0, 99} // not declared: of a container in the guest
	for _, frame := range [][]byte{
		b.ask(victimMAC, victimIP, "over IPv4"),
		b.ask(victimMAC, victimIP6, "over IPv6"),
		tag(b.ask(victimMAC, victimIP, "with priority"), 0),
		ethernet(b.mac, victimMAC, unix.ETH_P_IP, ipv4Fragment(victimIP, md4, unix.IPPROTO_UDP, 0x2000, nil, datagram[:16])),
		ethernet(b.mac, victimMAC, unix.ETH_P_IP, ipv4Fragment(victimIP, md4, unix.IPPROTO_UDP, 2, nil, datagram[16:])),
		ethernet(broadcast, victimMAC, unix.ETH_P_ARP, arp(victimMAC, victimIP, "my address")),
		nd(135), nd(136),
		ethernet(broadcast, other, 0x88b5, []byte("another station")),
		tag(tag(ethernet(broadcast, victimMAC, 0x88b5, []byte("in two VLANs")), 7), 8),
	} {
		victim.send(t, frame)
	}
	for _, text := range []string{"over IPv4", "with priority", "in two parts, reassembled"} {
		eventually(t, text, func() bool { return service4.has(text) && answers.has("answer to "+text) })
	}
	eventually(t, "over IPv6", func() bool { return service6.has("over IPv6") && answers.has("answer to over IPv6") })
	for _, text := range []string{"my address", "solicited", "advertised", "another station", "in two VLANs"} {
		eventually(t, text, func() bool { return attackers.has(text) })
	}
	if got := b.counters(t); got != (steer.Counters{Stray: got.Stray}) {
		t.Errorf("counted %+v", got)
	}
}

// Others see neither our bit of the mark nor the bridge in the priority.
func TestNoMarkAndNoPriorityIsLeft(t *testing.T) {
	b, victim, attacker := pair(t)
	// The kernel's own reports of multicast listeners have a priority.
	for _, ns := range []*nettest.Namespace{b.host, victim.ns, attacker.ns} {
		ns.Sysctl(t, "net/ipv6/conf/all/disable_ipv6", "1")
	}
	for _, command := range []string{
		"add table inet others; add counter inet others seen; add chain inet others input { type filter hook input priority 0; }",
		"add rule inet others input udp dport 80 counter name seen",
		"add table bridge others; add counter bridge others left",
		"add chain bridge others input { type filter hook input priority 0; }",
		"add chain bridge others forward { type filter hook forward priority 0; }",
		"add chain bridge others postrouting { type filter hook postrouting priority 0; }",
		"add rule inet others input meta mark != 0 drop",
		"add rule bridge others input meta priority != 0 counter name left",
		"add rule bridge others forward meta priority != 0 counter name left",
		"add rule bridge others postrouting meta priority != 0 counter name left",
		"add rule bridge others postrouting meta mark != 0 counter name left",
	} {
		b.host.Run(t, "nft", command)
	}
	service := serve(t, b.host, "br0", md4)
	answers, others := overhear(t, victim.ns, "eth0"), overhear(t, attacker.ns, "eth0")
	victim.send(t, ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 3}, victimMAC, 0x888e, []byte("to a group")))
	victim.send(t, ethernet(broadcast, victimMAC, 0x88b5, []byte("to everybody")))
	ask(t, victim, b, service, answers)
	eventually(t, "the frame to everybody", func() bool { return others.has("to everybody") })
	if got := b.host.Run(t, "nft", "list", "counter", "bridge", "others", "left"); !strings.Contains(got, "packets 0 ") {
		t.Errorf("counted a mark or a priority: %s", got)
	}
}

func TestTheSameAddressesOnAnotherBridgeAreAnothers(t *testing.T) {
	b, _, _ := pair(t)
	mac := net.HardwareAddr{2, 0, 0, 0, 1, 1}
	b.addBridge(t, "br1", mac, "10.0.0.2/24", "fd00::2/64")
	b.do(t, func() error { return b.guard.Share("br1") })
	twin := b.plug(t, "twin", "br1", victimMAC, victimIP, victimIP6)
	b.do(t, func() error { return b.guard.AddPort(twin.port) })
	seen := overhear(t, b.host, "br1")
	twin.send(t, ethernet(mac, victimMAC, unix.ETH_P_ARP, arp(victimMAC, victimIP, "twin's ARP")))
	twin.send(t, ethernet(mac, victimMAC, unix.ETH_P_IPV6, nettest.IPv6(victimIP6, allNodes, unix.IPPROTO_ICMPV6,
		neighbour(136, victimIP6, allNodes, victimIP6, victimMAC, "twin's advertisement"))))
	eventually(t, "the twin's frames", func() bool { return seen.has("twin's ARP") && seen.has("twin's advertisement") })

	service := serve(t, b.host, "br1", md4)
	toTwin := overhear(t, twin.ns, "eth0")
	request := func(text string) []byte { return slices.Concat(mac, b.ask(victimMAC, victimIP, text)[6:]) }
	twin.send(t, request("not yet"))
	eventually(t, "not yet a member", func() bool { return b.counters(t).ForgedSource == 1 })
	b.admit(t, twin, victimIP)
	twin.send(t, request("a member"))
	eventually(t, "the twin's request", func() bool { return service.has("a member") && toTwin.has("answer to a member") })
	if got := b.counters(t); service.has("not yet") || got.ForgedMAC != 0 || got.ForgedNeighbour != 0 {
		t.Errorf("counted %+v", got)
	}
}

func TestAPortWithoutMembersIsHeldToTheRules(t *testing.T) {
	b := newBed(t)
	nobody := b.join(t, "nobody", attackerMAC, attackerIP, attackerIP6)
	service := serve(t, b.host, "br0", md4)
	nobody.send(t, b.ask(attackerMAC, attackerIP, "attempt"))
	eventually(t, "it is counted", func() bool { return b.counters(t).ForgedSource == 1 })
	b.do(t, func() error { return b.guard.DelPort(nobody.port.Index) })
	nobody.send(t, b.ask(attackerMAC, attackerIP, "attempt"))
	eventually(t, "it is counted as unmarked", func() bool { return b.counters(t).Unmarked == 1 })
	if service.has("attempt") {
		t.Error("the service got it")
	}
}
