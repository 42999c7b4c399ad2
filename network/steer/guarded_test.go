package steer_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// readdressing are frames that the host sends on to the cloud's metadata service although
// they are not for it, as they came.
func readdressing(host, guest net.HardwareAddr) map[string]func(text string) []byte {
	from, to, cloud := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.2")
	from6, to6 := netip.MustParseAddr("fd00::2"), netip.MustParseAddr("fd00::1")
	route := func(kind byte, hops ...netip.Addr) []byte { // RFC 791
		option := []byte{kind, byte(3 + 4*len(hops)), 4}
		for _, hop := range hops {
			option = append(option, hop.AsSlice()...)
		}
		return append(option, 0)
	}
	sourceRouted := func(options []byte) func(string) []byte {
		return func(text string) []byte {
			return ethernet(host, guest, unix.ETH_P_IP, ipv4(from, to, unix.IPPROTO_UDP, options, udp(from, md4, text)))
		}
	}
	return map[string]func(string) []byte{
		"a loose source route": sourceRouted(route(131, md4)),
		"a source route in two priority tags": func(text string) []byte {
			return tag(tag(sourceRouted(route(131, md4))(text), 0), 0)
		},
		"a strict source route":               sourceRouted(route(137, cloud, md4)), // each is a neighbour
		"a source route by way of the cloud":  sourceRouted(route(131, cloud, md4)),
		"a source route behind other options": sourceRouted(append([]byte{1, 1, 1, 1}, route(131, md4)...)),
		"an IPv6 routing header": func(text string) []byte { // RFC 8754, section 2
			segments := slices.Concat([]byte{unix.IPPROTO_UDP, 4, 4, 1, 1, 0, 0, 0}, md6.AsSlice(), to6.AsSlice())
			return ethernet(host, guest, unix.ETH_P_IPV6, nettest.IPv6(from6, to6, unix.IPPROTO_ROUTING, append(segments, udp(from6, md6, text)...)))
		},
	}
}

// TestNoSourceRouteLeadsAGuestToTheCloud on a host and in a cloud that follow them, from a
// device of the guest's own and through a bridge.
func TestNoSourceRouteLeadsAGuestToTheCloud(t *testing.T) {
	for _, way := range []struct {
		by    string
		known func(*steer.Guard, int) error
	}{
		{"tap0", func(g *steer.Guard, _ int) error { return g.Guard("tap0") }},
		{"br0", func(g *steer.Guard, _ int) error { return g.Guard("tap0") }},
		{"tap0", func(g *steer.Guard, index int) error { return g.GuardIndex(index, "") }},
		{"br0", func(g *steer.Guard, index int) error { return g.GuardIndex(index, "") }},
	} {
		by := way.by
		t.Run("by way of "+by, func(t *testing.T) {
			host, inside, cloud := upstream(t)
			if by == "br0" {
				bridgeTap(t, host)
			}
			for _, device := range []string{"all", by} {
				follow(t, host, device)
			}
			follow(t, cloud.Namespace, "all")
			follow(t, cloud.Namespace, "eth0")
			_, hosts := device(t, host, by)
			_, guests := device(t, inside, "eth0")
			g := &guest{fd: packetSocket(t, inside, "eth0")}
			guard := steer.New()
			in(t, host, guard.Ensure)
			for name, frame := range readdressing(hosts, guests) {
				eventually(t, "unguarded it is followed: "+name, func() bool {
					g.send(t, frame("free: "+name))
					return cloud.has("free: " + name)
				})
			}
			index, _ := device(t, host, "tap0")
			in(t, host, func() error { return way.known(guard, index) })
			count := func() uint64 {
				var c steer.Counters
				in(t, host, func() (err error) { c, err = guard.Counters(); return err })
				return c.SourceRouted + c.Forwarded + c.DoubleTagged
			}
			for name, frame := range readdressing(hosts, guests) {
				before := count()
				g.send(t, frame("held: "+name))
				eventually(t, "it is counted: "+name, func() bool { return count() == before+1 })
			}
			seen := overhear(t, cloud.Namespace, "eth0")
			from, to := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("192.0.2.2")
			alert := []byte{148, 4, 0, 0} // RFC 2113
			g.send(t, ethernet(hosts, guests, unix.ETH_P_IP, ipv4(from, to, unix.IPPROTO_UDP, alert, udp(from, to, "another option"))))
			eventually(t, "another option passes", func() bool { return seen.has("another option") })
			if cloud.has("held: ") {
				t.Error("a guarded guest's packet reached the cloud")
			}
		})
	}
}

// bridgeTap makes tap0 a port of a bridge, which has the host's addresses in its place.
func bridgeTap(t *testing.T, host *nettest.Namespace) {
	t.Helper()
	for _, command := range []string{
		"link add br0 type bridge forward_delay 0", "link set br0 up", "address flush dev tap0", "link set tap0 master br0",
		"address add 10.0.0.1/24 dev br0", "address add fd00::1/64 dev br0 nodad",
	} {
		host.Run(t, "ip", strings.Fields(command)...)
	}
}

// follow has a namespace go by source routes and segment routing headers.
func follow(t *testing.T, ns *nettest.Namespace, device string) {
	t.Helper()
	ns.Sysctl(t, "net/ipv4/conf/"+device+"/accept_source_route", "1")
	ns.Sysctl(t, "net/ipv6/conf/"+device+"/seg6_enabled", "1")
}
