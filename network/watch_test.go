package network_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// patience is how long a test waits for what must come. It is no claim of speed.
const patience = 30 * time.Second

// eventually waits until done.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("this does not come: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAnAddressThatOthersRemoveComesBack(t *testing.T) {
	ns := nettest.New(t)
	hostServed(t, ns)
	for _, address := range []string{"169.254.169.254/32", "fd00:ec2::254/128"} {
		ns.Run(t, "ip", "address", "del", address, "dev", "lo")
		eventually(t, address, func() bool { return strings.Contains(shown(t, ns), address) })
	}
	wantTold(t, ns, metadata[0], "host")
}

func TestWhatWasClosedStaysAway(t *testing.T) {
	ns := nettest.New(t)
	fresh := shown(t, ns)
	state := hostServed(t, ns)
	closeState(t, state, false)
	ns.Run(t, "ip", "address", "add", "192.0.2.1/32", "dev", "lo") // an event, if anybody listened
	ns.Run(t, "ip", "address", "del", "192.0.2.1/32", "dev", "lo")
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%s", got)
	}
}

// TestMendingIsNotHeldUp lets somebody remove one address as fast as it comes back. The
// other must come back all the same.
func TestMendingIsNotHeldUp(t *testing.T) {
	ns := nettest.New(t)
	hostServed(t, ns)
	remover := ns.Command(t.Context(), "/bin/sh", "-c", "while :; do ip address del fd00:ec2::254/128 dev lo 2>/dev/null; done")
	if err := remover.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = remover.Process.Kill(); _ = remover.Wait() }()
	for range 5 {
		ns.Run(t, "ip", "address", "del", "169.254.169.254/32", "dev", "lo")
		eventually(t, "169.254.169.254", func() bool { return strings.Contains(shown(t, ns), "169.254.169.254") })
	}
}

// TestALoThatComesUpIsServed waits for the lo of a container whose runtime has not
// yet brought it up.
func TestALoThatComesUpIsServed(t *testing.T) {
	host, guest := nettest.New(t), nettest.New(t)
	guest.Run(t, "ip", "link", "set", "lo", "down")
	state := open(t, host)
	put(t, state, network.Netns("web", guest.Path(), false))
	if status, _ := state.Status("web"); status.Phase != network.Waiting || !strings.Contains(status.Reason, "link set lo up") {
		t.Errorf("status %+v", status)
	}
	guest.Run(t, "ip", "link", "set", "lo", "up")
	eventually(t, "the container is served", func() bool {
		status, _ := state.Status("web")
		return status.Phase == network.Attached
	})
	wantTold(t, guest, metadata[0], "web")
}
