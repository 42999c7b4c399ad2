package vmtest

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/rolecall/rolecall/network/nettest"
)

// Tap makes a device that a virtual machine can be plugged into, and sets it up. It
// lives as long as its namespace, and has no carrier until a machine runs.
func Tap(t testing.TB, ns *nettest.Namespace, name string) {
	t.Helper()
	ns.Do(func() {
		tap := &netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: netlink.TUNTAP_MODE_TAP}
		if err := netlink.LinkAdd(tap); err != nil {
			t.Fatalf("tap %s: %v", name, err)
		}
		if err := netlink.LinkSetUp(tap); err != nil {
			t.Fatalf("set %s up: %v", name, err)
		}
	})
}
