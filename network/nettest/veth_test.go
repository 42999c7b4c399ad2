package nettest_test

import (
	"io"
	"net"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

func TestVethCarriesBothFamiliesAndRoutes(t *testing.T) {
	host, guest := nettest.New(t), nettest.New(t)
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "up0", Addrs: []string{"10.0.0.1/24", "fd00::1/64", "203.0.113.1/32"}},
		nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.2/24", "fd00::2/64"}})
	guest.Route(t, "203.0.113.1/32", "10.0.0.1")
	for _, addr := range []string{"10.0.0.1:80", "[fd00::1]:80", "203.0.113.1:80"} {
		t.Run(addr, func(t *testing.T) { echo(t, host, guest, addr) })
	}
}

func TestSysctlIsTheNamespacesOwn(t *testing.T) {
	one, other := nettest.New(t), nettest.New(t)
	one.Sysctl(t, "net/ipv4/ip_forward", "1")
	if got := one.Run(t, "cat", "/proc/sys/net/ipv4/ip_forward"); got != "1\n" {
		t.Errorf("ip_forward %q where it was set", got)
	}
	if got := other.Run(t, "cat", "/proc/sys/net/ipv4/ip_forward"); got != "0\n" {
		t.Errorf("ip_forward %q in another namespace", got)
	}
}

// echo sends a byte from client to server.
func echo(t *testing.T, server, client *nettest.Namespace, addr string) {
	t.Helper()
	var listener net.Listener
	var conn net.Conn
	var err error
	server.Do(func() { listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client.Do(func() { conn, err = new(net.Dialer).DialContext(t.Context(), "tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	_ = accepted.Close()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "x" {
		t.Errorf("read %q, %v", got, err)
	}
	_ = conn.Close()
}
