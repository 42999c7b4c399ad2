package network_test

import (
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// onTop makes a macvlan on tap1 of the host, in the namespace inside, and has the guest ask
// by way of it. With the mode bridge it has a MAC address of its own; with passthru, as a
// VLAN or a bond, that of tap1, and gets all.
func onTop(t *testing.T, host, inside, guest *nettest.Namespace, mode string) {
	t.Helper()
	host.Run(t, "ip", "link", "add", "link", "tap1", "name", "top", "type", "macvlan", "mode", mode)
	if inside != host {
		host.Run(t, "ip", "link", "set", "top", "netns", inside.Path())
	}
	inside.Run(t, "ip", "address", "add", "10.0.1.1/24", "dev", "top")
	inside.Run(t, "ip", "address", "add", "fd00:0:0:1::1/64", "dev", "top", "nodad")
	inside.Run(t, "ip", "link", "set", "top", "up")
	guest.Run(t, "ip", "address", "replace", "10.0.1.5/24", "dev", "eth0")
	guest.Run(t, "ip", "address", "replace", "fd00:0:0:1::5/64", "dev", "eth0", "nodad")
	for _, gateway := range []string{"10.0.1.1", "fd00:0:0:1::1"} { // tap1 would answer for it too
		guest.Run(t, "ip", "neighbour", "replace", gateway, "lladdr", macOfDevice(t, inside, "top").String(), "dev", "eth0")
	}
	guest.Run(t, "ip", "route", "replace", "169.254.169.254", "via", "10.0.1.1", "src", "10.0.1.5")
	guest.Run(t, "ip", "route", "replace", "fd00:ec2::254", "via", "fd00:0:0:1::1", "src", "fd00:0:0:1::5")
}

func topLeadsNowhere(t *testing.T, host, guest *nettest.Namespace, when string) {
	t.Helper()
	for _, addr := range metadata {
		reachesNobody(t, host, guest, addr, when)
	}
}

// TestNoDeviceOnTopLeadsAGuestToTheCloud has one made while the agent runs, and one after
// its end. What is on top has another name, and the agent does not look for it.
func TestNoDeviceOnTopLeadsAGuestToTheCloud(t *testing.T) {
	for _, mode := range []string{"bridge", "passthru"} {
		t.Run(mode, func(t *testing.T) {
			host := nettest.New(t)
			newCloud(t, host)
			guest := newRoutedGuest(t, host)
			onTop(t, host, host, guest, mode)
			wantReached(t, guest, "without us")
			host.Run(t, "ip", "link", "del", "top")

			child, said := start(t, host, "tap1")
			if said != "ready" {
				t.Fatal(said)
			}
			refusing(t, host, 1)
			onTop(t, host, host, guest, mode)
			topLeadsNowhere(t, host, guest, "while the agent runs")
			host.Run(t, "ip", "link", "del", "top")
			kill(child)
			onTop(t, host, host, guest, mode)
			topLeadsNowhere(t, host, guest, "after kill -9")
			unaddressed(t, host, "tap1")
			topLeadsNowhere(t, host, guest, "after kill -9 and when somebody took the addresses")

			state, _ := watched(t, host)
			put(t, state, network.Interface("i-1", "", "tap1", true))
			host.Run(t, "nft", "flush", "ruleset")
			refusing(t, host, 1)
			topLeadsNowhere(t, host, guest, "after a flush")
			host.Run(t, "ip", "route", "add", "default", "dev", "tap1", "metric", "5000")
			becomes(t, state, "i-1", network.Failed) // whoever is out there
			host.Run(t, "nft", "flush", "ruleset")
			refusing(t, host, 1)
			topLeadsNowhere(t, host, guest, "when it is not served")
			host.Run(t, "ip", "route", "del", "default", "dev", "tap1")
			state.Remove("i-1")
			wantReached(t, guest, "after removal")
		})
	}
}

// TestNoDeviceOnTopOfOneLeadsToAnotherNamespace in which there is another metadata service.
func TestNoDeviceOnTopOfOneLeadsToAnotherNamespace(t *testing.T) {
	host, other := nettest.New(t), nettest.New(t)
	for _, addr := range []string{"169.254.169.254/32", "fd00:ec2::254/128"} {
		other.Run(t, "ip", "address", "add", addr, "dev", "lo")
	}
	unbound(t, other, "[::]:80")
	guest := newRoutedGuest(t, host)
	onTop(t, host, other, guest, "bridge")
	wantReached(t, guest, "without us")
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	refusing(t, host, 1)
	topLeadsNowhere(t, host, guest, "while the agent runs")
	kill(child)
	topLeadsNowhere(t, host, guest, "after kill -9")
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	state.Remove("i-1")
	wantReached(t, guest, "after removal")
}

// TestNoDeviceOnTopLeadsToABridge of which it is a port.
func TestNoDeviceOnTopLeadsToABridge(t *testing.T) {
	host := newLAN(t)
	guest := newRoutedGuest(t, host)
	host.Run(t, "ip", "address", "flush", "dev", "tap1") // they are the bridge's
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	refusing(t, host, 1)
	host.Run(t, "ip", "link", "add", "link", "tap1", "name", "top", "type", "macvlan", "mode", "passthru")
	host.Run(t, "ip", "link", "set", "top", "master", "br0", "up")
	reachesNone(t, host, guest, "while the agent runs")
	kill(child)
	unaddressed(t, host, "tap1")
	reachesNone(t, host, guest, "after kill -9")
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	state.Remove("i-1")
	reachesAll(t, guest, "after removal")
}

// TestRoutingSeesNoMarkOfOurs on a host that routes by marks before anything else.
func TestRoutingSeesNoMarkOfOurs(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	guest := newGuest(t, host, "tap1", "10.1.0.5/24", "fd00::5/64")
	member, a := newMember(t, host, 2)
	for _, family := range []string{"-4", "-6"} {
		host.Run(t, "ip", family, "rule", "add", "pref", "20", "lookup", "local")
		host.Run(t, "ip", family, "rule", "del", "pref", "0")
		host.Run(t, "ip", family, "rule", "add", "pref", "10", "not", "fwmark", "0/0xffffffff", "blackhole")
	}
	state, _ := watched(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	put(t, state, a)
	refusing(t, host, 2)
	wantTold(t, guest, metadata[0], "i-1")
	wantTold(t, guest, metadata[1], "i-1")
	wantTold(t, member, metadata[0], a.Name)
}

// calicos is a program that came after us, so that of equals it would be asked first. As
// Calico does, it takes marks off in the table raw.
func calicos(t *testing.T, host *nettest.Namespace) {
	t.Helper()
	for _, iptables := range []string{"iptables", "ip6tables"} {
		host.Run(t, iptables, "-t", "raw", "-A", "PREROUTING", "-j", "MARK", "--set-xmark", "0x0/0xffff0000")
	}
}

// TestMarksThatOthersTakeOff are read by us before.
func TestMarksThatOthersTakeOff(t *testing.T) {
	t.Run("on top", func(t *testing.T) {
		host := nettest.New(t)
		newCloud(t, host)
		guest := newRoutedGuest(t, host)
		child, said := start(t, host, "tap1")
		if said != "ready" {
			t.Fatal(said)
		}
		refusing(t, host, 1)
		calicos(t, host)
		kill(child)
		unaddressed(t, host, "tap1")
		onTop(t, host, host, guest, "passthru")
		topLeadsNowhere(t, host, guest, "when our marks are taken off")
	})
	t.Run("a bridge", func(t *testing.T) {
		host := nettest.New(t)
		newBridge(t, host)
		member, a := newMember(t, host, 2)
		put(t, open(t, host), a)
		calicos(t, host)
		wantTold(t, member, metadata[0], a.Name)
	})
}

// TestOthersMayUseTheBitOfOurMark for all that has to do with no metadata address, on a
// bridge that instances share and on any other.
func TestOthersMayUseTheBitOfOurMark(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	member, a := newMember(t, host, 2)
	host.Run(t, "ip", "link", "add", "br1", "type", "bridge", "forward_delay", "0")
	host.Run(t, "ip", "address", "add", "10.7.0.1/24", "dev", "br1")
	stranger := newGuest(t, host, "p9", "10.7.0.9/24")
	host.Run(t, "ip", "link", "set", "p9", "master", "br1")
	host.Run(t, "ip", "link", "set", "br1", "up")
	put(t, open(t, host), a)
	for _, addr := range []string{"10.0.0.1:8000", "10.7.0.1:8000"} {
		unbound(t, host, addr)
	}
	host.Run(t, "nft", `table netdev others {
			chain in { type filter hook ingress devices = { p2, p9 } priority 0; meta mark set 0x10000000; }
		}
		table inet others {
			chain in { type filter hook input priority 0; meta mark 0 ip saddr { 10.0.0.2, 10.7.0.9 } ip daddr != 169.254.169.254 drop; }
			chain out { type filter hook output priority 0; meta mark set 0x10000000; }
		}`)
	wantTold(t, member, "10.0.0.1:8000", "")
	wantTold(t, stranger, "10.7.0.1:8000", "")
	wantTold(t, member, metadata[0], a.Name)
}
