package network_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// town has an attachment of every kind, all at all addresses that are ours.
type town struct {
	host  *nettest.Namespace
	state *network.State
	who   map[string]*nettest.Namespace // by the name of the attachment
}

func newTown(t *testing.T, mode network.PortMode) *town {
	t.Helper()
	host, jail := nettest.New(t), nettest.New(t)
	w := &town{host: host, state: configured(t, host, network.Config{Mode: mode}), who: map[string]*nettest.Namespace{"host": host}}
	w.add(t, network.Host("host", true))
	for _, device := range []string{"tap1", "tap2"} {
		w.who[device] = newGuest(t, host, device, "10.0.0.5/24", "fd00::5/64")
		w.who[device].Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
		w.add(t, network.Interface(device, "", device, true))
	}
	w.who["jailed"] = newGuest(t, jail, "tap1", "10.0.0.5/24", "fd00::5/64")
	w.add(t, network.Interface("jailed", jail.Path(), "tap1", true))
	w.who["container"] = nettest.New(t)
	w.add(t, network.Netns("container", w.who["container"].Path(), true))
	host.Run(t, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
	host.Run(t, "ip", "addr", "add", "10.1.0.1/24", "dev", "br0")
	host.Run(t, "ip", "addr", "add", "fd01::1/64", "dev", "br0", "nodad")
	host.Run(t, "ip", "link", "set", "br0", "up")
	for i, port := range []string{"port1", "port2"} {
		four, six := netip.AddrFrom4([4]byte{10, 1, 0, byte(5 + i)}), netip.MustParseAddr([]string{"fd01::5", "fd01::6"}[i])
		guest := nettest.New(t)
		w.who[port] = guest
		guest.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
		nettest.Veth(t, nettest.End{Namespace: host, Device: port}, nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{four.String() + "/24", six.String() + "/64"}})
		mac := net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}
		guest.Run(t, "ip", "link", "set", "eth0", "address", mac.String())
		guest.Run(t, "ip", "route", "add", "default", "via", "10.1.0.1")
		guest.Run(t, "ip", "route", "add", "default", "via", "fd01::1")
		host.Run(t, "ip", "link", "set", port, "master", "br0")
		w.add(t, network.Bridge(port, "br0", network.Member{Port: port, MAC: mac, Addrs: []netip.Addr{four, six}}, true))
	}
	for _, ns := range w.who {
		for _, route := range []string{"169.254.170.0/24", "fd00:ec2::/64"} {
			_, _ = ns.Command(t.Context(), "ip", "route", "add", route, "dev", "eth0").CombinedOutput() // who has an eth0 without a way
		}
	}
	return w
}

func (w *town) add(t *testing.T, a network.Attachment) {
	t.Helper()
	a.Served = nil
	for _, addr := range link.Served() {
		a.Served = append(a.Served, netip.AddrPortFrom(addr, 80))
	}
	put(t, w.state, a)
}

// TestABridgeAloneNeedsNoAddressOfOurs has nobody else on the host, whose addresses would
// do for the bridge too.
func TestABridgeAloneNeedsNoAddressOfOurs(t *testing.T) {
	w := newTown(t, network.Auto)
	for _, name := range []string{"host", "tap1", "tap2"} {
		w.state.Remove(name)
	}
	for _, name := range []string{"port1", "port2"} {
		for _, addr := range link.Served() {
			wantTold(t, w.who[name], netip.AddrPortFrom(addr, 80).String(), name)
		}
	}
	if text := w.host.Run(t, "ip", "-o", "-4", "address"); strings.Contains(text, "169.254.") {
		t.Errorf("there is\n%s", text)
	}
	w.state.Remove("port1")
	w.state.Remove("port2")
	if text := w.host.Run(t, "ip", "route", "show", "table", "local"); strings.Contains(text, "169.254.") {
		t.Errorf("left over:\n%s", text)
	}
}

// TestTheAddressesOfContainersAreOthersUntilSomebodyIsServedAtThem has another program
// serve containers on the host at an address that ECS uses too.
func TestTheAddressesOfContainersAreOthersUntilSomebodyIsServedAtThem(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	put(t, state, network.Host("host", false))
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	const task = "169.254.170.2:80"
	host.Run(t, "ip", "addr", "add", "169.254.170.2/32", "dev", "lo")
	host.Run(t, "ip", "route", "add", "10.0.0.5", "dev", "tap1")
	guest.Run(t, "ip", "route", "add", "169.254.170.2", "dev", "eth0")
	unbound(t, host, task)
	wantTold(t, host, task, "")
	wantTold(t, guest, task, "")
	container := nettest.New(t)
	a := network.Netns("container", container.Path(), false)
	a.Served = append(a.Served, netip.MustParseAddrPort(task))
	put(t, state, a)
	wantTold(t, container, task, "container")
	wantTold(t, host, task, "")
	wantTold(t, guest, task, "")
}

// TestEveryAttachmentInEveryMode is told its own name at every address.
func TestEveryAttachmentInEveryMode(t *testing.T) {
	for _, mode := range []network.PortMode{network.Direct, network.Rewrite, network.NAT} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newTown(t, mode)
			for name, ns := range w.who {
				for _, addr := range link.Served() {
					wantTold(t, ns, netip.AddrPortFrom(addr, 80).String(), name)
				}
			}
			if got := w.state.Ports(); got.Mode != mode || got.Because != "" {
				t.Errorf("the mode is said to be %+v", got)
			}
			for _, ns := range w.who {
				for _, addr := range link.Served() {
					wantRefused(t, ns, netip.AddrPortFrom(addr, 22).String())
					wantRefused(t, ns, netip.AddrPortFrom(addr, 8474).String())
				}
			}
		})
	}
}
