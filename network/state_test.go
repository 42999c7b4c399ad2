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

// apply applies inside the namespace. What is open is closed with the test.
func apply(t *testing.T, ns *nettest.Namespace, state *network.State, want ...network.Attachment) []*network.Listener {
	t.Helper()
	opened, err := tryApply(t, ns, state, want...)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func tryApply(t *testing.T, ns *nettest.Namespace, state *network.State, want ...network.Attachment) (opened []*network.Listener, err error) {
	t.Helper()
	ns.Do(func() { opened, err = state.Apply(t.Context(), want) })
	t.Cleanup(func() { _ = state.Close(true) })
	return opened, err
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

// closed reports whether the listener is closed, without waiting on it.
func closed(l *network.Listener) bool {
	return errors.Is(l.Listener.(*net.TCPListener).SetDeadline(time.Time{}), net.ErrClosed)
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
	told, err := io.ReadAll(conn)
	return string(told), err
}

func TestTheHostIsAskedByName(t *testing.T) {
	ns := nettest.New(t)
	for _, listener := range apply(t, ns, network.New(nil), network.Host(true)) {
		go serve(listener)
	}
	for _, addr := range metadata {
		if told, err := ask(t, ns, addr); told != "host" || err != nil {
			t.Errorf("%s said %q, %v; want the attachment's name", addr, told, err)
		}
	}
	if got := shown(t, ns); !strings.Contains(got, "169.254.169.254/32 scope host lo:rolecall") ||
		!strings.Contains(got, "fd00:ec2::254/128") {
		t.Errorf("lo shows\n%s", got)
	}
}

func TestApplyIsIdempotentAndMends(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	apply(t, ns, state, network.Host(true))
	before := shown(t, ns)
	if opened := apply(t, ns, state, network.Host(true)); len(opened) != 0 || shown(t, ns) != before {
		t.Errorf("a second Apply opened %d listeners; lo shows\n%s", len(opened), shown(t, ns))
	}
	ns.Run(t, "ip", "addr", "del", "169.254.169.254/32", "dev", "lo")
	apply(t, ns, state, network.Host(true))
	if !strings.Contains(shown(t, ns), "169.254.169.254/32") {
		t.Errorf("the address did not come back; lo shows\n%s", shown(t, ns))
	}
}

func TestWhatIsNoLongerWantedGoes(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	fresh := shown(t, ns)
	opened := apply(t, ns, state, network.Host(true))
	apply(t, ns, state, network.Host(false))
	if !closed(opened[1]) || closed(opened[0]) {
		t.Error("want the IPv6 listener closed, and it alone")
	}
	go serve(opened[0])
	if told, err := ask(t, ns, metadata[0]); told != "host" || err != nil {
		t.Errorf("IPv4 said %q, %v", told, err)
	}
	if strings.Contains(shown(t, ns), "fd00:ec2::254") {
		t.Errorf("lo still shows\n%s", shown(t, ns))
	}
	apply(t, ns, state)
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
}

func TestClose(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	ns.Run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo") // somebody else's
	fresh := shown(t, ns)
	opened := apply(t, ns, state, network.Host(true))
	served := shown(t, ns)
	closeState := func(keep bool, want string) {
		t.Helper()
		ns.Do(func() {
			if err := state.Close(keep); err != nil {
				t.Error(err)
			}
		})
		if got := shown(t, ns); got != want {
			t.Errorf("lo shows\n%swant\n%s", got, want)
		}
	}
	closeState(true, served)
	if !closed(opened[0]) || !closed(opened[1]) {
		t.Error("a listener is still open")
	}
	closeState(false, fresh)
	apply(t, ns, network.New(nil), network.Host(true)) // another process, from here on
	closeState(false, served)
}

func TestIPv6ComesAndGoesWithTheSysctl(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "1")
	if opened := apply(t, ns, state, network.Host(true)); len(opened) != 1 {
		t.Fatalf("%d listeners without IPv6, want 1", len(opened))
	}
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "0")
	opened := apply(t, ns, state, network.Host(true))
	if len(opened) != 1 || opened[0].Addr().String() != metadata[1] {
		t.Fatalf("opened %v with IPv6 back, want %s", opened, metadata[1])
	}
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
	for _, want := range []string{"[169.254.169.254 fd00:ec2::254]", "[]"} { // nothing the second time
		ns.Do(func() {
			if removed, err := network.Cleanup(); fmt.Sprint(removed) != want || err != nil {
				t.Errorf("removed %v, %v; want %s", removed, err, want)
			}
		})
	}
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
}

func TestCloseRemovesWhatAKilledProcessLeftToo(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	fresh := shown(t, ns)
	cmd, said := start(t, ns, "host")
	if said != "ready" {
		t.Fatal(said)
	}
	kill(cmd)
	apply(t, ns, state, network.Host(true))
	ns.Do(func() {
		if err := state.Close(false); err != nil {
			t.Error(err)
		}
	})
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
}

func TestLoopbackLeavesTheNetworkAlone(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	apply(t, ns, network.New(nil), network.Host(true)) // another process, serving
	before := shown(t, ns)
	attachment, err := network.Loopback(netip.MustParseAddrPort("127.0.0.1:1338"))
	if err != nil {
		t.Fatal(err)
	}
	for _, listener := range apply(t, ns, state, attachment) {
		go serve(listener)
	}
	if told, err := ask(t, ns, "127.0.0.1:1338"); told != "host" || err != nil {
		t.Errorf("it said %q, %v", told, err)
	}
	ns.Do(func() {
		if err := state.Close(false); err != nil {
			t.Error(err)
		}
	})
	if got := shown(t, ns); got != before {
		t.Errorf("lo shows\n%swas\n%s", got, before)
	}
}

func TestAFailureLeavesAllAsItWas(t *testing.T) {
	ns, state := nettest.New(t), network.New(nil)
	fresh := shown(t, ns)
	var taken net.Listener
	ns.Do(func() {
		var err error
		if taken, err = new(net.ListenConfig).Listen(t.Context(), "tcp6", "[::]:80"); err != nil { // IPv6 alone: IPv4 goes well before
			t.Fatal(err)
		}
	})
	defer func() { _ = taken.Close() }()
	if _, err := tryApply(t, ns, state, network.Host(true)); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("error %v, want EADDRINUSE", err)
	}
	if got := shown(t, ns); got != fresh {
		t.Errorf("lo shows\n%swas\n%s", got, fresh)
	}
	ns.Do(func() {
		free, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "0.0.0.0:80")
		if err != nil {
			t.Fatalf("the IPv4 listener was left open: %v", err)
		}
		_ = free.Close()
	})
}
