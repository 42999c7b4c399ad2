package network_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
)

func TestLoopbackRefusesWhatOthersCanReach(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:1338", "[::]:1338", "192.0.2.1:80", "169.254.169.254:80", "[::ffff:192.0.2.1]:80"} {
		_, err := network.Loopback("host", netip.MustParseAddrPort(listen))
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1338") {
			t.Errorf("%s: error %v, want a refusal with its remedy", listen, err)
		}
	}
	if _, err := network.Loopback("host", netip.AddrPort{}); err == nil {
		t.Error("no address at all is accepted")
	}
	for listen, want := range map[string]string{
		"127.0.0.1:1338":          "127.0.0.1:1338",
		"[::ffff:127.0.0.1]:1338": "127.0.0.1:1338",
		"127.9.9.9:1":             "127.9.9.9:1",
		"[::1]:1338":              "[::1]:1338",
	} {
		a, err := network.Loopback("host", netip.MustParseAddrPort(listen))
		if err != nil || a.Name != "host" || a.Device != "lo" || a.Served[0].String() != want {
			t.Errorf("%s became %+v, %v", listen, a, err)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	at := func(addr string) []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(addr)} }
	for name, a := range map[string]network.Attachment{
		"an attachment without a name":       {Device: "lo", Served: at("127.0.0.1:0")},
		"an attachment without an endpoint":  {Name: "a", Device: "lo"},
		"no device":                          {Name: "a", Served: at("127.0.0.1:0")},
		"an address that is not ours to add": {Name: "a", Device: "lo", Served: at("192.0.2.1:80")},
		"another port":                       {Name: "a", Device: "lo", Served: at("169.254.169.254:81")},
		"a loopback address elsewhere":       {Name: "a", Device: "tap0", Served: at("127.0.0.1:80")},
		"a member without a MAC address":     {Name: "a", Device: "br0", Member: &network.Member{Port: "p", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}, Served: at("169.254.169.254:80")},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := network.New(network.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = state.Close(false) }()
			if err := state.Put(t.Context(), a, nil); err == nil {
				t.Error("it is attached")
			}
		})
	}
}
