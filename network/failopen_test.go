package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// newCloud stands upstream of the host and answers at the metadata address: the
// metadata service of the cloud that the host itself runs in. The host forwards.
func newCloud(t *testing.T, host *nettest.Namespace) *nettest.Namespace {
	t.Helper()
	cloud := nettest.New(t)
	// A host asks for nobody's MAC address, on behalf of a guest that it forwards for, while
	// its own link-local address may be another's too; on a busy machine that takes longer
	// than the guest waits.
	host.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "uplink", Addrs: []string{"192.0.2.2/24", "2001:db8::2/64"}},
		nettest.End{Namespace: cloud, Device: "eth0", Addrs: []string{"192.0.2.1/24", "2001:db8::1/64", "169.254.169.254/32", "fd00:ec2::254/128"}})
	host.Route(t, "0.0.0.0/0", "192.0.2.1")
	host.Route(t, "::/0", "2001:db8::1")
	cloud.Route(t, "10.0.0.0/8", "192.0.2.2")
	cloud.Route(t, "fd00::/16", "2001:db8::2")
	host.Sysctl(t, "net/ipv4/ip_forward", "1")
	host.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	for _, addr := range metadata {
		unbound(t, cloud, addr) // says nothing, and that it says it is enough
	}
	return cloud
}

// newRoutedGuest is a guest that has the host for its gateway.
func newRoutedGuest(t *testing.T, host *nettest.Namespace) *nettest.Namespace {
	t.Helper()
	guest := nettest.New(t)
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "tap1", Addrs: []string{"10.0.0.1/24", "fd00::1/64"}},
		nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.5/24", "fd00::5/64"}})
	guest.Route(t, "0.0.0.0/0", "10.0.0.1")
	guest.Route(t, "::/0", "fd00::1")
	return guest
}

// wantNotTheCloud asks at both addresses.
func wantNotTheCloud(t *testing.T, guest *nettest.Namespace, when string) {
	t.Helper()
	for _, addr := range metadata {
		if told, err := ask(t, guest, addr); err == nil && told == "" {
			t.Errorf("%s the guest reached the cloud's own metadata at %s", when, addr)
		}
	}
}

func TestNothingFailsOpen(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	guest := newRoutedGuest(t, host)
	for _, addr := range metadata {
		if told, err := ask(t, guest, addr); err != nil || told != "" {
			t.Fatalf("without us the guest does not reach the cloud at %s: %q, %v", addr, told, err)
		}
	}
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	wantNotTheCloud(t, guest, "while the agent runs")
	kill(child)
	wantNotTheCloud(t, guest, "after kill -9")
	host.Run(t, "ip", "address", "flush", "dev", "tap1", "to", "169.254.169.254/32")
	host.Run(t, "ip", "address", "flush", "dev", "tap1", "to", "fd00:ec2::254/128")
	wantNotTheCloud(t, guest, "after kill -9 and when somebody took the addresses")
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	wantTold(t, guest, metadata[0], "i-1")
	closeState(t, state, false)
	wantNotTheCloud(t, guest, "after the end")

	state = open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	host.Run(t, "ip", "link", "del", "tap1")
	guest = newRoutedGuest(t, host)
	wantNotTheCloud(t, guest, "behind a device made anew")

	state.Remove("i-1")
	for _, addr := range metadata {
		if told, err := ask(t, guest, addr); err != nil || told != "" {
			t.Errorf("after removal the guest does not reach the cloud at %s: %q, %v", addr, told, err)
		}
	}
}

