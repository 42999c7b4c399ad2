package network_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// newGuest is a namespace behind the host's device, with these addresses and a
// link route to the metadata addresses, as cloud-init makes it.
func newGuest(t testing.TB, host *nettest.Namespace, device string, addrs ...string) *nettest.Namespace {
	t.Helper()
	guest := nettest.New(t)
	plug(t, host, guest, device, addrs...)
	return guest
}

// plug puts a cable between the host's device and the guest's eth0.
func plug(t testing.TB, host, guest *nettest.Namespace, device string, addrs ...string) {
	t.Helper()
	nettest.Veth(t, nettest.End{Namespace: host, Device: device}, nettest.End{Namespace: guest, Device: "eth0", Addrs: addrs})
	guest.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	guest.Run(t, "ip", "-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
}

func wantPhase(t testing.TB, state *network.State, name string, want network.Phase, says string) {
	t.Helper()
	status, ok := state.Status(name)
	if !ok || status.Phase != want || !strings.Contains(status.Reason, says) {
		t.Errorf("%s is %+v (%t), want %s and %q", name, status, ok, want, says)
	}
}

func becomes(t testing.TB, state *network.State, name string, want network.Phase) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is %s", name, want), func() bool {
		status, _ := state.Status(name)
		return status.Phase == want
	})
}

// TestTwoGuestsWithTheSameAddresses have the same IPv4, IPv6 and MAC address behind two
// devices, and ask at the same time. Each is told its own name, always.
func TestTwoGuestsWithTheSameAddresses(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	guests := map[string]*nettest.Namespace{}
	for _, device := range []string{"tap1", "tap2"} {
		guest := newGuest(t, host, device, "10.0.0.5/24", "fd00::5/64")
		guest.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
		guests[device] = guest
		put(t, state, network.Interface("i-"+device, "", device, true))
	}
	var asking sync.WaitGroup
	for device, guest := range guests {
		for _, addr := range metadata {
			asking.Go(func() {
				for range 20 {
					if told, err := ask(t, guest, addr); told != "i-"+device || err != nil {
						t.Errorf("%s was told %q, %v by %s", device, told, err, addr)
						return
					}
				}
			})
		}
	}
	asking.Wait()
}

func TestAGuestWithLinkLocalIPv6Alone(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	guest := newGuest(t, host, "tap1")
	put(t, state, network.Interface("i-1", "", "tap1", true))
	eventually(t, "its own address", func() bool {
		text := guest.Run(t, "ip", "-o", "-6", "address", "show", "dev", "eth0", "scope", "link")
		return text != "" && !strings.Contains(text, "tentative")
	})
	wantTold(t, guest, metadata[1], "i-1")
}

// TestAContainerIsServedFromTheInside has no device on the host at all.
func TestAContainerIsServedFromTheInside(t *testing.T) {
	host, container, other := nettest.New(t), nettest.New(t), nettest.New(t)
	fresh := shown(t, container)
	state := open(t, host)
	put(t, state, network.Netns("web", container.Path(), true))
	for _, addr := range metadata {
		wantTold(t, container, addr, "web")
		for name, from := range map[string]*nettest.Namespace{"the host": host, "another container": other} {
			if told, err := ask(t, from, addr); err == nil {
				t.Errorf("%s was told %q by %s", name, told, addr)
			}
		}
	}
	if err := state.Put(t.Context(), network.Netns("api", container.Path(), true), nil); !errors.Is(err, network.ErrClaimed) {
		t.Errorf("a second instance in the namespace: %v", err)
	}
	byProcess := fmt.Sprintf("/proc/%d/ns/net", holder(t, container))
	if err := state.Put(t.Context(), network.Netns("api", byProcess, true), nil); !errors.Is(err, network.ErrClaimed) {
		t.Errorf("a second instance in the namespace, by another path: %v", err)
	}
	wantTold(t, container, metadata[0], "web")
	state.Remove("web")
	if got := shown(t, container); got != fresh {
		t.Errorf("lo of the container shows\n%swas\n%s", got, fresh)
	}
	wantRefusedAnyhow(t, container, metadata[0])
}

// holder is the pid of a process in the namespace.
func holder(t *testing.T, ns *nettest.Namespace) int {
	t.Helper()
	cmd := ns.Command(t.Context(), "sleep", "infinity")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	path := fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid)
	eventually(t, "the process is in the namespace", func() bool {
		inside, _ := os.Stat(path)
		outside, _ := os.Stat(ns.Path())
		return os.SameFile(inside, outside)
	})
	return cmd.Process.Pid
}

// TestADeviceInsideANamespace is how Firecracker's jailer keeps a tap.
func TestADeviceInsideANamespace(t *testing.T) {
	host, jail := nettest.New(t), nettest.New(t)
	guest := newGuest(t, jail, "tap0", "10.0.0.5/24")
	state := open(t, host)
	put(t, state, network.Interface("vm", jail.Path(), "tap0", false))
	wantTold(t, guest, metadata[0], "vm")
	if told, err := ask(t, jail, metadata[0]); err == nil {
		t.Errorf("the jail itself was told %q", told)
	}
}

