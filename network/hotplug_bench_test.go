package network_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// BenchmarkHotplug is from before the making of a device, of an instance that was
// registered before, to the first connection of its guest that is accepted. The guest
// sets its own end up meanwhile, and asks again every 2 ms.
func BenchmarkHotplug(b *testing.B) {
	for _, others := range []int{0, 1000} {
		b.Run(fmt.Sprint("beside-", others), func(b *testing.B) {
			host, guest := nettest.New(b), nettest.New(b)
			state, _ := watched(b, host)
			attachTaps(b, host, state, 0, others)
			h, g := handle(b, host), handle(b, guest)
			inside, err := netns.GetFromPath(guest.Path())
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = inside.Close() }()
			var took []time.Duration
			for b.Loop() {
				name := fmt.Sprint("plug", len(took))
				put(b, state, network.Interface(name, "", name, false))
				began := time.Now()
				plugIn(b, h, g, inside, name)
				askUntilTold(b, guest)
				took = append(took, time.Since(began))
				state.Remove(name)
				if err := h.LinkDel(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: name}}); err != nil {
					b.Fatal(err)
				}
			}
			reportTimes(b, took)
		})
	}
}

// plugIn makes a device that is up, with a guest behind it who knows the way.
func plugIn(b *testing.B, host, guest *netlink.Handle, inside netns.NsHandle, name string) {
	b.Helper()
	mac, guests := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 5}
	address := net.IPv4(10, 0, 0, 5)
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(host.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, Flags: net.FlagUp, HardwareAddr: mac},
		PeerName:  "eth0", PeerNamespace: netlink.NsFd(inside), PeerHardwareAddr: guests,
	}))
	eth0, err := guest.LinkByName("eth0")
	check(err)
	check(guest.LinkSetUp(eth0))
	metadata := net.IPv4(169, 254, 169, 254)
	check(guest.AddrAdd(eth0, &netlink.Addr{IPNet: &net.IPNet{IP: address, Mask: net.CIDRMask(24, 32)}}))
	check(guest.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: metadata, Mask: net.CIDRMask(32, 32)}}))
	// ARP, on either side, asks again after a second if it was not answered at once.
	check(guest.NeighSet(&netlink.Neigh{LinkIndex: eth0.Attrs().Index, IP: metadata, HardwareAddr: mac, State: unix.NUD_PERMANENT}))
	device, err := host.LinkByName(name)
	check(err)
	check(host.NeighSet(&netlink.Neigh{LinkIndex: device.Attrs().Index, IP: address, HardwareAddr: guests, State: unix.NUD_PERMANENT}))
}

func askUntilTold(b *testing.B, guest *nettest.Namespace) {
	b.Helper()
	dialer := net.Dialer{Timeout: 2 * time.Millisecond}
	guest.Do(func() {
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			conn, err := dialer.DialContext(b.Context(), "tcp", metadata[0])
			if err != nil {
				continue
			}
			told, err := io.ReadAll(conn)
			_ = conn.Close()
			if len(told) == 0 || err != nil {
				b.Fatalf("the guest was told %q, %v", told, err)
			}
			return
		}
		b.Fatal("the guest is not served")
	})
}
