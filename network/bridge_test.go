package network_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// newBridge makes br0 with the address 10.0.0.1/24.
func newBridge(t testing.TB, host *nettest.Namespace) {
	t.Helper()
	host.Run(t, "ip", "link", "add", "br0", "type", "bridge")
	host.Run(t, "ip", "address", "add", "10.0.0.1/24", "dev", "br0")
	host.Run(t, "ip", "link", "set", "br0", "up")
}

// newMember plugs a guest with the address 10.0.0.N into br0 by the port pN.
func newMember(t *testing.T, host *nettest.Namespace, n int) (*nettest.Namespace, network.Attachment) {
	t.Helper()
	guest := nettest.New(t)
	port := fmt.Sprintf("p%d", n)
	addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	nettest.Veth(t, nettest.End{Namespace: host, Device: port}, nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{addr.String() + "/24"}})
	host.Run(t, "ip", "link", "set", port, "master", "br0")
	guest.Route(t, "0.0.0.0/0", "10.0.0.1")
	mac := macOf(t, guest)
	return guest, network.Bridge(fmt.Sprintf("i-%d", n), "br0", network.Member{Port: port, MAC: mac, Addrs: []netip.Addr{addr}}, false)
}

func macOf(t *testing.T, guest *nettest.Namespace) net.HardwareAddr {
	t.Helper()
	return macOfDevice(t, guest, "eth0")
}

func macOfDevice(t *testing.T, ns *nettest.Namespace, device string) net.HardwareAddr {
	t.Helper()
	fields := strings.Fields(ns.Run(t, "ip", "-o", "link", "show", "dev", device))
	mac, err := net.ParseMAC(fields[slices.Index(fields, "link/ether")+1])
	if err != nil {
		t.Fatal(err)
	}
	return mac
}

func TestMembersOfABridgeAreToldApart(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	one, a1 := newMember(t, host, 2)
	two, a2 := newMember(t, host, 3)
	undeclared, _ := newMember(t, host, 4)
	put(t, state, a1)
	put(t, state, a2)
	wantTold(t, one, metadata[0], "i-2")
	wantTold(t, two, metadata[0], "i-3")
	wantRefusedAnyhow(t, undeclared, metadata[0])
	if refused, err := state.Refused(); err != nil || refused["forged_source"] == 0 {
		t.Errorf("nobody counted: %v, %v", refused, err)
	}

	// A member that takes another's address gets neither role.
	one.Run(t, "ip", "address", "add", "10.0.0.3/24", "dev", "eth0")
	one.Run(t, "ip", "route", "replace", "169.254.169.254", "via", "10.0.0.1", "src", "10.0.0.3")
	wantRefusedAnyhow(t, one, metadata[0])
	one.Run(t, "ip", "route", "del", "169.254.169.254")
	wantTold(t, one, metadata[0], "i-2")
	wantTold(t, two, metadata[0], "i-3")

	state.Remove("i-2")
	wantRefusedAnyhow(t, one, metadata[0])
	wantTold(t, two, metadata[0], "i-3")
	if neighbours := host.Run(t, "ip", "neigh", "show", "nud", "permanent"); strings.Contains(neighbours, "10.0.0.2 ") || !strings.Contains(neighbours, "10.0.0.3 ") {
		t.Errorf("neighbours\n%s", neighbours)
	}
}

// TestAPortThatComesLater is registered before it is there, and is not in the bridge at
// first.
func TestAPortThatComesLater(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, w := watched(t, host)
	guest, a := newMember(t, host, 2)
	host.Run(t, "ip", "link", "set", "p2", "nomaster")
	put(t, state, a)
	wantPhase(t, state, "i-2", network.Waiting, "not plugged into br0")
	host.Run(t, "ip", "link", "set", "p2", "master", "br0")
	becomes(t, state, "i-2", network.Attached)
	wantTold(t, guest, metadata[0], "i-2")
	host.Run(t, "ip", "link", "del", "p2")
	becomes(t, state, "i-2", network.Lost)
	if w.why("i-2") == "" {
		t.Error("the observer was not told")
	}
	// Who has the port's name, the MAC and the address next is somebody else.
	next, _ := newMember(t, host, 2)
	next.Run(t, "ip", "link", "set", "eth0", "address", a.Member.MAC.String())
	wantRefusedAnyhow(t, next, metadata[0])
}

func TestABridgeThatIsMadeAnew(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	guest, a := newMember(t, host, 2)
	put(t, state, a)
	wantTold(t, guest, metadata[0], "i-2")
	host.Run(t, "ip", "link", "del", "br0")
	becomes(t, state, "i-2", network.Waiting)
	newBridge(t, host)
	host.Run(t, "ip", "link", "set", "p2", "master", "br0")
	becomes(t, state, "i-2", network.Attached)
	wantTold(t, guest, metadata[0], "i-2")
}