// TestTheGuardComesBackAfterAFlush lets a firewall script flush everything.
func TestTheGuardComesBackAfterAFlush(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	state, _ := watched(t, host)
	guest := newRoutedGuest(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	rules := func() string { return host.Run(t, "nft", "list", "ruleset") }
	eventually(t, "the device refuses by itself", func() bool { return strings.Contains(rules(), "devices_") })
	before := rules()
	host.Run(t, "nft", "flush", "ruleset")
	eventually(t, "the tables", func() bool {
		return strings.Count(rules(), "\n") == strings.Count(before, "\n")
	})
	wantTold(t, guest, metadata[0], "i-1")
}

func TestTheHostsOwnWayStaysOpen(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	rules := host.Run(t, "ip", "rule")
	var cloud bool
	host.Do(func() {
		var err error
		if cloud, err = network.Answers(t.Context()); err != nil || !cloud {
			t.Fatalf("the cloud is not seen: %v", err)
		}
	})
	state := configured(t, host, network.Config{HostWay: cloud})
	guest := newRoutedGuest(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	for _, addr := range metadata {
		wantTold(t, guest, addr, "i-1")
	}
	wantTold(t, host, metadata[0], "") // the cloud
	if told, err := ask(t, host, metadata[1]); err == nil && told != "" {
		t.Errorf("over IPv6, which has no such way, the host was told %q", told)
	}
	state.Remove("i-1")
	if got := host.Run(t, "ip", "rule"); got != rules {
		t.Errorf("the rules are\n%swere\n%s", got, rules)
	}
	wantTold(t, host, metadata[0], "")
}

// TestWhoOutlivesTheFirstProcessOfAContainer reaches no other metadata service, though
// the instance has ended with that process.
func TestWhoOutlivesTheFirstProcessOfAContainer(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	state, _ := watched(t, host)
	container := newRoutedGuest(t, host)
	first := holder(t, container)
	path := fmt.Sprintf("/proc/%d/ns/net", first)
	put(t, state, network.Netns("web", path, true))
	wantTold(t, container, metadata[0], "web")
	if err := unix.Kill(first, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	becomes(t, state, "web", network.Lost)
	wantNotTheCloud(t, container, "after its first process")
	state.Remove("web")
	wantNotTheCloud(t, container, "after its first process, and removal") // which cannot find it any more

	put(t, state, network.Netns("web", container.Path(), true))
	wantTold(t, container, metadata[0], "web")
	state.Remove("web")
	if rules := container.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("left over:\n%s", rules)
	}
}

// TestWhatKeepsAContainerFromTheCloudComesBack after somebody flushed its tables.
func TestWhatKeepsAContainerFromTheCloudComesBack(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	container := nettest.New(t)
	put(t, state, network.Netns("web", container.Path(), true))
	rules := func() string { return container.Run(t, "nft", "list", "ruleset") }
	before := strings.Count(rules(), "\n")
	for _, damage := range []string{"flush ruleset", "delete chain inet rolecall confine_output"} {
		container.Run(t, "nft", damage)
		eventually(t, "all of the tables after "+damage, func() bool { return strings.Count(rules(), "\n") == before })
	}
}

// TestRulesThatReaddressRequests are how some metadata services get theirs: by destination
// NAT, before anything is forwarded. Ours come first, made before those or after.
func TestRulesThatReaddressRequests(t *testing.T) {
	for _, mode := range []network.PortMode{network.Rewrite, network.NAT, network.Direct} {
		t.Run(string(mode), func(t *testing.T) {
			host := nettest.New(t)
			newCloud(t, host)
			guest := newRoutedGuest(t, host)
			unbound(t, host, "192.0.2.2:8181")
			readdress := func() {
				host.Run(t, "nft", "add table ip nat; delete table ip nat")
				host.Run(t, "iptables", "-t", "nat", "-A", "PREROUTING", "-i", "tap+", "-d", "169.254.169.254", "-p", "tcp", "--dport", "80",
					"-j", "DNAT", "--to-destination", "192.0.2.2:8181")
			}
			readdress()
			wantTold(t, guest, metadata[0], "") // the other service
			state := configured(t, host, network.Config{Mode: mode})
			put(t, state, network.Interface("i-1", "", "tap1", true))
			wantTold(t, guest, metadata[0], "i-1")
			readdress()
			wantTold(t, guest, metadata[0], "i-1")
			host.Run(t, "ip", "link", "del", "tap1")
			becomes(t, state, "i-1", network.Lost)
			guest = newRoutedGuest(t, host)
			wantNotTheCloud(t, guest, "behind a device made anew")
			eventually(t, "the device is held", func() bool { return slices.Equal(indexes(t, host), []string{"tap1"}) })
			closeState(t, state, true)
			rename(t, host, "tap1", "tap9", "fd00::1/64")
			wantNotTheCloud(t, guest, "behind a device that was renamed after the agent's end")
		})
	}
}
