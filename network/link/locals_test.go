package link_test

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

func TestLocalsTellTheHostFromItsGuests(t *testing.T) {
	host := nettest.New(t)
	host.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	g := guest(t, host, "tap0", "10.0.0.5/24", "fd00::5/64")
	run(t, host, "ip addr add 10.0.0.1/24 dev tap0; ip addr add fd00::1/64 dev tap0 nodad; ip route add 192.0.2.0/24 dev tap0")
	converge(t, host, "tap0", false, served("tap0")...)
	var locals *link.Locals
	try(t, host, func() (err error) {
		locals, err = link.OpenLocals()
		return err
	})
	index := describe(t, host, "tap0").Index
	linkLocal := func(ns *nettest.Namespace, device string) string {
		return strings.TrimSpace(run(t, ns, "ip -o -6 addr show dev "+device+" scope link | sed 's/.*inet6 //; s,/.*,,'"))
	}
	for _, bypassed := range []bool{false, true} {
		bypass(t, host, bypassed)
		for addr, want := range map[string]bool{
			"127.0.0.1": true, "::1": true, "10.0.0.1": true, "fd00::1": true, "::ffff:10.0.0.1": true,
			"169.254.169.254": true, "fd00:ec2::254": true, linkLocal(host, "tap0"): true,
			"10.0.0.5": false, "fd00::5": false, "192.0.2.7": false, "203.0.113.7": false, "2001:db8::7": false,
			linkLocal(g, "eth0") + "%tap0": false,
		} {
			if got, err := locals.Has(netip.MustParseAddr(addr), index); got != want || err != nil { // from outside of the namespace
				t.Errorf("%s: %v, %v; want %v", addr, got, err, want)
			}
		}
	}
	for range 2 {
		if err := locals.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := locals.Has(netip.MustParseAddr("10.0.0.5"), index); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
