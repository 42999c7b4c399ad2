package link_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

func describe(t *testing.T, ns *nettest.Namespace, name string) (d link.Device) {
	t.Helper()
	try(t, ns, func() (err error) {
		d, err = link.Describe(name)
		return err
	})
	return d
}

func TestDescribeKnowsKinds(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "ip tuntap add tap0 mode tap; ip tuntap add tun0 mode tun; ip link add br0 type bridge; "+
		"ip link add ve0 type veth peer name ve1; ip link set ve0 master br0; ip link set ve1 up; "+
		"ip link add link ve1 mv0 type macvtap; ip link add link ve1 ml0 type macvlan")
	for name, want := range map[string]link.Device{
		"lo":   {Up: true},
		"tap0": {Kind: "tun"},
		"tun0": {Kind: "tun"},
		"br0":  {Kind: "bridge"},
		"ve0":  {Kind: "veth", Master: "br0"},
		"ve1":  {Kind: "veth", Up: true},
		"mv0":  {Kind: "macvtap", Bypass: "a macvtap device"},
		"ml0":  {Kind: "macvlan", Bypass: "a macvlan device"},
	} {
		got := describe(t, ns, name)
		if got.Kind != want.Kind || got.Up != want.Up || got.Master != want.Master || got.Bypass != want.Bypass || got.Uplink || got.Name != name {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	ve0, ve1 := describe(t, ns, "ve0"), describe(t, ns, "ve1")
	if ve0.Peer != ve1.Index || ve0.PeerNetns != -1 {
		t.Errorf("the peer of %+v is not %+v", ve0, ve1)
	}
	other := nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: ns, Device: "here"}, nettest.End{Namespace: other, Device: "there"})
	if here, there := describe(t, ns, "here"), describe(t, other, "there"); here.Peer != there.Index || here.PeerNetns < 0 {
		t.Errorf("the peer of %+v is not %+v of another namespace", here, there)
	}
}

func TestDescribeKnowsUplinks(t *testing.T) {
	for route, want := range map[string]bool{
		"ip route add default via 192.0.2.2":                                                        true,
		"ip route add default via 192.0.2.2; ip route add default dev tap1 metric 9":                true,
		"ip route add default dev tap1; ip route add default via 192.0.2.2 metric 900":              true,
		"ip route add default nexthop via 192.0.2.2 nexthop dev tap1":                               true,
		"ip route add 0.0.0.0/1 via 192.0.2.2":                                                      true,
		"ip -6 route add default via fd00:9::2":                                                     true,
		"ip -6 route add default dev tap1; ip -6 route add default via fd00:9::2 metric 900":        true,
		"ip -6 route add default nexthop via fd00:9::2 nexthop via fd00:8::2":                       true,
		"ip -6 route add 2000::/3 via fd00:9::2":                                                    true,
		"ip route add default dev tap1; ip -6 route add default dev tap1":                           false,
		"ip route add 10.0.0.0/8 via 192.0.2.2; ip -6 route add fd00:7::/64 via fd00:9::2":          false,
		"ip -6 route add 3ffe::/16 via fd00:9::2":                                                   false,
		"ip route add unreachable default; ip -6 route add unreachable default":                     false,
		"ip -6 route add default from fd00:ec2::/116 dev tap0; ip route add default dev tap0 tab 7": false,
	} {
		t.Run(route, func(t *testing.T) {
			ns := nettest.New(t)
			guest(t, ns, "tap0")
			guest(t, ns, "tap1")
			run(t, ns, "ip addr add 192.0.2.1/24 dev tap0; ip addr add fd00:9::1/64 dev tap0 nodad; ip addr add fd00:8::1/64 dev tap1 nodad")
			run(t, ns, route)
			if got := describe(t, ns, "tap0"); got.Uplink != want {
				t.Errorf("%+v, want Uplink %v", got, want)
			}
		})
	}
}

// TestANamespaceInWhichNothingWasEverUp has no table of routes yet, which the kernel says
// by an error. It is that of a container that is just made.
func TestANamespaceInWhichNothingWasEverUp(t *testing.T) {
	nettest.New(t) // or skip
	maker := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-c", "echo; exec sleep infinity")
	begun, err := maker.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := maker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = maker.Process.Kill(); _ = maker.Wait() }()
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	within(t, strconv.Itoa(maker.Process.Pid), func() {
		if d, err := link.Describe("lo"); err != nil || d.Up || d.Uplink {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "ip link add br0 type bridge; ip link property add dev br0 altname alternative-name-of-br0; ip link property add dev br0 altname short")
	ns.Do(func() {
		for _, name := range []string{"none", "", "fifteen-letters-x", "alternative-name-of-br0"} {
			_, described := link.Describe(name)
			_, ports := link.Ports(name)
			_, settings := link.SettingsOf(name)
			_, listed := link.List(name, nil)
			for _, err := range []error{described, ports, settings, listed} {
				if !errors.Is(err, link.ErrNotFound) {
					t.Errorf("%q: error %v", name, err)
				}
			}
		}
		if _, err := link.Describe("short"); err == nil || errors.Is(err, link.ErrNotFound) {
			t.Errorf("by an alternative name: %v", err)
		}
		if _, err := link.Named(4711); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		if name, err := link.Named(1); name != "lo" || err != nil {
			t.Errorf("the first is %q, %v", name, err)
		}
	})
}

func TestPortsAreThoseOfOneBridge(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "for b in a b; do ip link add br$b type bridge; for i in 1 2; do ip link add v$b$i type veth peer name w$b$i; ip link set v$b$i master br$b; done; done")
	var ports, all []string
	try(t, ns, func() error {
		found, err := link.Ports("brb")
		for _, p := range found {
			ports = append(ports, p.Name+" of "+p.Master)
		}
		return err
	})
	try(t, ns, func() error {
		found, err := link.Devices()
		for _, d := range found {
			all = append(all, d.Name)
		}
		return err
	})
	if want := []string{"vb1 of brb", "vb2 of brb"}; !slices.Equal(slices.Sorted(slices.Values(ports)), want) {
		t.Errorf("ports %v, want %v", ports, want)
	}
	if len(all) != 11 { // lo, two bridges, eight ends
		t.Errorf("devices %v", all)
	}
}

func TestAVirtualFunctionBypasses(t *testing.T) {
	sysfs := t.TempDir()
	for _, device := range []string{"0000:00:05.0", "0000:00:05.1/physfn"} {
		if err := os.MkdirAll(filepath.Join(sysfs, "bus/pci/devices", device), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for device, want := range map[string]string{"0000:00:05.0": "", "0000:00:05.1": "an SR-IOV virtual function", "": ""} {
		if got := link.BypassOf(sysfs, "", "pci", device); got != want {
			t.Errorf("%q is %q, want %q", device, got, want)
		}
	}
}

func TestABridgesFilterIsItsOwn(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "ip link add br0 type bridge; ip link set br0 up")
	ns.Sysctl(t, "net/ipv4/conf/default/rp_filter", "2")
	ns.Sysctl(t, "net/ipv4/conf/br0/rp_filter", "0")
	converge(t, ns, "br0", false, addresses("br0")...)
	converge(t, ns, "br0", true)
	if got := run(t, ns, "cat /proc/sys/net/ipv4/conf/br0/rp_filter"); got != "0\n" {
		t.Errorf("rp_filter became %s", got)
	}
}
