package link_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// heard reports whether a guest gets through. Silence is told from an answer by a
// second, in which hundreds of answers would have come.
func heard(t *testing.T, guest *nettest.Namespace) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var err error
	guest.Do(func() {
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(link.MetadataIPv4, 80).String()); err == nil {
			_ = conn.Close()
		}
	})
	return err == nil
}

// obstacle returns the setting that keeps the guest from being heard, "" for none.
func obstacle(t *testing.T, host *nettest.Namespace, device string, guest netip.Addr) string {
	t.Helper()
	d := describe(t, host, device)
	var err error
	host.Do(func() { err = link.Obstacle(d, guest) })
	if setting, ok := errors.AsType[*link.SettingError](err); ok {
		if !strings.Contains(err.Error(), setting.Setting()) || !strings.Contains(err.Error(), "set it to") {
			t.Errorf("it says %q", err)
		}
		return setting.Setting()
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// TestAnObstacleIsWhatKeepsAGuestOut holds what is said against what the kernel does, for
// two guests that have one address: where nothing is said both are heard, and where a
// setting is named, that guest is not.
func TestAnObstacleIsWhatKeepsAGuestOut(t *testing.T) {
	const uplink = "ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1;"
	const subnet = "ip addr add 10.0.0.1/24 dev tap1; ip addr add 10.0.0.1/24 dev tap2;"
	const rp, ignore, filter = "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_filter"
	for prepare, want := range map[string][2]string{
		":":                 {},
		rp + "=1;" + uplink: {},
		rp + "=2;" + uplink: {},
		rp + "=1":           {rp, rp},
		rp + "=2":           {rp, rp},
		rp + "=1;" + subnet: {},
		rp + "=2;ip route add unreachable default":          {rp, rp},
		rp + "=2;ip addr add 10.0.0.9/24 dev up0;" + uplink: {},
		ignore + "=1":           {},
		ignore + "=2":           {ignore, ignore},
		ignore + "=3":           {ignore, ignore},
		ignore + "=4":           {},
		ignore + "=8":           {ignore, ignore},
		filter + "=1":           {filter, filter},
		filter + "=1;" + uplink: {filter, filter},
		filter + "=1;" + subnet: {"", filter},
		filter + "=1;ip route add 10.0.0.5 dev tap2;" + uplink:                   {filter, ""},
		filter + "=1;ip addr add 10.0.0.9/24 dev up0;" + subnet + uplink:         {filter, filter},
		"net.ipv4.conf.all.arp_announce=1;" + subnet:                             {},
		"net.ipv4.conf.all.arp_announce=2;" + uplink:                             {},
		"net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.all.arp_ignore=1;" + uplink: {},
	} {
		t.Run(prepare, func(t *testing.T) {
			t.Parallel()
			host := nettest.New(t)
			guest(t, host, "up0")
			guests := map[string]*nettest.Namespace{}
			for _, device := range []string{"tap1", "tap2"} {
				guests[device] = guest(t, host, device, "10.0.0.5/24")
				run(t, guests[device], "ip link set eth0 address 02:00:00:00:00:05; ip route add 169.254.169.254 dev eth0")
			}
			if strings.HasPrefix(prepare, "net.") {
				prepare = "sysctl -qw " + prepare
			}
			run(t, host, prepare)
			var asking sync.WaitGroup
			defer asking.Wait()
			for i, device := range []string{"tap1", "tap2"} {
				converge(t, host, device, false, served(device)...)
				serve(t, host, device, device, link.MetadataIPv4)
				got := obstacle(t, host, device, netip.Addr{})
				if got != want[i] {
					t.Errorf("%s: %q, want %q", device, got, want[i])
				}
				asking.Go(func() {
					if is := heard(t, guests[device]); is != (got == "") {
						t.Errorf("%s: it says %q, and the guest is heard: %t", device, got, is)
					}
				})
			}
		})
	}
}

// TestAnObstacleOfABridge knows the guest's address. A guest goes by the host's address
// on the bridge, and where it has none straight to the metadata address.
func TestAnObstacleOfABridge(t *testing.T) {
	const address, route, uplink = "ip addr add 10.0.0.1/24 dev br0;", "ip route add 10.0.0.0/24 dev br0;", "ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1;"
	for prepare, want := range map[string]string{
		address:                      "",
		"all.rp_filter=1;" + address: "",
		"br0.rp_filter=1;" + address: "",
		"all.arp_filter=1 all.rp_filter=2 all.arp_ignore=2;" + address: "",
		"all.arp_ignore=1;" + address:                                  "",
		"all.arp_ignore=3;" + address:                                  "",
		"br0.arp_ignore=8;" + address:                                  "br0.arp_ignore",
		"all.arp_ignore=2;ip addr add 10.0.0.1/32 dev br0;" + route:    "all.arp_ignore",
		route:                       "",
		uplink:                      "",
		"all.rp_filter=1;" + route:  "",
		"all.rp_filter=1;" + uplink: "all.rp_filter",
		"br0.rp_filter=1 all.arp_ignore=1;" + uplink: "br0.rp_filter",
		"all.rp_filter=2;" + uplink:                  "",
		"br0.rp_filter=2;:":                          "br0.rp_filter",
		"br0.arp_filter=1;" + uplink:                 "br0.arp_filter",
		"all.arp_ignore=1;:":                         "",
		"all.arp_ignore=2;:":                         "all.arp_ignore",
		"all.arp_ignore=3;:":                         "all.arp_ignore",
	} {
		t.Run(prepare, func(t *testing.T) {
			t.Parallel()
			host := nettest.New(t)
			guest(t, host, "up0")
			run(t, host, "ip link add br0 type bridge; ip link set br0 up")
			g := guest(t, host, "p1", "10.0.0.5/24")
			run(t, host, "ip link set p1 master br0")
			settings, rest, any := strings.Cut(prepare, ";")
			if any && strings.Contains(settings, "=") {
				for _, s := range strings.Fields(settings) {
					run(t, host, "sysctl -qw net.ipv4.conf."+s)
				}
			} else {
				rest = prepare
			}
			run(t, host, rest)
			if strings.Contains(rest, "dev br0") && strings.Contains(rest, "addr add 10") {
				run(t, g, "ip route add default via 10.0.0.1")
			} else {
				run(t, g, "ip route add default dev eth0")
			}
			var needs bool
			d := describe(t, host, "br0")
			try(t, host, func() (err error) {
				needs, err = link.NeedsAddress(d)
				return err
			})
			if needs {
				converge(t, host, "br0", false, link.Metadata("br0", link.MetadataIPv4))
			}
			try(t, host, func() error { return precede(true, true) })
			serve(t, host, "br0", "us", link.MetadataIPv4)
			if want != "" {
				want = "net.ipv4.conf." + want
			}
			got := obstacle(t, host, "br0", netip.MustParseAddr("10.0.0.5"))
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if is := heard(t, g); is != (got == "") {
				t.Errorf("it says %q, and the guest is heard: %t", got, is)
			}
		})
	}
}

func TestAnAddressOfTheHostIsItsOwn(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "ip addr add 10.0.0.1/32 dev lo; ip addr add fd00::1/128 dev lo nodad")
	owned := func(text string) (owned bool) {
		try(t, ns, func() (err error) {
			owned, err = link.Owned(netip.MustParseAddr(text))
			return err
		})
		return owned
	}
	for _, text := range []string{"10.0.0.1", "fd00::1", "127.0.0.9"} {
		until(t, text+" to be the host's", func() bool { return owned(text) })
	}
	for _, text := range []string{"10.0.0.2", "fd00::2", "192.0.2.1"} {
		if owned(text) {
			t.Errorf("%s is the host's", text)
		}
	}
}