// TestTheHostBesideItsGuests asks itself at an address that its guests' devices have as
// well, whoever was attached first, and whatever is removed meanwhile.
func TestTheHostBesideItsGuests(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	one, two := newGuest(t, host, "tap1", "10.0.0.5/24"), newGuest(t, host, "tap2", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	if told, err := ask(t, host, metadata[0]); err == nil {
		t.Errorf("the host, which is no instance, was told %q", told)
	}
	put(t, state, network.Host("host", false))
	put(t, state, network.Interface("i-2", "", "tap2", false))
	wantTold(t, host, metadata[0], "host")
	host.Run(t, "ip", "address", "del", "169.254.169.254/32", "dev", "lo")
	eventually(t, "the host's address", func() bool { return strings.Contains(shown(t, host), "169.254.169.254") })
	eventually(t, "the host's route", func() bool {
		told, err := ask(t, host, metadata[0])
		return told == "host" && err == nil
	})
	wantTold(t, one, metadata[0], "i-1")
	wantTold(t, two, metadata[0], "i-2")
	state.Remove("host")
	if told, err := ask(t, host, metadata[0]); err == nil {
		t.Errorf("the host, which is no instance any more, was told %q", told)
	}
}

// TestAnUnclaimedDeviceGetsNothing stands beside one that is attached.
func TestAnUnclaimedDeviceGetsNothing(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	guest, stranger := newGuest(t, host, "tap1", "10.0.0.5/24"), newGuest(t, host, "tap2", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	wantTold(t, guest, metadata[0], "i-1")
	wantRefusedAnyhow(t, stranger, metadata[0])
	refused, err := state.Refused()
	if err != nil || refused["stray"] == 0 {
		t.Errorf("nobody counted the stranger: %v, %v", refused, err)
	}
}

// wantRefusedAnyhow takes a reset, an unreachable and silence for a refusal.
func wantRefusedAnyhow(t *testing.T, from *nettest.Namespace, addr string) {
	t.Helper()
	if told, err := ask(t, from, addr); err == nil {
		t.Errorf("%s said %q; want it refused", addr, told)
	}
}

// TestRemovalIsComplete ends what is open, too, and gives the device to the next.
func TestRemovalIsComplete(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	before := host.Run(t, "ip", "-o", "address", "show", "dev", "tap1")
	put(t, state, network.Interface("first", "", "tap1", true))
	wantTold(t, guest, metadata[0], "first")
	state.Remove("first")
	if _, ok := state.Status("first"); ok {
		t.Error("it still has a status")
	}
	if got := host.Run(t, "ip", "-o", "address", "show", "dev", "tap1"); got != before {
		t.Errorf("tap1 shows\n%swas\n%s", got, before)
	}
	if got := host.Run(t, "nft", "list", "ruleset"); got != "" {
		t.Errorf("the kernel still has\n%s", got)
	}
	wantRefusedAnyhow(t, guest, metadata[0])
	put(t, state, network.Interface("second", "", "tap1", true))
	wantTold(t, guest, metadata[0], "second")
}

// TestOpenConnectionsEndWithTheInstance holds one open that is served by nobody.
func TestOpenConnectionsEndWithTheInstance(t *testing.T) {
	host := nettest.New(t)
	var state *network.State
	host.Do(func() {
		var err error
		if state, err = network.New(network.Config{}); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = state.Close(true) }()
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	ended := make(chan error, 1)
	go func() {
		_, err := ask(t, guest, metadata[0]) // until the other side closes
		ended <- err
	}()
	conn, err := state.Listener().Accept()
	if err != nil {
		t.Fatal(err)
	}
	state.Remove("i-1")
	if err := <-ended; err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("our side is still open")
	}
}

// TestTheOldWayIsClosedBeforeTheNewOneIsKnown moves a name from one guest to another. While
// the caller stores that, the name is the other's to him already: a connection of the first
// guest's has ended, though nobody has accepted it yet, and it is let in no more.
func TestTheOldWayIsClosedBeforeTheNewOneIsKnown(t *testing.T) {
	host := nettest.New(t)
	var state *network.State
	host.Do(func() {
		var err error
		if state, err = network.New(network.Config{}); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = state.Close(true) }()
	first, second := newGuest(t, host, "tap1", "10.0.0.5/24"), newGuest(t, host, "tap2", "10.0.0.5/24")
	put(t, state, network.Interface("web", "", "tap1", false))
	told := make(chan string, 2)
	dial := func() {
		said, _ := ask(t, first, metadata[0])
		told <- said
	}
	go dial()
	early, err := state.Listener().Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn)
	err = state.Put(t.Context(), network.Interface("web", "", "tap2", false), func() error {
		if _, err := early.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a connection of before: %v, want that it is closed", err)
		}
		go dial()
		go func() {
			if c, err := state.Listener().Accept(); err == nil {
				accepted <- c
			}
		}()
		select {
		case c := <-accepted:
			t.Errorf("%s is let in by the old way", c.RemoteAddr())
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-told
	<-told      // both have ended
	go func() { // the next is let in
		c := <-accepted
		_, _ = io.WriteString(c, "web")
		_ = c.Close()
		serve(state.Listener())
	}()
	wantTold(t, second, metadata[0], "web")
	full := errors.New("the disk is full")
	if err := state.Put(t.Context(), network.Interface("web", "", "tap1", false), func() error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	wantTold(t, second, metadata[0], "web") // as before
}
