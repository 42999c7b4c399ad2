package network_test

import (
	"log/slog"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestTheKernelsOwnRouteToAnAddressComesBack deletes the routes by which packets for our
// addresses are taken in, and leaves the addresses.
func TestTheKernelsOwnRouteToAnAddressComesBack(t *testing.T) {
	for name, way := range map[string]bool{"": false, "beside the host's own way": true} {
		t.Run(name, func(t *testing.T) {
			host := nettest.New(t)
			said := &log{}
			state := configured(t, host, network.Config{HostWay: way, Logger: slog.New(slog.NewTextHandler(said, nil))})
			go func() { _ = state.Watch(t.Context()) }()
			guest := newGuest(t, host, "tap1", "10.9.0.5/24", "fd00::5/64")
			put(t, state, network.Interface("i-1", "", "tap1", true))
			if !way {
				put(t, state, network.Host("host", true))
			}
			quiet(t, host, state)
			routes := func() string {
				return host.Run(t, "sh", "-c", "ip route show table local | grep '^local 169.254.' | sort; ip -6 route show table local | grep '^local fd00:ec2:' | sort")
			}
			before := routes()
			undo := []string{
				"ip route del local 169.254.169.254 dev tap1 table local proto kernel",
				"ip -6 route del local fd00:ec2::254 dev tap1 table local",
				"ip route flush table local",
			}
			if !way {
				undo = append(undo, "ip -6 route del local fd00:ec2::254 dev lo table local")
			}
			for _, command := range undo {
				counted := state.Mended()["routes"]
				host.Run(t, "sh", "-c", command)
				eventually(t, "what this undid: "+command, func() bool { return state.Mended()["routes"] > counted })
				eventually(t, "the routes as they were before: "+command, func() bool { return routes() == before })
				wantTold(t, guest, metadata[0], "i-1")
				wantTold(t, guest, metadata[1], "i-1")
				if !way {
					wantTold(t, host, metadata[0], "host")
				}
			}
			if told := said.count("others undid"); told != 1 {
				t.Errorf("it was told %d times", told)
			}
			state.Remove("i-1")
			state.Remove("host")
			if left := host.Run(t, "sh", "-c", "ip route show table local | grep 169.254.; ip -6 route show table local | grep fd00:ec2:; true"); left != "" {
				t.Errorf("left behind:\n%s", left)
			}
		})
	}
}

// TestTheKernelsOwnRoutesOfBridgesAndContainersComeBack is the same where the address is
// on a bridge, or in a container's namespace.
func TestTheKernelsOwnRoutesOfBridgesAndContainersComeBack(t *testing.T) {
	host, inside := nettest.New(t), nettest.New(t)
	newBridge(t, host)
	state := open(t, host)
	go func() { _ = state.Watch(t.Context()) }()
	_, member := newMember(t, host, 2)
	bridge := network.Bridge(member.Name, "br0", *member.Member, true)
	put(t, state, bridge)
	put(t, state, network.Netns("i-3", inside.Path(), true))
	quiet(t, host, state)
	for _, c := range []struct {
		where *nettest.Namespace
		undo  string
	}{
		{host, "ip -6 route del local fd00:ec2::254 dev br0 table local"},
		{inside, "ip -6 route del local fd00:ec2::254 dev lo table local"},
		{inside, "ip route flush table local"},
	} {
		routes := func() string {
			return c.where.Run(t, "sh", "-c", "(ip route show table local; ip -6 route show table local) | grep -e '^local 169.254.' -e '^local fd00:ec2:' | sort; true")
		}
		before := routes()
		c.where.Run(t, "sh", "-c", c.undo)
		eventually(t, "the routes after: "+c.undo, func() bool { return state.Mended()["routes"] > 0 && routes() == before })
	}
	wantTold(t, inside, metadata[0], "i-3")
	wantTold(t, inside, metadata[1], "i-3")
}
