package link_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// A host that has no IPv6 address but ours must not send its own packets to guests,
// who could answer in anybody's name.
func TestTheHostsOwnPacketsDoNotGoToGuests(t *testing.T) {
	host := nettest.New(t)
	for _, device := range []string{"tap0", "tap1"} {
		guest(t, host, device)
		converge(t, host, device, false, served(device)...)
	}
	lost := func() bool { // to where the host has no route
		var err error
		host.Do(func() {
			var conn net.Conn
			if conn, err = new(net.Dialer).DialContext(t.Context(), "udp", "[2001:db8::1]:53"); err == nil {
				t.Logf("sent from %s", conn.LocalAddr())
				_ = conn.Close()
			}
		})
		return err != nil
	}
	if !lost() {
		t.Error("the host's packets to the Internet go to a guest")
	}
	run(t, host, "ip -6 route del unreachable default from fd00:ec2::/116 dev lo metric 1024")
	if lost() {
		t.Error("they are lost without our unreachable route too, so nothing is tested")
	}
	converge(t, host, "tap1", true, served("tap1")...)
	if !lost() {
		t.Error("after mending the host's packets to the Internet go to a guest")
	}
}

func TestOurAddressesAreNobodysSource(t *testing.T) {
	host := nettest.New(t)
	g := guest(t, host, "tap0", "10.0.0.5/24", "fd00::5/64")
	run(t, host, "ip addr add 10.9.9.9/32 dev lo; ip addr add fd00:9::9/128 dev lo nodad; "+
		"ip route add 10.0.0.5 dev tap0; ip -6 route add fd00::5 dev tap0")
	_ = g
	converge(t, host, "tap0", false, served("tap0")...)
	for _, to := range []string{"10.0.0.5", "fd00::5"} {
		if got := run(t, host, "ip route get "+to); strings.Contains(got, "src 169.254") || strings.Contains(got, "src fd00:ec2") {
			t.Errorf("the host sends from our address: %s", got)
		}
	}
}

// The host closes first, so a socket that is bound to no device acknowledges the
// guest's end of the connection (TIME-WAIT).
func TestAConnectionEndsInOrderOverIPv6(t *testing.T) {
	host := nettest.New(t)
	guest(t, host, "tap0")
	converge(t, host, "tap0", false, served("tap0")...)
	g := guest(t, host, "tap1", "fd00::5/64")
	run(t, g, "ip -6 route add fd00:ec2::254 dev eth0")
	converge(t, host, "tap1", false, served("tap1")...)
	serve(t, host, "tap1", "tap1", link.MetadataIPv6)
	wantSaid(t, g, link.MetadataIPv6, "tap1")
	until(t, "the guest's connection to be gone", func() bool {
		return !strings.Contains(run(t, g, "ss -6tnH state last-ack state closing"), "fd00:ec2::254")
	})
}

func TestAKernelWithoutSourceRoutesIsNamed(t *testing.T) {
	if err := link.SourceRoutes(unix.EINVAL); err == nil || !strings.Contains(err.Error(), "CONFIG_IPV6_SUBTREES") {
		t.Errorf("error %v", err)
	}
	if err := link.SourceRoutes(unix.ENODEV); !errors.Is(err, unix.ENODEV) || strings.Contains(err.Error(), "CONFIG") {
		t.Errorf("error %v", err)
	}
}
