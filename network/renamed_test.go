package network_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// rename gives a device of the host another name, and has it up again; it loses its IPv6
// addresses meanwhile, but not those that are given.
func rename(t *testing.T, host *nettest.Namespace, from, to string, addrs ...string) {
	t.Helper()
	host.Run(t, "ip", "link", "set", from, "down")
	host.Run(t, "ip", "link", "set", from, "name", to)
	host.Run(t, "ip", "link", "set", to, "up")
	for _, addr := range addrs {
		host.Run(t, "ip", "address", "replace", addr, "dev", to, "nodad")
	}
}

// indexes are the devices that are held by their indexes, as nft(8) lists them: by name, or
// by number if there is none.
func indexes(t *testing.T, host *nettest.Namespace) (devices []string) {
	t.Helper()
	for _, s := range setsOf(t, host) {
		if s.Name != "guarded_indexes" {
			continue
		}
		for _, e := range s.Elem {
			if noted, ok := e.(map[string]any); ok { // with a comment
				e = noted["elem"].(map[string]any)["val"]
			}
			devices = append(devices, fmt.Sprint(e))
		}
	}
	return devices
}

func indexOf(t *testing.T, host *nettest.Namespace, device string) (index int) {
	t.Helper()
	host.Do(func() {
		i, err := net.InterfaceByName(device)
		if err != nil {
			t.Fatal(err)
		}
		index = i.Index
	})
	return index
}

