package cni_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

func TestAContainerWithoutARouteGetsOneToTheMetadataAddressAlone(t *testing.T) {
	for name, c := range map[string]struct {
		bridge string
		addrs  []string
		setup  []string // a route that is there before
		conf   object
		want   string // the routes to 169.254.169.254 and fd00:ec2::254, and the default ones
	}{
		"on a bridge":              {bridge: "cni0", addrs: []string{"10.0.0.5/24"}, want: "169.254.169.254 dev eth0 scope link"},
		"without a bridge":         {addrs: []string{"10.0.0.5/24"}, want: "169.254.169.254 dev eth0 scope link"},
		"with the host's gateway":  {bridge: "cni0", addrs: []string{"10.0.0.5/24"}, setup: []string{"default", "via", "10.0.0.1"}, want: "default via 10.0.0.1 dev eth0"},
		"with another's gateway":   {bridge: "cni0", addrs: []string{"10.0.0.5/24"}, setup: []string{"default", "via", "10.0.0.9"}, want: "default via 10.0.0.9 dev eth0; 169.254.169.254 dev eth0 scope link"},
		"with a route that blocks": {bridge: "cni0", addrs: []string{"10.0.0.5/24"}, setup: []string{"blackhole", "169.254.169.254"}, want: "blackhole 169.254.169.254"},
		"by another interface":     {bridge: "cni0", addrs: []string{"10.0.0.5/24"}, setup: []string{"default", "via", "10.5.0.9", "dev", "eth1", "onlink"}, want: "default via 10.5.0.9 dev eth1 onlink"},
		"with proxied neighbours":  {addrs: []string{"10.0.0.5/24"}, setup: []string{"default", "via", "192.0.2.1", "dev", "eth0", "onlink"}, want: "default via 192.0.2.1 dev eth0 onlink"},
		"with IPv6 alone":          {bridge: "cni0", addrs: []string{"fd00::5/64"}, want: "fd00:ec2::254 dev eth0 metric 1024 pref medium"},
		"with both, both wanted": {bridge: "cni0", addrs: []string{"10.0.0.5/24", "fd00::5/64"},
			conf: object{"metadataOptions": object{"http_protocol_ipv6": "enabled"}},
			want: "169.254.169.254 dev eth0 scope link; fd00:ec2::254 dev eth0 metric 1024 pref medium"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			ns := b.container("veth1", c.bridge, c.addrs...)
			nettest.Veth(t, nettest.End{Namespace: b.host, Device: "second"}, nettest.End{Namespace: ns, Device: "eth1"})
			if c.bridge != "" {
				b.host.Run(t, "ip", "addr", "add", "10.0.0.1/24", "dev", c.bridge)
			}
			if c.setup != nil {
				ns.Run(t, "ip", append([]string{"route", "add"}, c.setup...)...)
			}
			conf := b.conf(made(ns, "", c.addrs...), c.conf)
			b.call(0, "ADD", ns.Path(), conf)
			b.call(0, "ADD", ns.Path(), conf)
			if got := metadataRoutes(t, ns); got != c.want {
				t.Errorf("routes:\n%s\nwant\n%s", got, c.want)
			}
			d := b.agent.options[b.agent.only(t).ID]
			if ipv6 := strings.Contains(c.want, "fd00"); ipv6 != (d.Options.HTTPProtocolIPv6 == "enabled") {
				t.Errorf("registered with %+v", d.Options)
			}
			b.call(0, "CHECK", ns.Path(), conf)
		})
	}
}

func metadataRoutes(t *testing.T, ns *nettest.Namespace) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(ns.Run(t, "ip", "-4", "route") + ns.Run(t, "ip", "-6", "route")) {
		if strings.Contains(line, "169.254") || strings.Contains(line, "ec2") || strings.Contains(line, "default") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}

// The kernel takes one of several addresses, and the bridge lets only that one pass.
func TestTheAddressIsTheOneThatRequestsComeFrom(t *testing.T) {
	b := newBed(t)
	ns := b.container("veth1", "cni0", "10.0.0.5/24", "10.9.0.5/24")
	ns.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "eth0", "src", "10.9.0.5")
	b.call(0, "ADD", ns.Path(), b.conf(made(ns, "", "10.0.0.5/24", "10.9.0.5/24")))
	if got := b.agent.only(t).AttachmentDetails.Address; got != "10.9.0.5" {
		t.Errorf("registered with %s, but requests come from 10.9.0.5", got)
	}
}
