package link_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// open returns events that are closed with the test at the latest.
func open(t *testing.T, ns *nettest.Namespace) (events *link.Events) {
	t.Helper()
	try(t, ns, func() (err error) {
		events, err = link.Open()
		return err
	})
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// next collects what is told until it is enough.
func next(t *testing.T, events *link.Events, what string, enough func(link.Changed) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		changed, err := events.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if changed.Lost {
			t.Fatalf("waiting for %s: changes are lost", what)
		}
		if enough(changed) {
			return
		}
	}
}

// quiet waits until all that was done before is told.
func quiet(t *testing.T, ns *nettest.Namespace, events *link.Events) {
	t.Helper()
	run(t, ns, "ip link add last type bridge; ip link del last")
	gone := false
	for !gone {
		next(t, events, "the last device", func(c link.Changed) bool {
			for _, name := range c.Links {
				gone = gone || name == "last"
			}
			return true
		})
	}
}

func TestEventsTellWhatChanged(t *testing.T) {
	ns := nettest.New(t)
	guest(t, ns, "tap0")
	run(t, ns, "ip link set tap0 addrgenmode none; ip link set tap0 down; ip link set tap0 up") // no fe80:: later on
	index := describe(t, ns, "tap0").Index
	entry := link.Entry{Index: index, Addr: netip.MustParseAddr("10.0.0.5")}
	run(t, ns, "ip addr add 169.254.169.254/32 dev lo")
	events := open(t, ns)
	run(t, ns, "ip link add br0 type bridge")
	br0 := describe(t, ns, "br0").Index
	for _, c := range []struct {
		change string
		told   func(link.Changed) bool
	}{
		{":", func(c link.Changed) bool { return c.Links[br0] == "br0" }},
		{"ip link set tap0 master br0", func(c link.Changed) bool { return c.Links[index] == "tap0" }},
		{"ip link set tap0 nomaster; ip link set tap0 down; ip link set tap0 up", func(c link.Changed) bool { return c.Links[index] == "tap0" }},
		{"ip link set br0 name br1", func(c link.Changed) bool { return c.Links[br0] == "br1" }},
		{"ip link del br1", func(c link.Changed) bool { return c.Links[br0] == "br1" }},
		{"ip addr add 169.254.169.254/32 dev tap0", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip addr add fd00:ec2::254/128 dev tap0 nodad", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip addr del 169.254.169.254/32 dev tap0", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip addr del fd00:ec2::254/128 dev tap0", func(c link.Changed) bool { return c.Addrs[index] }},
		{"sysctl -qw net.ipv4.conf.tap0.rp_filter=1", func(c link.Changed) bool { return c.Addrs[index] }},
		{"sysctl -qw net.ipv4.conf.all.rp_filter=1", func(c link.Changed) bool { return c.Settings }},
		{"ip neigh add 10.0.0.5 lladdr " + mac1 + " dev tap0 nud permanent protocol 84", func(c link.Changed) bool { return c.Entries[entry] }},
		{"ip neigh del 10.0.0.5 dev tap0", func(c link.Changed) bool { return c.Entries[entry] }},
		{"ip route del local 169.254.169.254 dev lo table local", func(c link.Changed) bool { return c.Addrs[1] }},
		{"ip -6 route add default from fd00:ec2::/116 dev tap0 proto 84", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip -6 route del default from fd00:ec2::/116 dev tap0 proto 84", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip route add default dev tap0", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip -6 route add default dev tap0", func(c link.Changed) bool { return c.Addrs[index] }},
		{"ip rule add pref 50 lookup 7", func(c link.Changed) bool { return c.Rules }},
	} {
		run(t, ns, c.change)
		next(t, events, c.change, c.told)
		quiet(t, ns, events)
	}
}

func TestOthersNeighboursAndRoutesAreNotTold(t *testing.T) {
	ns := nettest.New(t)
	guest(t, ns, "tap0")
	index := describe(t, ns, "tap0").Index
	events := open(t, ns)
	quiet(t, ns, events)
	run(t, ns, "ip neigh add 10.0.0.5 lladdr "+mac1+" dev tap0 nud permanent; ip neigh del 10.0.0.5 dev tap0; "+
		"ip route add 10.0.0.0/8 dev tap0; ip -6 route add fd00:7::/64 dev tap0; ip link add end type bridge")
	next(t, events, "the end", func(c link.Changed) bool {
		if c.Addrs[index] || len(c.Entries) > 0 {
			t.Errorf("told %+v", c)
		}
		for _, name := range c.Links {
			if name == "end" {
				return true
			}
		}
		return false
	})
}

func TestAStormOverflowsOnceAndIsResynced(t *testing.T) {
	const pairs = 1000 // two devices each
	ns := nettest.New(t)
	var events *link.Events
	try(t, ns, func() (err error) {
		events, err = link.OpenEvents(1) // the kernel makes it its smallest, some 2 kB
		return err
	})
	defer func() { _ = events.Close() }()
	var batch strings.Builder
	for i := range pairs {
		fmt.Fprintf(&batch, "link add a%d type veth peer name b%d\n", i, i)
	}
	release := events.Hold()
	cmd := ns.Command(t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := events.Resize(1 << 20); err != nil { // so that nothing after the storm is lost
		t.Fatal(err)
	}
	release()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lost, ended := 0, false
	for !ended {
		changed, err := events.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if changed.Lost {
			lost++
			try(t, ns, func() error { // what who is told of a loss does
				devices, err := link.Devices()
				if len(devices) != 2*pairs+1 {
					t.Errorf("%d devices are listed, want %d", len(devices), 2*pairs+1)
				}
				run(t, ns, "ip link add end type bridge")
				return err
			})
		}
		for _, name := range changed.Links {
			ended = ended || name == "end"
		}
	}
	if lost != 1 {
		t.Errorf("Lost was told %d times", lost)
	}
}

func TestNextEndsWithItsContextAndWithClose(t *testing.T) {
	ns := nettest.New(t)
	events := open(t, ns)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	wait := func(ctx context.Context) {
		for {
			if _, err := events.Next(ctx); err != nil {
				result <- err
				return
			}
		}
	}
	go wait(ctx)
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	go wait(t.Context())
	for range 2 {
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-result; !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// A namespace is torn down, and with it the devices in it and their peers, when the
// last who holds it lets go.
func TestClosedEventsLetGoOfTheNamespace(t *testing.T) {
	host := nettest.New(t)
	sleeper := host.Command(t.Context(), "unshare", "--net", "sh", "-c", "echo; exec sleep 1000")
	said, err := sleeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(sleeper.Process.Pid)
	host.Run(t, "ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid)
	var events *link.Events
	within(t, pid, func() {
		if events, err = link.Open(); err != nil {
			t.Fatal(err)
		}
	})
	waiting := make(chan error)
	go func() {
		for {
			if _, err := events.Next(t.Context()); err != nil {
				waiting <- err
				return
			}
		}
	}()
	_ = sleeper.Process.Kill()
	_ = sleeper.Wait()
	describe(t, host, "near") // the events hold the namespace
	_ = events.Close()
	if err := <-waiting; !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v", err)
	}
	until(t, "the peer of a device in the namespace to vanish", func() bool {
		var err error
		host.Do(func() { _, err = link.Describe("near") })
		return errors.Is(err, link.ErrNotFound)
	})
}
