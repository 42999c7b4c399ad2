package steer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// routed is a host that forwards between a guest's device and a cloud, which has a
// metadata service of its own.
func routed(t *testing.T) (host, guest *nettest.Namespace) {
	t.Helper()
	host, guest, _ = upstream(t)
	return host, guest
}

// upstream is routed, with the cloud and what it hears.
func upstream(t *testing.T) (host, guest *nettest.Namespace, cloud upper) {
	t.Helper()
	host, guest = nettest.New(t), nettest.New(t)
	cloud = upper{Namespace: nettest.New(t)}
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "up", Addrs: []string{"192.0.2.1/24", "2001:db8::1/64"}},
		nettest.End{Namespace: cloud.Namespace, Device: "eth0", Addrs: []string{"192.0.2.2/24", "2001:db8::2/64"}})
	cloud.Run(t, "ip", "addr", "add", "169.254.169.254/32", "dev", "lo")
	cloud.Run(t, "ip", "addr", "add", "fd00:ec2::254/128", "dev", "lo", "nodad")
	cloud.Route(t, "10.0.0.0/24", "192.0.2.1")
	cloud.Route(t, "fd00::/64", "2001:db8::1")
	host.Route(t, "169.254.169.254/32", "192.0.2.2")
	host.Route(t, "fd00:ec2::254/128", "2001:db8::2")
	host.Sysctl(t, "net/ipv4/ip_forward", "1")
	host.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	attach(t, host, guest)
	for _, addr := range []netip.Addr{md4, md6} {
		cloud.heard = append(cloud.heard, serve(t, cloud.Namespace, "eth0", addr))
		accept(t, cloud.Namespace, addr)
	}
	return host, guest, cloud
}

// upper is a cloud.
type upper struct {
	*nettest.Namespace
	heard []*heard
}

func (u upper) has(text string) bool {
	return slices.ContainsFunc(u.heard, func(h *heard) bool { return h.has(text) })
}

// attach gives the guest its device, tap0 on the host.
func attach(t *testing.T, host, guest *nettest.Namespace) {
	t.Helper()
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "tap0", Addrs: []string{"10.0.0.1/24", "fd00::1/64"}},
		nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.2/24", "fd00::2/64"}})
	guest.Route(t, "169.254.169.254/32", "10.0.0.1")
	guest.Route(t, "fd00:ec2::254/128", "fd00::1")
}

// accept is a TCP service that closes every connection.
func accept(t *testing.T, ns *nettest.Namespace, addr netip.Addr) {
	t.Helper()
	var listener net.Listener
	in(t, ns, func() (err error) {
		listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", netip.AddrPortFrom(addr, 80).String())
		return err
	})
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
}

