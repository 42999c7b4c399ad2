package network_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// knobs are the settings of "all" and of each device that have to do with who is heard
// and who gets an answer to ARP.
type knobs struct{ rpFilter, arpIgnore, arpAnnounce, arpFilter int }

const everyKnobs = 3 * 3 * 3 * 2

// nthKnobs counts through all there are.
func nthKnobs(n int) knobs {
	n %= everyKnobs
	return knobs{n % 3, n / 3 % 3, n / 9 % 3, n / 27}
}

func (k knobs) set(t *testing.T, ns *nettest.Namespace, device string) {
	t.Helper()
	for name, value := range map[string]int{"rp_filter": k.rpFilter, "arp_ignore": k.arpIgnore, "arp_announce": k.arpAnnounce, "arp_filter": k.arpFilter} {
		ns.Sysctl(t, filepath.Join("net/ipv4/conf", device, name), fmt.Sprint(value))
	}
}

func knobsOf(t *testing.T, ns *nettest.Namespace, device string) (k knobs) {
	t.Helper()
	ns.Do(func() {
		for name, value := range map[string]*int{"rp_filter": &k.rpFilter, "arp_ignore": &k.arpIgnore, "arp_announce": &k.arpAnnounce, "arp_filter": &k.arpFilter} {
			text, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv4/conf", device, name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(string(text), value); err != nil {
				t.Fatal(err)
			}
		}
	})
	return k
}

// forget empties the caches of ARP and neighbour discovery, so that all is asked anew.
func forget(t *testing.T, namespaces ...*nettest.Namespace) {
	t.Helper()
	for _, ns := range namespaces {
		ns.Do(func() {
			for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
				learned, err := netlink.NeighList(0, family)
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range learned {
					if n.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) == 0 {
						_ = netlink.NeighDel(&n) // or it went by itself
					}
				}
			}
		})
	}
}

// reachable waits for the kernel, which adds the route to an IPv6 address a moment later.
// A guest that asks before asks again after a second.
func reachable(t *testing.T, ns *nettest.Namespace, device string) {
	t.Helper()
	to := &net.IPNet{IP: link.MetadataIPv6.AsSlice(), Mask: net.CIDRMask(128, 128)}
	eventually(t, "the route to "+to.String(), func() bool {
		var routes []netlink.Route
		ns.Do(func() {
			d, err := netlink.LinkByName(device)
			if err != nil {
				t.Fatal(err)
			}
			routes, err = netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Table: unix.RT_TABLE_LOCAL, Dst: to, LinkIndex: d.Attrs().Index},
				netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST|netlink.RT_FILTER_OIF)
			if err != nil {
				t.Fatal(err)
			}
		})
		return len(routes) > 0
	})
}

// attachedOr reports whether Put succeeds. Else its error must name the setting with its
// value and say what to do.
func attachedOr(t *testing.T, state *network.State, a network.Attachment, setting string) bool {
	t.Helper()
	err := state.Put(t.Context(), a, nil)
	if setting == "" {
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		return err == nil
	}
	if err == nil || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), "sysctl -w") {
		t.Errorf("%s: error %v, want one that names %s", a.Name, err, setting)
	}
	if named, ok := errors.AsType[*link.SettingError](err); err != nil && (!ok || !strings.HasPrefix(setting, named.Setting()+"=")) {
		t.Errorf("%s: error %T %v", a.Name, err, err)
	}
	return false
}

// surroundings is what else the host may have.
type surroundings struct {
	prepare string
	// routed is whose device leads to the guests' address, 0 for nobody's.
	routed int
	// loose says that the host has a route to any address.
	loose bool
}

// refused is the setting by which the guest on the nth device cannot be heard, "" for
// none.
func (s surroundings) refused(all knobs, n int) string {
	here := s.routed == n
	switch {
	case all.rpFilter > 0 && !s.loose && s.routed == 0:
		return fmt.Sprintf("net.ipv4.conf.all.rp_filter=%d", all.rpFilter)
	case all.arpFilter > 0 && !here:
		return "net.ipv4.conf.all.arp_filter=1"
	case all.arpIgnore > 1:
		return "net.ipv4.conf.all.arp_ignore=2"
	}
	return ""
}

// TestKernelSettings has two guests of one IP and MAC address, IPv4 and IPv6, on devices
// of their own, on hosts of all kinds of settings: each is served, or refused with the
// setting's name. The device has after removal what it had before.
func TestKernelSettings(t *testing.T) {
	const uplink = "ip addr add 192.0.2.2/24 dev uplink; ip route add default via 192.0.2.1;"
	const addressed = "ip addr add 10.0.0.1/24 dev tap1; ip addr add 10.0.0.1/24 dev tap2;"
	const inSubnet = "ip addr add 10.0.0.9/24 dev uplink;"
	for i, where := range []surroundings{
		{":", 0, false},
		{uplink, 0, true},
		{addressed, 1, false},
		{uplink + addressed, 1, true},
		{uplink + inSubnet, -1, true},
		{uplink + inSubnet + addressed, -1, true},
	} {
		t.Run(where.prepare, func(t *testing.T) {
			t.Parallel()
			host := nettest.New(t)
			state := open(t, host)
			nettest.Veth(t, nettest.End{Namespace: host, Device: "uplink"}, nettest.End{Namespace: nettest.New(t), Device: "eth0"})
			devices := []string{"tap1", "tap2"}
			guests := []*nettest.Namespace{}
			for _, device := range devices {
				guest := newGuest(t, host, device, "10.0.0.5/24", "fd00::5/64")
				guest.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
				guests = append(guests, guest)
			}
			host.Run(t, "sh", "-c", where.prepare)
			for n := range 2 * everyKnobs {
				forward := n / everyKnobs
				all, own := nthKnobs(n), nthKnobs(7*n+5*i+11*forward)
				all.set(t, host, "all")
				host.Sysctl(t, "net/ipv4/ip_forward", fmt.Sprint(forward))
				forget(t, append(guests, host)...)
				anew := n%5 == 0 // else it is looked at again, which takes a tenth of the time
				for _, device := range devices {
					if anew {
						state.Remove("i-" + device)
					}
					own.set(t, host, device)
				}
				for at, device := range devices {
					if !attachedOr(t, state, network.Interface("i-"+device, "", device, true), where.refused(all, at+1)) {
						continue
					}
					reachable(t, host, device)
					for _, addr := range metadata {
						wantTold(t, guests[at], addr, "i-"+device)
					}
				}
				for _, device := range devices {
					if !anew {
						continue
					}
					state.Remove("i-" + device)
					if left := knobsOf(t, host, device); left != own {
						t.Errorf("%s has %+v, had %+v", device, left, own)
					}
				}
				if t.Failed() {
					t.Fatalf("where all have %+v, and the devices %+v", all, own)
				}
			}
		})
	}
}