// TestADeviceThatIsRenamedWhileNoAgentRuns is the guest's as before.
func TestADeviceThatIsRenamedWhileNoAgentRuns(t *testing.T) {
	for _, follow := range []bool{false, true} {
		t.Run(fmt.Sprintf("follow %t", follow), func(t *testing.T) {
			host := nettest.New(t)
			newCloud(t, host)
			guest := newRoutedGuest(t, host)
			child, said := start(t, host, "tap1")
			if said != "ready" {
				t.Fatal(said)
			}
			kill(child)
			rename(t, host, "tap1", "tap9", "fd00::1/64")
			wantNotTheCloud(t, guest, "renamed after kill -9")
			state, _ := watched(t, host)
			put(t, state, network.Interface("i-0", "", "tap0", true)) // so that not all goes with i-1
			a := network.Interface("i-1", "", "tap1", true)
			a.Bound, a.Follow = network.Bound{Boot: "as it was", Netns: 1}, follow
			if err := state.Restore(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			want := map[bool]network.Phase{false: network.Lost, true: network.Waiting}[follow]
			becomes(t, state, "i-1", want)
			if text := host.Run(t, "ip", "address", "show", "dev", "tap9"); strings.Contains(text, "169.254.169.254") || strings.Contains(text, "fd00:ec2::254") {
				t.Errorf("it is left as\n%s", text)
			}
			wantNotTheCloud(t, guest, "after a restart")
			for n, damage := range []string{"flush ruleset", "flush set inet rolecall guarded_indexes"} {
				host.Run(t, "nft", damage)
				eventually(t, "the guard after "+damage, func() bool { return state.Mended()["tables"] > uint64(n) && len(indexes(t, host)) == 1 })
				wantNotTheCloud(t, guest, "after "+damage)
			}
			rename(t, host, "tap9", "tap1", "fd00::1/64")
			if follow {
				becomes(t, state, "i-1", network.Attached)
				wantTold(t, guest, metadata[0], "i-1")
			}
			rename(t, host, "tap1", "tap9", "fd00::1/64")
			becomes(t, state, "i-1", want)
			wantNotTheCloud(t, guest, "renamed again while the agent runs")
			state.Remove("i-1")
			wantReached(t, guest, "after removal")
		})
	}
}

// TestAPortThatIsRenamedWhileNoAgentRuns, on a bridge with another metadata service: one
// that was attached on its own, and one whose member is lost by that. Until then the
// bridge's rules hold for the member, which go by its index.
func TestAPortThatIsRenamedWhileNoAgentRuns(t *testing.T) {
	for name, attach := range map[string]func(*testing.T, *nettest.Namespace) (*nettest.Namespace, network.Attachment){
		"of a member": func(t *testing.T, host *nettest.Namespace) (*nettest.Namespace, network.Attachment) {
			guest, a := newMember(t, host, 5)
			guest.Run(t, "ip", "address", "add", "fd00::5/64", "dev", "eth0", "nodad")
			return guest, a
		},
		"registered": func(t *testing.T, host *nettest.Namespace) (*nettest.Namespace, network.Attachment) {
			return bridged(t, host, "p5"), network.Interface("i-5", "", "p5", true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := newLAN(t)
			guest, a := attach(t, host)
			reachesAll(t, guest, "without us")
			state := open(t, host)
			if err := state.Restore(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			closeState(t, state, true)
			rename(t, host, "p5", "renamed")
			if a.Member == nil {
				reachesNone(t, host, guest, "renamed after the agent's end")
			}
			state, _ = watched(t, host)
			a.Bound = network.Bound{Boot: "as it was", Netns: 1}
			if err := state.Restore(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			becomes(t, state, "i-5", network.Lost)
			reachesNone(t, host, guest, "after a restart")
			host.Run(t, "nft", "flush", "set", "bridge", "rolecall", "bridge_guarded_indexes")
			eventually(t, "the guard is mended", func() bool { return state.Mended()["tables"] > 0 })
			reachesNone(t, host, guest, "after a flush")
			state.Remove("i-5")
			reachesAll(t, guest, "after removal")
		})
	}
}

// TestTheHostsEndThatIsRenamedWhileNoAgentRuns holds the container as before.
func TestTheHostsEndThatIsRenamedWhileNoAgentRuns(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	container := newRoutedGuest(t, host)
	child, said := start(t, host, "netns "+container.Path())
	if said != "ready" {
		t.Fatal(said)
	}
	kill(child)
	undo(t, container)
	rename(t, host, "tap1", "tap9", "fd00::1/64")
	wantNotTheCloud(t, container, "renamed after kill -9")
	state, _ := watched(t, host)
	if err := state.Restore(t.Context(), network.Netns("web", container.Path(), false)); err != nil {
		t.Fatal(err)
	}
	undo(t, container)
	wantNotTheCloud(t, container, "after a restart")
	state.Remove("web")
	undo(t, container)
	wantReached(t, container, "after removal")
}

// stranger is behind a device that gets the index of tap1, which goes in the same moment.
func stranger(t *testing.T, host *nettest.Namespace) (guest *nettest.Namespace) {
	t.Helper()
	guest = nettest.New(t)
	index := indexOf(t, host, "tap1")
	at := host.Command(t.Context(), "ip", "-batch", "-")
	at.Stdin = strings.NewReader(fmt.Sprintf("link del tap1\nlink add name foreign index %d type veth peer name eth0 netns %s\n", index, guest.Path()))
	if out, err := at.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, end := range []struct {
		ns     *nettest.Namespace
		device string
		addrs  [2]string
	}{{host, "foreign", [2]string{"10.0.7.1/24", "fd00:0:0:7::1/64"}}, {guest, "eth0", [2]string{"10.0.7.5/24", "fd00:0:0:7::5/64"}}} {
		end.ns.Run(t, "ip", "address", "add", end.addrs[0], "dev", end.device)
		end.ns.Run(t, "ip", "address", "add", end.addrs[1], "dev", end.device, "nodad")
		end.ns.Run(t, "ip", "link", "set", end.device, "up")
	}
	guest.Route(t, "0.0.0.0/0", "10.0.7.1")
	guest.Route(t, "::/0", "fd00:0:0:7::1")
	return guest
}

// TestADeviceThatGetsAnothersIndex is free, from the agent's next start on, or from when it
// hears that the other went.
func TestADeviceThatGetsAnothersIndex(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	newRoutedGuest(t, host)
	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	kill(child)
	foreign := stranger(t, host)
	wantNotTheCloud(t, foreign, "while no agent runs, the stranger is taken for the guest, or")

	state, _ := watched(t, host)
	a := network.Interface("i-1", "", "tap1", true)
	a.Follow = true
	put(t, state, a)
	wantReached(t, foreign, "after a restart")
	host.Run(t, "ip", "link", "del", "foreign")

	guest := newRoutedGuest(t, host)
	becomes(t, state, "i-1", network.Attached)
	wantTold(t, guest, metadata[0], "i-1")
	if got := indexes(t, host); !slices.Equal(got, []string{"tap1"}) {
		t.Errorf("held are %v", got)
	}
	foreign = stranger(t, host)
	eventually(t, "the index is held no more", func() bool { return len(indexes(t, host)) == 0 })
	wantReached(t, foreign, "while the agent runs")

	closeState(t, state, true)
	state = open(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantReached(t, foreign, "after another restart")
	newRoutedGuest(t, host)
	becomes(t, state, "i-1", network.Attached)
	eventually(t, "tap1 is held", func() bool { return slices.Equal(indexes(t, host), []string{"tap1"}) })

	closeState(t, state, true)
	host.Run(t, "ip", "link", "del", "tap1")
	state = open(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := indexes(t, host); len(got) > 0 {
		t.Errorf("held are %v, of which none is there", got)
	}
}

// TestARenamedDeviceThatIsAttachedAgain is held for the second when the first is removed.
func TestARenamedDeviceThatIsAttachedAgain(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	state, _ := watched(t, host)
	guest := newRoutedGuest(t, host)
	first, second := network.Interface("i-1", "", "tap1", true), network.Interface("i-2", "", "tap2", true)
	first.Follow = true
	put(t, state, first)
	rename(t, host, "tap1", "tap2", "fd00::1/64")
	becomes(t, state, "i-1", network.Waiting)
	put(t, state, second)
	wantTold(t, guest, metadata[0], "i-2")
	closeState(t, state, true)

	state = open(t, host)
	for _, a := range []network.Attachment{second, first} {
		if err := state.Restore(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if text := host.Run(t, "ip", "address", "show", "dev", "tap2"); !strings.Contains(text, "169.254.169.254") {
		t.Errorf("for the second it is left as\n%s", text)
	}
	wantTold(t, guest, metadata[0], "i-2")
	state.Remove("i-1")
	wantTold(t, guest, metadata[0], "i-2")
	closeState(t, state, true)
	rename(t, host, "tap2", "tap9", "fd00::1/64")
	wantNotTheCloud(t, guest, "renamed for the second time")
}
