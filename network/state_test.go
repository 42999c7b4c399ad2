package network_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// metadata are the addresses that instances dial.
var metadata = []string{"169.254.169.254:80", "[fd00:ec2::254]:80"}

// open returns a state in the namespace, which tells each connection the name of its
// attachment. It is closed with the test.
func open(t testing.TB, ns *nettest.Namespace) *network.State {
	t.Helper()
	return configured(t, ns, network.Config{})
}

func configured(t testing.TB, ns *nettest.Namespace, c network.Config) (state *network.State) {
	t.Helper()
	ns.Do(func() {
		var err error
		if state, err = network.New(c); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = state.Close(true) })
	go serve(state.Listener())
	return state
}

func put(t testing.TB, state *network.State, a network.Attachment) {
	t.Helper()
	if err := state.Put(t.Context(), a, nil); err != nil {
		t.Fatal(err)
	}
}

// hostServed is a state in the namespace that serves the host.
func hostServed(t *testing.T, ns *nettest.Namespace) *network.State {
	t.Helper()
	state := open(t, ns)
	put(t, state, network.Host("host", true))
	return state
}

// shown is what the ip command says of lo.
func shown(t *testing.T, ns *nettest.Namespace) string {
	t.Helper()
	return ns.Run(t, "ip", "-o", "addr", "show", "dev", "lo")
}

// serve answers each connection with the name of its attachment.
func serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if c, ok := conn.(*network.Conn); ok {
			_, _ = io.WriteString(conn, c.Attachment())
		}
		_ = conn.Close()
	}
}

// ask connects from inside the namespace and returns what it is told. An answer
// takes well below a millisecond here; the time-out stands for packets lost.
func ask(t *testing.T, ns *nettest.Namespace, addr string) (string, error) {
	t.Helper()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	var conn net.Conn
	var err error
	ns.Do(func() { conn, err = dialer.DialContext(t.Context(), "tcp", addr) })
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(dialer.Timeout)); err != nil {
		return "", err
	}
	told, err := io.ReadAll(conn)
	return string(told), err
}

func wantTold(t *testing.T, from *nettest.Namespace, addr, want string) {
	t.Helper()
	if told, err := ask(t, from, addr); told != want || err != nil {
		t.Errorf("%s said %q, %v; want %q", addr, told, err, want)
	}
}

func closeState(t testing.TB, state *network.State, keep bool) {
	t.Helper()
	if err := state.Close(keep); err != nil {
		t.Error(err)
	}
}

func TestTheHostIsAskedByName(t *testing.T) {
	ns := nettest.New(t)
	hostServed(t, ns)
	for _, addr := range metadata {
		wantTold(t, ns, addr, "host")
	}
	if got := shown(t, ns); !strings.Contains(got, "169.254.169.254/32 scope host lo:rolecall") ||
		!strings.Contains(got, "fd00:ec2::254/128") {
		t.Errorf("lo shows\n%s", got)
	}
}

func TestPutIsIdempotentAndMends(t *testing.T) {
	ns := nettest.New(t)
	state := hostServed(t, ns)
	before := shown(t, ns)
	put(t, state, network.Host("host", true))
	if got := shown(t, ns); got != before {
		t.Errorf("lo shows\n%swas\n%s", got, before)
	}
	ns.Run(t, "ip", "addr", "del", "169.254.169.254/32", "dev", "lo")
	put(t, state, network.Host("host", true))
	if !strings.Contains(shown(t, ns), "169.254.169.254/32") {
		t.Errorf("the address did not come back; lo shows\n%s", shown(t, ns))
	}
}

func TestWhatIsNoLongerWantedGoes(t *testing.T) {
	ns := nettest.New(t)
	fresh := shown(t, ns)
	state := hostServed(t, ns)
	put(t, state, network.Host("host", false))
	wantTold(t, ns, metadata[0], "host")
	if strings.Contains(shown(t, ns), "fd00:ec2::254") {
		t.Errorf("lo still shows\n%s", shown(t, ns))
	}
	state.Remove("host")
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
	unbound(t, ns, "0.0.0.0:80") // the listener is closed, or this would fail
	state.Remove("host")         // again is no harm
}

func TestClose(t *testing.T) {
	ns := nettest.New(t)
	ns.Run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo") // somebody else's
	fresh := shown(t, ns)
	state := hostServed(t, ns)
	served := shown(t, ns)
	closeState(t, state, true)
	if got := shown(t, ns); got != served {
		t.Errorf("lo shows\n%swant\n%s", got, served)
	}
	state = hostServed(t, ns) // another process, from here on
	closeState(t, state, false)
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swant\n%s", got, fresh)
	}
	if err := state.Put(t.Context(), network.Host("host", true), nil); err == nil {
		t.Error("a closed state serves again")
	}
}

func TestIPv6ComesAndGoesWithTheSysctl(t *testing.T) {
	ns := nettest.New(t)
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "1")
	state := hostServed(t, ns)
	if status, _ := state.Status("host"); len(status.Served) != 1 {
		t.Fatalf("served at %v without IPv6", status.Served)
	}
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "0")
	put(t, state, network.Host("host", true))
	wantTold(t, ns, metadata[1], "host")
}