// TestKernelSettingsOfABridge has two members. With an address on the bridge, which is
// their gateway, all is well; without, as much as there is a remedy for.
func TestKernelSettingsOfABridge(t *testing.T) {
	for _, gateway := range []bool{true, false} {
		t.Run(fmt.Sprint("with a gateway: ", gateway), func(t *testing.T) {
			t.Parallel()
			host := nettest.New(t)
			newBridge(t, host)
			state := open(t, host)
			var attachments []network.Attachment
			var guests []*nettest.Namespace
			for n := 2; n <= 3; n++ {
				guest, a := newMember(t, host, n)
				six := netip.MustParseAddr(fmt.Sprintf("fd00::%d", n))
				guest.Run(t, "ip", "address", "add", six.String()+"/64", "dev", "eth0", "nodad")
				guest.Run(t, "ip", "-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
				if !gateway {
					guest.Run(t, "ip", "route", "replace", "default", "dev", "eth0")
				}
				a.Member.Addrs = append(a.Member.Addrs, six)
				attachments = append(attachments, network.Bridge(a.Name, "br0", *a.Member, true))
				guests = append(guests, guest)
			}
			if !gateway {
				host.Run(t, "sh", "-c", "ip addr del 10.0.0.1/24 dev br0; ip route add 10.0.0.0/24 dev br0")
			}
			before := host.Run(t, "ip", "-o", "-4", "address", "show", "dev", "br0")
			for n := range everyKnobs {
				all, own := nthKnobs(n), nthKnobs(7*n)
				all.set(t, host, "all")
				own.set(t, host, "br0")
				forget(t, append(guests, host)...)
				refused := ""
				if !gateway && all.arpIgnore == 2 {
					refused = "net.ipv4.conf.all.arp_ignore=2"
				} else if !gateway && own.arpIgnore == 2 {
					refused = "net.ipv4.conf.br0.arp_ignore=2"
				}
				for at, a := range attachments {
					if n%5 == 0 {
						state.Remove(a.Name)
					}
					if attachedOr(t, state, a, refused) {
						reachable(t, host, "br0")
						for _, addr := range metadata {
							wantTold(t, guests[at], addr, a.Name)
						}
					}
				}
				if t.Failed() {
					t.Fatalf("where all have %+v, and the bridge %+v", all, own)
				}
			}
			for _, a := range attachments {
				state.Remove(a.Name)
			}
			if left := host.Run(t, "ip", "-o", "-4", "address", "show", "dev", "br0"); left != before {
				t.Errorf("br0 has\n%shad\n%s", left, before)
			}
		})
	}
}

// TestSettingsComeBackAfterAKill: what a device had is on record beyond the process. It
// has /proc/sys read-only, as containers and the systemd unit do.
func TestSettingsComeBackAfterAKill(t *testing.T) {
	host := nettest.New(t)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24", "fd00::5/64")
	before := knobs{rpFilter: 1, arpIgnore: 2, arpFilter: 1}
	before.set(t, host, "tap1")
	for _, next := range []string{"another process", "cleanup"} {
		readOnly := `mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$0"`
		child, said := start(t, host, "tap1", "unshare", "--mount", "sh", "-c", readOnly)
		if said != "ready" {
			t.Fatal(said)
		}
		if has := knobsOf(t, host, "tap1"); has != (knobs{}) {
			t.Errorf("while it is attached the device has %+v", has)
		}
		kill(child)
		if next == "cleanup" {
			host.Do(func() {
				if _, _, err := network.Cleanup(); err != nil {
					t.Error(err)
				}
			})
		} else {
			state := open(t, host)
			put(t, state, network.Interface("i-1", "", "tap1", true))
			wantTold(t, guest, metadata[0], "i-1")
			host.Run(t, "nft", "flush", "ruleset") // and the record with it, for a moment
			eventually(t, "the tables", func() bool { return strings.Contains(host.Run(t, "nft", "list", "ruleset"), before.record()) })
			state.Remove("i-1")
		}
		if left := knobsOf(t, host, "tap1"); left != before {
			t.Errorf("after %s the device has %+v", next, left)
		}
	}
}

// record is how it is noted in the tables.
func (k knobs) record() string {
	return link.Settings{RPFilter: k.rpFilter, ARPIgnore: k.arpIgnore, ARPFilter: k.arpFilter}.String()
}
