package link_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

func TestGuestsOfOneAddressAreAnsweredEachOnItsDevice(t *testing.T) {
	host := nettest.New(t)
	guests := map[string]*nettest.Namespace{}
	for _, device := range []string{"tap1", "tap2"} {
		g := guest(t, host, device, "10.0.0.5/24", "fd00::5/64")
		run(t, g, "ip route add 169.254.169.254 dev eth0; ip -6 route add fd00:ec2::254 dev eth0")
		converge(t, host, device, false, served(device)...)
		serve(t, host, device, device, link.MetadataIPv4, link.MetadataIPv6)
		guests[device] = g
	}
	for range 3 {
		for device, g := range guests {
			wantSaid(t, g, link.MetadataIPv4, device)
			wantSaid(t, g, link.MetadataIPv6, device)
		}
	}
}

func TestAGuestIsAnsweredWhateverItsRoute(t *testing.T) {
	for name, c := range map[string]struct {
		addr    netip.Addr
		has     []string
		prepare string // on the host
		route   string
	}{
		"by the device, without an address of global scope": {link.MetadataIPv6, nil, "", "ip -6 route add fd00:ec2::254 dev eth0"},
		"by another address of the host":                    {link.MetadataIPv4, []string{"10.0.0.5/24"}, "ip addr add 10.0.0.1/24 dev tap0", "ip route add default via 10.0.0.1"},
		"by another IPv6 address of the host":               {link.MetadataIPv6, []string{"fd00::5/64"}, "ip addr add fd00::1/64 dev tap0 nodad", "ip -6 route add default via fd00::1"},
		"by the device, with ARP answered strictly":         {link.MetadataIPv4, []string{"10.0.0.5/24"}, "sysctl -qw net.ipv4.conf.all.arp_ignore=1", "ip route add 169.254.169.254 dev eth0"},
		"by the device, with ARP announced strictly":        {link.MetadataIPv4, []string{"10.0.0.5/24"}, "sysctl -qw net.ipv4.conf.all.arp_announce=2", "ip route add 169.254.169.254 dev eth0"},
		"by the device, with a loose filter of sources":     {link.MetadataIPv4, []string{"10.0.0.5/24"}, "sysctl -qw net.ipv4.conf.all.rp_filter=2; ip route add default dev lo", "ip route add 169.254.169.254 dev eth0"},
	} {
		t.Run(name, func(t *testing.T) {
			host := nettest.New(t)
			g := guest(t, host, "tap0", c.has...)
			run(t, host, ":;"+c.prepare)
			run(t, g, c.route)
			converge(t, host, "tap0", false, served("tap0")...)
			serve(t, host, "tap0", "us", c.addr)
			wantSaid(t, g, c.addr, "us")
		})
	}
}

func TestADeviceIsLeftAsItWas(t *testing.T) {
	host := nettest.New(t)
	host.Sysctl(t, "net/ipv4/conf/default/rp_filter", "2")
	for _, device := range []string{"tap0", "tap1"} {
		guest(t, host, device)
	}
	before := state(t, host)
	for range 2 { // the second time as after a crash: by what is on record alone
		for _, device := range []string{"tap0", "tap1"} {
			converge(t, host, device, false, served(device)...)
			if again := converge(t, host, device, true, served(device)...); len(again) != 0 {
				t.Errorf("a second plan has %v", again)
			}
		}
		shown := state(t, host)
		for _, part := range []string{"unreachable default from fd00:ec2::/116", "from fd00:ec2::/116 dev tap1", "tap0/rp_filter:0", "169.254.169.254/32 scope host tap1"} {
			contains(t, shown, part)
		}
		for _, device := range []string{"tap0", "tap1"} {
			converge(t, host, device, true)
		}
		if after := state(t, host); after != before {
			t.Fatalf("left\n%s\nwas\n%s", after, before)
		}
	}
}

// TestOthersRoutesByTheDeviceStay has routes to a guest by a device without an address,
// which the kernel takes away with ours.
func TestOthersRoutesByTheDeviceStay(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	run(t, host, "ip route add 10.0.0.5 dev tap0; ip route add 10.9.0.0/16 via 10.0.0.5 dev tap0 metric 7 mtu 1400; "+
		"ip route add 10.8.0.0/16 via 10.0.0.6 dev tap0 onlink proto static table 99; ip route add 10.9.0.0/16 via 10.0.0.5 dev tap0 metric 8")
	before := run(t, host, "ip -4 route show table all")
	converge(t, host, "tap0", false, served("tap0")...)
	converge(t, host, "tap0", true)
	if after := run(t, host, "ip -4 route show table all"); after != before {
		t.Errorf("left\n%s\nwas\n%s", after, before)
	}
}

func TestUndoTakesBackAllKinds(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	host.Sysctl(t, "net/ipv4/conf/tap0/rp_filter", "1")
	before := state(t, host)
	want := append(served("tap0"), neighbourOn("tap0", "10.0.0.5", "02:00:00:00:00:05"))
	ops := converge(t, host, "tap0", false, want...)
	if len(ops) != 5 || state(t, host) == before {
		t.Fatalf("did %v", ops)
	}
	try(t, host, func() error { return link.Undo(ops) })
	if after := state(t, host); after != before {
		t.Errorf("left\n%s\nwas\n%s", after, before)
	}
	host.Do(func() {
		absent := link.Op{Verb: link.Add, Thing: link.ReplyRoute("none")}
		if err := link.Apply(append(ops, absent)); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("error %v", err)
		}
	})
	if after := state(t, host); after != before {
		t.Errorf("after a failure\n%s\nwas\n%s", after, before)
	}
}

