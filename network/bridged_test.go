package network_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// newLAN is a host with a bridge br0, by which it routes to one metadata service; there is
// another one on the bridge itself, and so it is not for the host to forward to it.
func newLAN(t *testing.T) (host *nettest.Namespace) {
	t.Helper()
	host = nettest.New(t)
	newCloud(t, host)
	newBridge(t, host)
	host.Run(t, "ip", "address", "add", "fd00::1/64", "dev", "br0", "nodad")
	neighbour := nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: host, Device: "lan"}, nettest.End{Namespace: neighbour, Device: "eth0",
		Addrs: []string{"10.0.0.254/24", "fd00::254/64", "169.254.169.254/32", "fd00:ec2::254/128"}})
	host.Run(t, "ip", "link", "set", "lan", "master", "br0")
	for _, addr := range metadata {
		unbound(t, neighbour, addr)
	}
	return host
}

// bridged plugs a new guest into br0 by a port of this name.
func bridged(t *testing.T, host *nettest.Namespace, port string) (guest *nettest.Namespace) {
	t.Helper()
	guest = nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: host, Device: port},
		nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.5/24", "fd00::5/64"}})
	host.Run(t, "ip", "link", "set", port, "master", "br0")
	return guest
}

// ways are how the guest gets to a metadata address: by asking who has it, and by way of
// the host or of a neighbour.
var ways = [][]string{{"dev", "eth0", "eth0"}, {"via", "10.0.0.1", "fd00::1"}, {"via", "10.0.0.254", "fd00::254"}}

// byEachWay calls f for each way to each metadata address.
func byEachWay(t *testing.T, guest *nettest.Namespace, f func(addr, way string)) {
	t.Helper()
	for _, way := range ways {
		for i, to := range []string{"169.254.169.254", "fd00:ec2::254"} {
			guest.Run(t, "ip", "route", "replace", to, way[0], way[1+i])
			f(metadata[i], way[1+i])
		}
	}
}

// reachesAll is a guest that nobody guards.
func reachesAll(t *testing.T, guest *nettest.Namespace, when string) {
	t.Helper()
	byEachWay(t, guest, func(addr, way string) {
		if _, err := ask(t, guest, addr); err != nil {
			t.Errorf("%s the guest does not reach %s by %s: %v", when, addr, way, err)
		}
	})
}

// reachesNone is one that is guarded: what it sends is counted, and not answered.
func reachesNone(t *testing.T, host, guest *nettest.Namespace, when string) {
	t.Helper()
	byEachWay(t, guest, func(addr, way string) { reachesNobody(t, host, guest, addr, when+" by "+way) })
}

func reachesNobody(t *testing.T, host, guest *nettest.Namespace, addr, when string) {
	t.Helper()
	before := stopped(t, host)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answered := make(chan error, 1)
	go guest.Do(func() {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		answered <- err
	})
	eventually(t, "it is counted that the guest asks "+addr+" "+when, func() bool {
		select {
		case err := <-answered:
			if err == nil {
				t.Errorf("the guest reached another metadata service at %s %s", addr, when)
			}
			return true
		default:
			return stopped(t, host) > before
		}
	})
}

// stopped counts what came from guarded devices.
func stopped(t *testing.T, host *nettest.Namespace) (packets int) {
	t.Helper()
	_, counters, _ := strings.Cut(host.Run(t, "nft", "list", "counters"), "counter forwarded {")
	for _, text := range strings.Split(counters, "counter forwarded {") { // of each table
		var n, bytes int
		if _, err := fmt.Sscanf(strings.TrimSpace(text), "packets %d bytes %d", &n, &bytes); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		packets += n
	}
	return packets
}

// TestADeviceThatIsPluggedIntoABridge was attached on its own before: the bridge gets
// nothing for the metadata addresses from it, to switch or to route.
func TestADeviceThatIsPluggedIntoABridge(t *testing.T) {
	host := newLAN(t)
	reachesAll(t, bridged(t, host, "tap1"), "without us")
	host.Run(t, "ip", "link", "del", "tap1")

	state, _ := watched(t, host)
	guest := newRoutedGuest(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	wantTold(t, guest, metadata[0], "i-1")
	host.Run(t, "ip", "link", "del", "tap1")
	becomes(t, state, "i-1", network.Lost)
	guest = bridged(t, host, "tap1")
	reachesNone(t, host, guest, "after its instance was lost")
	closeState(t, state, true)
	reachesNone(t, host, guest, "after the agent's end")

	state = open(t, host)
	waiting := network.Interface("i-1", "", "tap2", true)
	put(t, state, waiting)
	other := bridged(t, host, "tap2")
	reachesNone(t, host, other, "behind a device that is registered, and is a port")
	state.Remove("i-1")
	reachesAll(t, other, "after removal")
}

// TestAPortOfABridgeIsGuardedAfterItsMember has the port made anew, on a bridge that has
// no other member and so is not shared any more.
func TestAPortOfABridgeIsGuardedAfterItsMember(t *testing.T) {
	host := newLAN(t)
	state, _ := watched(t, host)
	guest, a := newMember(t, host, 2)
	put(t, state, a)
	wantTold(t, guest, metadata[0], a.Name)
	host.Run(t, "ip", "link", "del", "p2")
	becomes(t, state, a.Name, network.Lost)
	guest = bridged(t, host, "p2")
	reachesNone(t, host, guest, "behind a port made anew")
	state.Remove(a.Name)
	reachesAll(t, guest, "after removal")
}
