package network_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
)

func TestLoopbackRefusesWhatOthersCanReach(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:1338", "[::]:1338", "192.0.2.1:80", "169.254.169.254:80", "[::ffff:192.0.2.1]:80"} {
		_, err := network.Loopback(netip.MustParseAddrPort(listen))
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1338") {
			t.Errorf("%s: error %v, want a refusal with its remedy", listen, err)
		}
	}
	if _, err := network.Loopback(netip.AddrPort{}); err == nil {
		t.Error("no address at all is accepted")
	}
	for listen, want := range map[string]string{
		"127.0.0.1:1338":          "127.0.0.1:1338",
		"[::ffff:127.0.0.1]:1338": "127.0.0.1:1338",
		"127.9.9.9:1":             "127.9.9.9:1",
		"[::1]:1338":              "[::1]:1338",
	} {
		a, err := network.Loopback(netip.MustParseAddrPort(listen))
		if err != nil || a.Name != network.Host(false).Name || a.Device != "lo" || a.Endpoints[0].Listen.String() != want {
			t.Errorf("%s became %+v, %v", listen, a, err)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	endpoint := func(addr string) []network.Endpoint {
		a := netip.MustParseAddrPort(addr)
		return []network.Endpoint{{Served: a, Listen: a}}
	}
	local := network.Attachment{Name: "a", Device: "lo", Endpoints: endpoint("127.0.0.1:0")}
	for name, want := range map[string][]network.Attachment{
		"an attachment without a name":           {{Device: "lo", Endpoints: endpoint("127.0.0.1:0")}},
		"an attachment without an endpoint":      {{Name: "a", Device: "lo"}},
		"a device that is not there":             {{Name: "a", Device: "none", Endpoints: endpoint("127.0.0.1:0")}},
		"no device":                              {{Name: "a", Endpoints: endpoint("127.0.0.1:0")}},
		"an address that is not ours to add":     {{Name: "a", Device: "lo", Endpoints: endpoint("192.0.2.1:80")}},
		"a name that stands for two attachments": {local, local},
	} {
		t.Run(name, func(t *testing.T) {
			state := network.New(nil)
			if opened, err := state.Apply(t.Context(), want); err == nil {
				t.Errorf("it opened %d listeners", len(opened))
				_ = state.Close(false)
			}
		})
	}
}
