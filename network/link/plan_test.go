package link_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/rolecall/rolecall/network/link"
)

func addr(prefix string, ours bool) link.Addr {
	return link.Addr{Device: "lo", Prefix: netip.MustParsePrefix(prefix), Ours: ours}
}

func TestPlan(t *testing.T) {
	v4, v6 := link.Metadata("lo", link.MetadataIPv4), link.Metadata("lo", link.MetadataIPv6)
	loopback := addr("127.0.0.1/8", false)
	for _, c := range []struct {
		name       string
		have, want []link.Addr
		ops        []string
	}{
		{"an empty wish on a fresh device changes nothing", []link.Addr{loopback}, nil, nil},
		{"what is missing is added with our mark", []link.Addr{loopback}, []link.Addr{v4, v6}, []string{
			"ip addr add 169.254.169.254/32 dev lo scope host label lo:rolecall",
			"ip addr add fd00:ec2::254/128 dev lo nodad preferred_lft 0"}},
		{"what is there stays as it is", []link.Addr{addr("169.254.169.254/32", true), addr("fd00:ec2::254/128", true)},
			[]link.Addr{v4, v6}, nil},
		{"what is ours and no longer wanted is removed",
			[]link.Addr{loopback, addr("169.254.169.254/32", true), addr("fd00:ec2::254/128", true)}, nil, []string{
				"ip addr del 169.254.169.254/32 dev lo label lo:rolecall",
				"ip addr del fd00:ec2::254/128 dev lo"}},
		{"additions come before removals", []link.Addr{addr("169.254.169.254/32", true)}, []link.Addr{v6}, []string{
			"ip addr add fd00:ec2::254/128 dev lo nodad preferred_lft 0",
			"ip addr del 169.254.169.254/32 dev lo label lo:rolecall"}},
		{"somebody else's address is used", []link.Addr{addr("169.254.169.254/32", false)}, []link.Addr{v4}, nil},
		{"somebody else's address is used whatever its prefix length",
			[]link.Addr{addr("169.254.169.254/16", false)}, []link.Addr{v4}, nil},
		{"somebody else's address is never removed", []link.Addr{addr("169.254.169.254/32", false)}, nil, nil},
		{"an address of another device does not count",
			[]link.Addr{{Device: "eth0", Prefix: v4.Prefix, Ours: false}}, []link.Addr{v4},
			[]string{"ip addr add 169.254.169.254/32 dev lo scope host label lo:rolecall"}},
		{"a wish uttered twice is one", nil, []link.Addr{v4, v4},
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