// reach connects by TCP, and asks by UDP: the error, or the answer.
func reach(t *testing.T, ns *nettest.Namespace, addr netip.Addr) (tcp, udp error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	at := netip.AddrPortFrom(addr, 80).String()
	var conn net.Conn
	ns.Do(func() { conn, tcp = new(net.Dialer).DialContext(ctx, "tcp", at) })
	if tcp == nil {
		_ = conn.Close()
	}
	ns.Do(func() { conn, udp = new(net.Dialer).DialContext(ctx, "udp", at) })
	if udp != nil {
		return tcp, udp
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, udp = conn.Write([]byte("who is there")); udp == nil {
		_, udp = conn.Read(make([]byte, 100))
	}
	return tcp, udp
}

func reached(t *testing.T, ns *nettest.Namespace) {
	t.Helper()
	for _, addr := range []netip.Addr{md4, md6} {
		if tcp, udp := reach(t, ns, addr); tcp != nil || udp != nil {
			t.Errorf("%s is not reached: %v, %v", addr, tcp, udp)
		}
	}
}

func refused(t *testing.T, ns *nettest.Namespace) {
	t.Helper()
	for _, addr := range []netip.Addr{md4, md6} {
		tcp, udp := reach(t, ns, addr)
		// ICMP says it to who is behind us, and the system call to who is here.
		prohibited := slices.ContainsFunc([]error{syscall.EHOSTUNREACH, syscall.EACCES, syscall.EPERM}, func(e error) bool { return errors.Is(udp, e) })
		if !errors.Is(tcp, syscall.ECONNREFUSED) || !prohibited {
			t.Errorf("%s: %v, %v; want it refused", addr, tcp, udp)
		}
	}
}

func TestNothingIsForwardedFromAGuardedDevice(t *testing.T) {
	host, guest := routed(t)
	guard := steer.New()
	in(t, host, guard.Ensure)
	reached(t, guest)
	for range 2 {
		in(t, host, func() error { return guard.Guard("tap0") })
	}
	refused(t, guest)
	var counters steer.Counters
	in(t, host, func() (err error) { counters, err = guard.Counters(); return err })
	if counters.Forwarded != 4 {
		t.Errorf("counted %+v, want 4 forwarded", counters)
	}
	reached(t, host) // the host's own cloud

	host.Run(t, "ip", "link", "del", "tap0")
	attach(t, host, guest)
	refused(t, guest)
	for range 2 {
		in(t, host, func() error { return guard.Unguard("tap0") })
	}
	reached(t, guest)
}

func TestAConfinedNamespaceReachesNoOtherService(t *testing.T) {
	_, guest := routed(t)
	inner := nettest.New(t) // a container in the container
	nettest.Veth(t,
		nettest.End{Namespace: guest, Device: "inner", Addrs: []string{"10.0.0.129/25", "fd00::1:1/112"}},
		nettest.End{Namespace: inner, Device: "eth0", Addrs: []string{"10.0.0.130/25", "fd00::1:2/112"}})
	inner.Route(t, "169.254.169.254/32", "10.0.0.129")
	inner.Route(t, "fd00:ec2::254/128", "fd00::1:1")
	guest.Sysctl(t, "net/ipv4/ip_forward", "1")
	guest.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	guest.Sysctl(t, "net/ipv4/conf/eth0/proxy_arp", "1")
	guest.Sysctl(t, "net/ipv6/conf/eth0/proxy_ndp", "1")
	guest.Run(t, "ip", "neigh", "add", "proxy", "fd00::1:2", "dev", "eth0")
	guard := steer.New()
	reached(t, guest)
	reached(t, inner)
	for range 2 {
		in(t, guest, func() error { return guard.Confine(true) })
	}
	confined(t, guest, true)
	refused(t, guest)
	refused(t, inner)
	// What is on lo is reached.
	guest.Run(t, "ip", "addr", "add", "169.254.169.254/32", "dev", "lo")
	accept(t, guest, md4)
	if tcp, _ := reach(t, guest, md4); tcp != nil {
		t.Errorf("our own service is not reached: %v", tcp)
	}
	guest.Run(t, "ip", "addr", "del", "169.254.169.254/32", "dev", "lo")
	for range 2 {
		in(t, guest, func() error { return guard.Confine(false) })
	}
	confined(t, guest, false)
	if got := rules(t, guest); got != "" {
		t.Errorf("left behind:\n%s", got)
	}
	reached(t, guest)
}

func TestConfineLeavesTheOtherChains(t *testing.T) {
	ns := nettest.New(t)
	guard := steer.New()
	in(t, ns, guard.Ensure)
	before := rules(t, ns)
	in(t, ns, func() error { return guard.Confine(true) })
	in(t, ns, guard.Ensure)
	confined(t, ns, true)
	in(t, ns, func() error { return guard.Confine(false) })
	if after := rules(t, ns); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

func confined(t *testing.T, ns *nettest.Namespace, want bool) {
	t.Helper()
	in(t, ns, func() error {
		got, err := steer.New().Confined()
		if got != want {
			return fmt.Errorf("confined %v, %w", got, err)
		}
		return err
	})
}

func TestStrayRequestsAreCounted(t *testing.T) {
	host, guest := nettest.New(t), nettest.New(t)
	attach(t, host, guest)
	guard := steer.New()
	in(t, host, guard.Ensure)
	for _, device := range []string{"lo", "tap0"} {
		host.Run(t, "ip", "addr", "add", "169.254.169.254/32", "dev", device)
		host.Run(t, "ip", "addr", "add", "fd00:ec2::254/128", "dev", device, "nodad")
	}
	stray := func() uint64 {
		var c steer.Counters
		in(t, host, func() (err error) { c, err = guard.Counters(); return err })
		return c.Stray
	}
	for _, ns := range []*nettest.Namespace{host, guest} {
		for _, addr := range []netip.Addr{md4, md6} {
			if tcp, udp := reach(t, ns, addr); tcp == nil || udp == nil {
				t.Fatal("somebody answers")
			}
		}
	}
	if got := stray(); got != 4 {
		t.Errorf("counted %d, want the guest's 4", got)
	}
	in(t, host, func() error { return guard.Serve("tap0") })
	_, _ = reach(t, guest, md4)
	in(t, host, func() error { return guard.Unserve("tap0") })
	_, _ = reach(t, guest, md4)
	if got := stray(); got != 6 {
		t.Errorf("counted %d, want 2 more", got)
	}
}

// childEnv makes the test binary guard a device instead of testing.
const childEnv = "ROLECALL_STEER_TEST_CHILD"

func TestMain(m *testing.M) {
	if device := os.Getenv(childEnv); device != "" {
		guard := steer.New()
		fmt.Println(errors.Join(guard.Ensure(), guard.Guard(device)))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func TestTheGuardSurvivesTheProcess(t *testing.T) {
	host, guest := routed(t)
	child, said := start(t, host, os.Args[0])
	if said != "<nil>\n" {
		t.Fatalf("the child said %q", said)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	refused(t, guest)
	in(t, host, func() error {
		devices, err := steer.New().Guarded()
		if !slices.Equal(devices, []string{"tap0"}) {
			return fmt.Errorf("guarded %v, %w", devices, err)
		}
		return err
	})
	in(t, host, steer.New().Remove)
	reached(t, guest)
}

func TestWithoutTheCapabilityTheErrorNamesIt(t *testing.T) {
	_, said := start(t, nettest.New(t), "setpriv", "--bounding-set=-net_admin", os.Args[0])
	if !strings.Contains(said, "CAP_NET_ADMIN is missing") {
		t.Errorf("the child said %q", said)
	}
}

// start starts a child inside the namespace, which guards tap0, and returns the
// first line that it prints.
func start(t *testing.T, ns *nettest.Namespace, program ...string) (*exec.Cmd, string) {
	t.Helper()
	child := ns.Command(t.Context(), program[0], program[1:]...)
	child.Env = append(os.Environ(), childEnv+"=tap0")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	said, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return child, said
}
