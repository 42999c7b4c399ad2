package link_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestTheHostReachesLoBeforeItsGuestsDevices has the address come to lo last, so that
// the kernel's own order is the wrong one.
func TestTheHostReachesLoBeforeItsGuestsDevices(t *testing.T) {
	host := nettest.New(t)
	g := guest(t, host, "tap0", "10.0.0.5/24")
	run(t, g, "ip route add 169.254.169.254 dev eth0")
	local := func() string { return run(t, host, "ip route show table local 169.254.169.254") }
	both := func(on, alone bool) {
		t.Helper()
		for range 2 {
			try(t, host, func() error { return precede(on, alone) })
		}
	}
	both(true, false)
	if got := local(); got != "" {
		t.Errorf("with no address to precede there is\n%s", got)
	}
	for _, device := range []string{"tap0", "lo"} {
		converge(t, host, device, false, addresses(device)...)
		serve(t, host, device, device, link.MetadataIPv4)
	}
	before := local()
	wantSaid(t, host, link.MetadataIPv4, "tap0") // what is wrong without it
	both(true, false)
	wantSaid(t, host, link.MetadataIPv4, "lo")
	wantSaid(t, g, link.MetadataIPv4, "tap0")
	if got := strings.Count(local(), "proto 84"); got != 1 {
		t.Errorf("%d routes of ours are in\n%s", got, local())
	}
	both(false, false)
	if got := local(); got != before {
		t.Errorf("left\n%swas\n%s", got, before)
	}
}

func precede(on, alone bool) error {
	_, err := link.Precede(link.MetadataIPv4, on, alone)
	return err
}

func TestAGuestIsAnsweredOnADeviceWithoutTheAddress(t *testing.T) {
	host := nettest.New(t)
	g := guest(t, host, "tap0", "10.0.0.5/24")
	run(t, host, "ip addr add 10.0.0.1/24 dev tap0")
	run(t, g, "ip route add 169.254.169.254 dev eth0")
	for range 2 {
		try(t, host, func() error { return precede(true, true) })
	}
	serve(t, host, "tap0", "us", link.MetadataIPv4)
	wantSaid(t, g, link.MetadataIPv4, "us")
	try(t, host, func() error { return precede(false, false) })
	if got := run(t, host, "ip route show table local 169.254.169.254"); got != "" {
		t.Errorf("left\n%s", got)
	}
}
