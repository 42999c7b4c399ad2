package network_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// neighbours returns a host and a guest on one cable; the guest sends packets for
// the metadata addresses to the host, as a malicious neighbour would.
func neighbours(t *testing.T) (host, guest *nettest.Namespace) {
	t.Helper()
	host, guest = nettest.New(t), nettest.New(t)
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "veth0", Addrs: []string{"10.0.0.1/24", "fd00::1/64"}},
		nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.2/24", "fd00::2/64"}})
	guest.Route(t, "169.254.169.254/32", "10.0.0.1")
	guest.Route(t, "fd00:ec2::254/128", "fd00::1")
	return host, guest
}

// unbound listens inside the namespace as a program would that binds to no
// device. That it is reached shows that only the device keeps a guest out.
func unbound(t *testing.T, ns *nettest.Namespace, addr string) {
	t.Helper()
	ns.Do(func() {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go serve(listener)
	})
}

func wantRefused(t *testing.T, from *nettest.Namespace, addr string) {
	t.Helper()
	told, err := ask(t, from, addr)
	if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("%s said %q, %v; want it refused", addr, told, err)
	}
}

func TestANeighbourGetsNothing(t *testing.T) {
	for _, sysctls := range []map[string]string{
		{"net/ipv4/ip_forward": "0", "net/ipv4/conf/all/rp_filter": "0"},
		{"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1", "net/ipv4/conf/all/rp_filter": "0"},
		{"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "2", "net/ipv4/conf/all/route_localnet": "1"},
	} {
		t.Run(fmt.Sprint(sysctls), func(t *testing.T) {
			host, guest := neighbours(t)
			for path, value := range sysctls {
				host.Sysctl(t, path, value)
			}
			// That only we keep the guest out, shows what listens before we do.
			for _, addr := range []string{"169.254.169.254", "fd00:ec2::254"} {
				host.Run(t, "ip", "addr", "add", addr, "dev", "lo", "nodad")
				unbound(t, host, net.JoinHostPort(addr, "81"))
				if _, err := ask(t, guest, net.JoinHostPort(addr, "81")); err != nil {
					t.Errorf("port 81 of %s does not answer the guest: %v", addr, err)
				}
			}
			hostServed(t, host)
			for _, addr := range metadata {
				wantRefused(t, guest, addr)
				if told, err := ask(t, host, addr); told != "host" || err != nil {
					t.Errorf("the host itself was told %q, %v by %s", told, err, addr)
				}
			}
			for _, addr := range []string{"169.254.169.254:81", "[fd00:ec2::254]:81", "169.254.169.254:8474", "[fd00:ec2::254]:8474"} {
				wantRefused(t, guest, addr)
			}
		})
	}
}

func TestLoopbackIsOutOfReachWithRouteLocalnet(t *testing.T) {
	host, guest := neighbours(t)
	host.Sysctl(t, "net/ipv4/conf/all/route_localnet", "1")
	guest.Sysctl(t, "net/ipv4/conf/all/route_localnet", "1")
	guest.Run(t, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
	guest.Route(t, "127.0.0.1/32", "10.0.0.1")

	host.Do(func() {
		listener, err := network.ListenDevice(t.Context(), "lo", netip.MustParseAddrPort("127.0.0.1:8473"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go serve(listener)
	})
	unbound(t, host, "127.0.0.1:81")
	wantRefused(t, guest, "127.0.0.1:8473")
	for from, addr := range map[*nettest.Namespace]string{guest: "127.0.0.1:81", host: "127.0.0.1:8473"} {
		if _, err := ask(t, from, addr); err != nil {
			t.Errorf("%s does not answer: %v", addr, err)
		}
	}
}

func TestListenDeviceWantsADevice(t *testing.T) {
	ns := nettest.New(t)
	const longest = "fifteen-letters" // the kernel cuts what is longer
	nettest.Veth(t, nettest.End{Namespace: ns, Device: longest}, nettest.End{Namespace: ns, Device: "peer"})
	for name, device := range map[string]string{
		"none would be all":                  "",
		"a long name would be another's":     longest + "x",
		"a device that is not there is none": "none",
	} {
		t.Run(name, func(t *testing.T) {
			ns.Do(func() {
				listener, err := network.ListenDevice(t.Context(), device, netip.MustParseAddrPort("127.0.0.1:0"))
				if err == nil {
					_ = listener.Close()
					t.Error("it listens")
				}
			})
		})
	}
}

func TestListenDeviceIsPlainTCP(t *testing.T) { // differs where the kernel has Multipath TCP
	listener, err := network.ListenDevice(t.Context(), "lo", netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		protocol, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if protocol != unix.IPPROTO_TCP || err != nil {
			t.Errorf("the protocol is %d, %v; want %d", protocol, err, unix.IPPROTO_TCP)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestSocketOptions(t *testing.T) {
	ns := nettest.New(t)
	var state *network.State
	ns.Do(func() { state, _ = network.New(network.Config{}) })
	defer func() { _ = state.Close(false) }()
	put(t, state, network.Host("host", false))
	client := make(chan error, 1)
	go func() {
		_, err := ask(t, ns, metadata[0])
		client <- err
	}()
	conn, err := state.Listener().Accept()
	if err != nil {
		t.Fatal(err)
	}
	wantOptions(t, conn.(*network.Conn))
	_ = conn.Close()
	if err := <-client; err != nil {
		t.Error(err)
	}
}

func wantOptions(t *testing.T, socket syscall.Conn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		timeout, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		if timeout != 10_000 || err != nil {
			t.Errorf("TCP_USER_TIMEOUT is %d ms, %v; want 10000", timeout, err)
		}
		device, err := unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
		if device != "lo" || err != nil {
			t.Errorf("the socket is bound to device %q, %v; want lo", device, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
