package network_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// undo is what the root of a container may do: take away all of ours that it sees.
func undo(t *testing.T, container *nettest.Namespace) {
	t.Helper()
	container.Run(t, "nft", "flush", "ruleset")
	_ = container.Command(t.Context(), "ip", "address", "del", "169.254.169.254/32", "dev", "lo").Run()
	_ = container.Command(t.Context(), "ip", "address", "del", "fd00:ec2::254/128", "dev", "lo").Run()
}

// wantReached asks the cloud.
func wantReached(t *testing.T, guest *nettest.Namespace, when string) {
	t.Helper()
	for _, addr := range metadata {
		if told, err := ask(t, guest, addr); err != nil || told != "" {
			t.Errorf("%s the guest does not reach the cloud at %s: %q, %v", when, addr, told, err)
		}
	}
}

// TestAContainerThatTakesItsGuardAway is stopped at the host's end of its device, while
// the agent runs, after it, and after the next one's start.
func TestAContainerThatTakesItsGuardAway(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	container := newRoutedGuest(t, host)
	wantReached(t, container, "without us")
	state, w := watched(t, host)
	a := network.Netns("web", container.Path(), true)
	put(t, state, a)
	wantTold(t, container, metadata[0], "web")
	for range 20 {
		undo(t, container)
		wantNotTheCloud(t, container, "after it took its guard away")
	}
	closeState(t, state, true)
	undo(t, container)
	wantNotTheCloud(t, container, "after the agent's end")

	a.Bound = w.bound["web"]
	a.Bound.Netns++ // as if the namespace were gone
	state, _ = watched(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "web", network.Lost, "")
	host.Run(t, "nft", "flush", "ruleset")
	eventually(t, "the guard is back", func() bool {
		return strings.Contains(host.Run(t, "nft", "list", "ruleset"), "tap1")
	})
	wantNotTheCloud(t, container, "after its instance was lost")
	state.Remove("web")
	if rules := host.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("left over:\n%s", rules)
	}
	undo(t, container)
	wantReached(t, container, "after removal")
}

// TestTheHostsEndsThatComeLater are guarded, and so are those that are renamed.
func TestTheHostsEndsThatComeLater(t *testing.T) {
	host := newLAN(t)
	container := nettest.New(t)
	state, _ := watched(t, host)
	put(t, state, network.Netns("web", container.Path(), false))
	guarded := func(port string) func() bool {
		return func() bool {
			return strings.Count(host.Run(t, "nft", "list", "ruleset"), fmt.Sprintf("%q", port)) == 4 // by name and by index, in each of two families
		}
	}
	if rules := host.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("a container without devices makes tables on the host:\n%s", rules)
	}
	nettest.Veth(t, nettest.End{Namespace: host, Device: "later"},
		nettest.End{Namespace: container, Device: "eth0", Addrs: []string{"10.0.0.5/24", "fd00::5/64"}})
	eventually(t, "the later end is guarded", guarded("later"))
	host.Run(t, "ip", "link", "set", "later", "down")
	host.Run(t, "ip", "link", "set", "later", "name", "renamed")
	host.Run(t, "ip", "link", "set", "renamed", "master", "br0", "up")
	eventually(t, "the renamed end is guarded", guarded("renamed"))
	closeState(t, state, true)
	undo(t, container)
	reachesNone(t, host, container, "as a port")

	state = open(t, host)
	if err := state.Restore(t.Context(), network.Netns("web", container.Path(), false)); err != nil {
		t.Fatal(err)
	}
	state.Remove("web")
	undo(t, container)
	reachesAll(t, container, "after removal")
}
