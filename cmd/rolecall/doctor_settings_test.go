package main

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/cmd/rolecall/doctor"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestSettingsThatKeepGuestsOutAreFoundAndMended: doctor names the setting before the
// guest's device is there, and as the reason when it is. Its remedies are enough.
func TestSettingsThatKeepGuestsOutAreFoundAndMended(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	inner := nettest.New(t)
	h.ns.Run(t, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
	h.ns.Run(t, "ip", "addr", "add", "10.0.1.1/24", "dev", "br0")
	h.ns.Run(t, "ip", "link", "set", "br0", "up")
	const bridged, nested = "i-00000000000000003", "i-00000000000000004"
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("put", "--id", bridged, "--profile", "web", "--bridge", "br0", "--port", "veth1", "--mac", "02:00:00:00:00:05", "--address", "10.0.1.5")
	h.instance("put", "--id", nested, "--profile", "web", "--interface", "tap1", "--netns", inner.Path())
	if found := append(of(doctor.Error, h.examine()), about(nested, h.examine(), "rp_filter")...); len(found) > 0 {
		t.Errorf("nothing is wrong yet, but: %s", saying(found))
	}

	h.ns.Sysctl(t, "net/ipv4/conf/all/arp_ignore", "2")
	h.ns.Sysctl(t, "net/ipv4/conf/br0/arp_ignore", "8")
	inner.Sysctl(t, "net/ipv4/conf/all/rp_filter", "1")
	wants := map[string][2]string{ // what is said, and the remedy
		webGuest: {"net.ipv4.conf.all.arp_ignore=2 keeps this host from answering ARP", "sysctl -w net.ipv4.conf.all.arp_ignore=1"},
		bridged:  {"net.ipv4.conf.br0.arp_ignore=8 keeps this host from answering ARP", "sysctl -w net.ipv4.conf.br0.arp_ignore=1"},
		nested:   {"net.ipv4.conf.all.rp_filter=1 drops what a guest sends", "nsenter --net=" + inner.Path() + " sysctl -w net.ipv4.conf.all.rp_filter=0"},
	}
	check := func(severity doctor.Severity, says string) {
		t.Helper()
		for id, want := range wants {
			found := about(id, of(severity, h.examine()), want[0])
			if len(found) != 1 || !strings.Contains(found[0].What, says) || found[0].Remedy != want[1] {
				t.Errorf("of %s doctor finds %s", id, saying(h.examine()))
			}
		}
	}
	check(doctor.Warning, "not be heard when its device is there")

	tap := h.guest("tap1")
	member, inside := nettest.New(t), (&house{t: t, ns: inner, dir: h.dir}).guest("tap1")
	nettest.Veth(t, nettest.End{Namespace: h.ns, Device: "veth1"}, nettest.End{Namespace: member, Device: "eth0", Addrs: []string{"10.0.1.5/24"}})
	h.ns.Run(t, "ip", "link", "set", "veth1", "master", "br0")
	member.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
	member.Run(t, "ip", "route", "add", "169.254.169.254", "via", "10.0.1.1")
	for id := range wants {
		h.until(id+" is refused", func() bool { return h.find(id).State == admin.StateFailed })
	}
	check(doctor.Error, "It cannot be served")
	for _, e := range of(doctor.Error, h.examine()) {
		h.ns.Run(t, "sh", "-c", e.Remedy)
	}
	for id := range wants {
		h.until(id+" is attached", func() bool { return h.find(id).State == admin.StateAttached })
	}
	for name, guest := range map[string]*house{"tap1": tap, "veth1": {t: t, ns: member, dir: h.dir}, "tap1 inside": inside} {
		if !guest.reaches() {
			t.Errorf("with all remedies %s is not served", name)
		}
	}
	if errors := of(doctor.Error, h.examine()); len(errors) > 0 {
		t.Errorf("doctor still finds %s", saying(errors))
	}
}

// about are the findings of an instance that say something.
func about(id string, all []doctor.Finding, says string) []doctor.Finding {
	var some []doctor.Finding
	for _, f := range all {
		if strings.Contains(f.Where, id) && strings.Contains(f.What, says) {
			some = append(some, f)
		}
	}
	return some
}
