package network_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

func TestProbe(t *testing.T) {
	host, cloud := nettest.New(t), nettest.New(t)
	addr := netip.MustParseAddrPort(metadata[0])
	probe := func(ctx context.Context) (answers bool) {
		host.Do(func() { answers = network.Probe(ctx, addr) })
		return answers
	}
	if probe(t.Context()) {
		t.Error("something answers where there is no route")
	}
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "eth0", Addrs: []string{"10.0.0.2/24"}},
		nettest.End{Namespace: cloud, Device: "veth0", Addrs: []string{"10.0.0.1/24", "169.254.169.254/32"}})
	host.Route(t, "0.0.0.0/0", "10.0.0.1")
	if probe(t.Context()) {
		t.Error("something answers where the port is closed")
	}
	unbound(t, cloud, metadata[0])
	if !probe(t.Context()) {
		t.Error("the cloud's metadata service is not seen")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if probe(over) {
		t.Error("it answers after the context ended")
	}
	cloud.Run(t, "ip", "link", "set", "veth0", "down")
	if probe(t.Context()) {
		t.Error("something answers where packets are lost")
	}
}

func TestProbeSeesAListenerOfOurOwn(t *testing.T) {
	ns := nettest.New(t)
	put(t, open(t, ns), network.Host("host", false))
	ns.Do(func() {
		if !network.Probe(t.Context(), netip.MustParseAddrPort(metadata[0])) {
			t.Error("our own listener is not seen")
		}
	})
}
