package link_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/rolecall/rolecall/network/link"
)

func addr(prefix string, ours bool) link.Thing {
	return link.Addr{Device: "lo", Prefix: netip.MustParsePrefix(prefix), Ours: ours}
}

func neighbour(mac string, ours bool) link.Thing {
	hardware, err := net.ParseMAC(mac)
	if err != nil {
		panic(err)
	}
	return link.Neighbour{Device: "br0", Addr: netip.MustParseAddr("10.0.0.5"), MAC: hardware, Ours: ours}
}

// settings are those of tap0, all as they shall be but for one.
func settings(but link.Setting) []link.Thing {
	things := []link.Thing{but}
	for _, name := range []string{"rp_filter", "arp_ignore", "arp_filter"} {
		if name != but.Name {
			things = append(things, link.Setting{Device: "tap0", Name: name})
		}
	}
	return things
}

func TestPlan(t *testing.T) {
	v4, v6 := link.Metadata("lo", link.MetadataIPv4), link.Metadata("lo", link.MetadataIPv6)
	loopback := addr("127.0.0.1/8", false)
	for _, c := range []struct {
		name       string
		have, want []link.Thing
		ops        []string
	}{
		{"an empty wish on a fresh device changes nothing", []link.Thing{loopback}, nil, nil},
		{"what is missing is added with our mark", []link.Thing{loopback}, []link.Thing{v4, v6}, []string{
			"ip addr add 169.254.169.254/32 dev lo scope host label lo:rolecall",
			"ip addr add fd00:ec2::254/128 dev lo nodad preferred_lft 0"}},
		{"what is there stays as it is", []link.Thing{addr("169.254.169.254/32", true), addr("fd00:ec2::254/128", true)},
			[]link.Thing{v4, v6}, nil},
		{"what is ours and no longer wanted is removed",
			[]link.Thing{loopback, addr("169.254.169.254/32", true), addr("fd00:ec2::254/128", true)}, nil, []string{
				"ip addr del 169.254.169.254/32 dev lo label lo:rolecall",
				"ip addr del fd00:ec2::254/128 dev lo"}},
		{"additions come before removals", []link.Thing{addr("169.254.169.254/32", true)}, []link.Thing{v6}, []string{
			"ip addr add fd00:ec2::254/128 dev lo nodad preferred_lft 0",
			"ip addr del 169.254.169.254/32 dev lo label lo:rolecall"}},
		{"somebody else's address is used", []link.Thing{addr("169.254.169.254/32", false)}, []link.Thing{v4}, nil},
		{"somebody else's address is used whatever its prefix length",
			[]link.Thing{addr("169.254.169.254/16", false)}, []link.Thing{v4}, nil},
		{"somebody else's address is never removed", []link.Thing{addr("169.254.169.254/32", false)}, nil, nil},
		{"an address of another device does not count",
			[]link.Thing{link.Metadata("eth0", link.MetadataIPv4)}, []link.Thing{v4},
			[]string{"ip addr add 169.254.169.254/32 dev lo scope host label lo:rolecall"}},
		{"on another device there is no label", nil, []link.Thing{link.Metadata("tap0", link.MetadataIPv4)},
			[]string{"ip addr add 169.254.169.254/32 dev tap0 scope host"}},
		{"the way back is added once", []link.Thing{link.ReplyRoute("tap0")}, []link.Thing{link.ReplyRoute("tap0"), link.ReplyRoute("tap1")},
			[]string{"ip -6 route replace unreachable default from fd00:ec2::/116 dev lo metric 1024 proto 84 && " +
				"ip -6 route append default from fd00:ec2::/116 dev tap1 metric 1024 proto 84"}},
		{"the way back that is not wanted is removed", []link.Thing{link.ReplyRoute("tap0")}, nil,
			[]string{"ip -6 route del default from fd00:ec2::/116 dev tap0 metric 1024 proto 84"}},
		{"a setting that is as wanted stays", settings(link.Setting{Device: "tap0", Name: "rp_filter", Was: 2, Ours: true}), link.HearGuests("tap0"), nil},
		{"a setting that differs is set", settings(link.Setting{Device: "tap0", Name: "rp_filter", Value: 2, Was: 1}), link.HearGuests("tap0"),
			[]string{"sysctl -w net/ipv4/conf/tap0/rp_filter=0"}},
		{"a setting is set to what will do", settings(link.Setting{Device: "tap0", Name: "rp_filter", Good: 2}), link.HearGuests("tap0"),
			[]string{"sysctl -w net/ipv4/conf/tap0/rp_filter=2"}},
		{"a setting that nobody wants and is not ours stays", settings(link.Setting{Device: "tap0", Name: "rp_filter", Was: 2}), nil, nil},
		{"a setting that is ours goes back", settings(link.Setting{Device: "tap0", Name: "rp_filter", Was: 2, Ours: true}), nil,
			[]string{"sysctl -w net/ipv4/conf/tap0/rp_filter=2"}},
		{"a neighbour that is there stays", []link.Thing{neighbour("02:00:00:00:00:01", true)}, []link.Thing{neighbour("02:00:00:00:00:01", false)}, nil},
		{"what stands in the way of an addition is removed before it", []link.Thing{neighbour("02:00:00:00:00:01", true)},
			[]link.Thing{neighbour("02:00:00:00:00:02", false)}, []string{
				"ip neigh del 10.0.0.5 dev br0",
				"ip neigh replace 10.0.0.5 lladdr 02:00:00:00:00:02 dev br0 nud permanent protocol 84"}},
		{"somebody else's neighbour is left to the addition", []link.Thing{neighbour("02:00:00:00:00:01", false)},
			[]link.Thing{neighbour("02:00:00:00:00:02", false)}, []string{
				"ip neigh replace 10.0.0.5 lladdr 02:00:00:00:00:02 dev br0 nud permanent protocol 84"}},
		{"a wish uttered twice is one", nil, []link.Thing{v4, v4},
			[]string{"ip addr add 169.254.169.254/32 dev lo scope host label lo:rolecall"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, op := range link.Plan(c.have, c.want) {
				got = append(got, op.String())
			}
			if !slices.Equal(got, c.ops) {
				t.Errorf("planned\n%q, want\n%q", got, c.ops)
			}
		})
	}
}