func TestTheCommandsDoTheSame(t *testing.T) {
	ours, reference := nettest.New(t), nettest.New(t)
	for _, ns := range []*nettest.Namespace{ours, reference} {
		run(t, ns, "ip link add br0 type bridge; ip link add tap0 type bridge; "+
			"ip link set br0 addrgenmode none; ip link set tap0 addrgenmode none; ip link set br0 up; ip link set tap0 up")
	}
	mirror := func(ops []link.Op) {
		t.Helper()
		for _, op := range ops {
			run(t, reference, op.String())
		}
		if got, want := state(t, ours), state(t, reference); got != want {
			t.Errorf("it is\n%s\nwhere the commands make\n%s", got, want)
		}
	}
	mirror(converge(t, ours, "br0", false, append(addresses("br0"), link.ReplyRoute("br0"), neighbourOn("br0", "10.0.0.5", "02:00:00:00:00:05"))...))
	mirror(converge(t, ours, "tap0", false, append(addresses("tap0"), link.ReplyRoute("tap0"))...))
	mirror(converge(t, ours, "br0", true))
}

func TestMendBringsBackWhatOthersRemove(t *testing.T) {
	host := nettest.New(t)
	for _, device := range []string{"tap0", "tap1"} {
		guest(t, host, device)
		converge(t, host, device, false, served(device)...)
	}
	whole := state(t, host)
	for _, damage := range []string{
		"ip addr del 169.254.169.254/32 dev tap0",
		"ip addr del fd00:ec2::254/128 dev tap0",
		"ip -6 route del default from fd00:ec2::/116 dev tap0 metric 1024",
		"sysctl -qw net.ipv4.conf.tap0.rp_filter=1",
		"sysctl -qw net.ipv4.conf.tap0.arp_ignore=2",
		"sysctl -qw net.ipv4.conf.tap0.arp_filter=1",
		"ip link set tap0 down; ip link set tap0 up",
	} {
		run(t, host, damage)
		host.Do(func() {
			have, err := link.List("tap0", &link.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			ops := link.Plan(have, served("tap0"))
			if len(ops) == 0 {
				t.Errorf("%s: nothing to mend", damage)
			}
			if err := link.Mend(ops); err != nil {
				t.Error(err)
			}
		})
		if left := link.Plan(list(t, host, "tap0", true), served("tap0")); len(left) != 0 {
			t.Errorf("%s: left to do are %v", damage, left)
		}
	}
	run(t, host, "ip -6 route del unreachable default from fd00:ec2::/116 dev lo metric 1024")
	converge(t, host, "tap0", true, served("tap0")...)
	routes := run(t, host, "ip -6 route | grep 'from fd00:ec2::/116'")
	want := "unreachable default from fd00:ec2::/116 dev lo"
	if len(routes) < len(want) || routes[:len(want)] != want {
		t.Errorf("the routes are\n%swant the unreachable one first", routes)
	}
	contains(t, routes, "dev tap0")
	contains(t, routes, "dev tap1")
	contains(t, whole, "dev tap1")
}

func TestOnADeviceOnlyWhatIsOnRecordIsOurs(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	converge(t, host, "tap0", false, addresses("tap0")...)
	ours := func(recorded bool) (found []string) {
		for _, thing := range list(t, host, "tap0", recorded) {
			if a, ok := thing.(link.Addr); ok && a.Ours {
				found = append(found, a.Prefix.String())
			}
		}
		return found
	}
	if got := ours(false); len(got) != 0 {
		t.Errorf("without a record, ours are %v", got)
	}
	if got, want := ours(true), []string{"169.254.169.254/32", "fd00:ec2::254/128"}; !slices.Equal(got, want) {
		t.Errorf("ours are %v, want %v", got, want)
	}
	converge(t, host, "tap0", true)
	run(t, host, "ip addr add 169.254.169.254/32 dev tap0; ip addr add fd00:ec2::254/128 dev tap0 nodad")
	if got := ours(true); len(got) != 0 {
		t.Errorf("as an administrator adds them, they became ours: %v", got)
	}
}

func TestWhatIsGoneWithItsDeviceNeedsNoRemoval(t *testing.T) {
	host := nettest.New(t)
	things := append(served("none"), neighbourOn("none", "10.0.0.5", "02:00:00:00:00:05"))
	for _, thing := range things {
		try(t, host, func() error { return link.Apply([]link.Op{{Verb: link.Del, Thing: thing}}) })
	}
}

func TestADeviceThatIsDownHoldsNobodyUp(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	run(t, host, "ip link set tap0 down")
	converge(t, host, "tap0", false, addresses("tap0")...)
}

func TestADeviceWithoutIPv6SaysSo(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	host.Sysctl(t, "net/ipv6/conf/tap0/disable_ipv6", "1")
	for _, thing := range []link.Thing{link.Metadata("tap0", link.MetadataIPv6), link.ReplyRoute("tap0"), neighbourOn("tap0", "fd00::5", "02:00:00:00:00:05")} {
		host.Do(func() {
			err := link.Apply([]link.Op{{Verb: link.Add, Thing: thing}})
			if off, ok := errors.AsType[*link.IPv6OffError](err); !ok || off.Device != "tap0" {
				t.Errorf("%T: error %v", thing, err)
			}
		})
	}
}