func TestCleanupRemovesWhatAKilledProcessLeft(t *testing.T) {
	ns := nettest.New(t)
	ns.Run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo") // somebody else's
	fresh := shown(t, ns)
	cmd, said := start(t, ns, "host")
	if said != "ready" {
		t.Fatal(said)
	}
	kill(cmd)
	if shown(t, ns) == fresh {
		t.Fatal("the killed process left nothing to clean up")
	}
	for _, want := range []int{3, 0} { // two addresses and the tables; nothing the second time
		ns.Do(func() {
			if removed, _, err := network.Cleanup(); len(removed) != want || err != nil {
				t.Errorf("removed %q, %v; want %d things", removed, err, want)
			}
		})
	}
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
}

func TestCloseRemovesWhatAKilledProcessLeftToo(t *testing.T) {
	ns := nettest.New(t)
	fresh := shown(t, ns)
	cmd, said := start(t, ns, "host")
	if said != "ready" {
		t.Fatal(said)
	}
	kill(cmd)
	closeState(t, hostServed(t, ns), false)
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
}

func TestLoopbackLeavesTheNetworkAlone(t *testing.T) {
	ns := nettest.New(t)
	hostServed(t, ns) // another process, serving
	before := shown(t, ns)
	attachment, err := network.Loopback("local", netip.MustParseAddrPort("127.0.0.1:1338"))
	if err != nil {
		t.Fatal(err)
	}
	state := open(t, ns)
	put(t, state, attachment)
	wantTold(t, ns, "127.0.0.1:1338", "local")
	closeState(t, state, false)
	if got := shown(t, ns); got != before {
		t.Errorf("lo shows\n%swas\n%s", got, before)
	}
}

func TestAFailureLeavesAllAsItWas(t *testing.T) {
	ns := nettest.New(t)
	fresh := shown(t, ns)
	var taken net.Listener
	ns.Do(func() {
		var err error
		if taken, err = new(net.ListenConfig).Listen(t.Context(), "tcp6", "[::]:8474"); err != nil { // IPv6 alone: IPv4 goes well before
			t.Fatal(err)
		}
	})
	defer func() { _ = taken.Close() }()
	state := open(t, ns)
	if err := state.Put(t.Context(), network.Host("host", true), nil); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("error %v, want EADDRINUSE", err)
	}
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
	_ = taken.Close()
	unbound(t, ns, "0.0.0.0:8474") // the IPv4 listener is closed, or this would fail
}

// TestTheErrorOfTheCallerTakesEverythingBack refuses an attachment when all of it is
// there, as a full disk does.
func TestTheErrorOfTheCallerTakesEverythingBack(t *testing.T) {
	ns := nettest.New(t)
	fresh := shown(t, ns)
	state := open(t, ns)
	full := errors.New("the disk is full")
	if err := state.Put(t.Context(), network.Host("host", true), func() error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	if _, ok := state.Status("host"); ok || shown(t, ns) != fresh {
		t.Errorf("it is there: %t; lo shows\n%s", ok, shown(t, ns))
	}
	put(t, state, network.Host("host", true))
	if err := state.Put(t.Context(), network.Host("host", false), func() error { return full }); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	wantTold(t, ns, metadata[1], "host") // as before
}

// TestTheErrorOfTheCallerLeavesWhatWasThere, also where the new attachment is by another
// way to the same device, or for the same member of a bridge.
func TestTheErrorOfTheCallerLeavesWhatWasThere(t *testing.T) {
	host, container := nettest.New(t), nettest.New(t)
	newBridge(t, host)
	member, a := newMember(t, host, 5)
	_, b := newMember(t, host, 6)
	moved, port := a, *a.Member
	port.Port = b.Member.Port
	moved.Member = &port
	state := open(t, host)
	put(t, state, a)
	put(t, state, network.Netns("web", container.Path(), false))
	byProcess := network.Netns("web", fmt.Sprintf("/proc/%d/ns/net", holder(t, container)), false)
	full := errors.New("the disk is full")
	for _, next := range []network.Attachment{moved, byProcess} {
		if err := state.Put(t.Context(), next, func() error { return full }); !errors.Is(err, full) {
			t.Errorf("%s: error %v", next.Name, err)
		}
	}
	wantTold(t, member, metadata[0], a.Name)
	wantTold(t, container, metadata[0], "web")
}

// TestNobodyIsLetInBeforeTheCallerAgrees dials while the caller has not yet stored
// what is put: the connection waits, and is served.
func TestNobodyIsLetInBeforeTheCallerAgrees(t *testing.T) {
	ns := nettest.New(t)
	state := open(t, ns)
	told := make(chan string, 1)
	err := state.Put(t.Context(), network.Host("host", false), func() error {
		go func() {
			said, _ := ask(t, ns, metadata[0])
			told <- said
		}()
		select {
		case said := <-told:
			t.Errorf("it was told %q before", said)
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if said := <-told; said != "host" {
		t.Errorf("it was told %q", said)
	}
}
