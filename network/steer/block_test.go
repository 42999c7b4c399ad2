package steer_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// ours is where listeners sit that are not at port 80.
const ours = 8474

var ways = []steer.Way{{Mode: steer.Direct, Containers: true}, {Mode: steer.Rewrite, Port: ours, Containers: true}, {Mode: steer.NAT, Port: ours, Containers: true}}

// block is a host with two guests on devices of their own, who have the same IP and
// MAC address, a neighbour who is no guest, and a listener for itself and each guest.
type block struct {
	host, neighbour *nettest.Namespace
	guests          map[string]*nettest.Namespace // by the host's device
	guard           *steer.Guard
}

func newBlock(t testing.TB, w steer.Way) *block {
	t.Helper()
	return newBlockSaying(t, w, 1)
}

// newBlockSaying has listeners that say the name of their device so many times.
func newBlockSaying(t testing.TB, w steer.Way, times int) *block {
	t.Helper()
	b := &block{host: nettest.New(t), neighbour: nettest.New(t), guests: map[string]*nettest.Namespace{}, guard: steer.Via(w)}
	b.host.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	in(t, b.host, b.guard.Ensure)
	b.join(t, "up", b.neighbour, "192.0.2.1/24", "192.0.2.2/24")
	b.neighbour.Route(t, "169.254.0.0/16", "192.0.2.1")
	b.host.Run(t, "ip", "-6", "route", "add", "unreachable", "default", "from", "fd00:ec2::/116", "dev", "lo")
	for _, device := range []string{"tap1", "tap2"} {
		ns := nettest.New(t)
		b.guests[device] = ns
		b.join(t, device, ns, "10.0.0.1/32", "10.0.0.5/24")
		ns.Run(t, "ip", "link", "set", "eth0", "address", victimMAC.String())
		ns.Run(t, "ip", "route", "add", "169.254.0.0/16", "dev", "eth0")
		ns.Run(t, "ip", "addr", "add", "fd00::5/64", "dev", "eth0", "nodad")
		ns.Run(t, "ip", "route", "add", "fd00:ec2::/32", "dev", "eth0")
		// Guests with the same address differ by the device of the way back; see link.Reply.
		b.host.Run(t, "ip", "-6", "route", "append", "default", "from", "fd00:ec2::/116", "dev", device)
	}
	for _, device := range []string{"lo", "tap1", "tap2"} {
		for _, addr := range link.Served() {
			b.host.Run(t, "ip", "addr", "add", netip.PrefixFrom(addr, addr.BitLen()).String(), "dev", device, "nodad")
		}
		in(t, b.host, func() error {
			if device == "lo" {
				return b.guard.Serve(device)
			}
			return errors.Join(b.guard.Serve(device), b.guard.Refuse(device))
		})
		for _, addr := range listening(w, device) {
			answerTCP(t, b.host, device, addr, strings.Repeat(device, times))
		}
	}
	return b
}

func (b *block) join(t testing.TB, device string, ns *nettest.Namespace, here, there string) {
	t.Helper()
	ns.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	nettest.Veth(t, nettest.End{Namespace: b.host, Device: device, Addrs: []string{here}}, nettest.End{Namespace: ns, Device: "eth0", Addrs: []string{there}})
}

// listening is where the listeners of a device sit.
func listening(w steer.Way, device string) []netip.AddrPort {
	if w.Mode != steer.Direct && device != "lo" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), ours)}
	}
	port := uint16(ours)
	if w.Mode == steer.Direct {
		port = 80
	}
	var all []netip.AddrPort
	for _, addr := range link.Served() {
		all = append(all, netip.AddrPortFrom(addr, port))
	}
	return all
}

// answerTCP says a text to everybody who connects, and ends. An empty device is none.
func answerTCP(t testing.TB, ns *nettest.Namespace, device string, addr netip.AddrPort, text string) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			if device != "" {
				failed = unix.BindToDevice(int(fd), device)
			}
		})
		return errors.Join(err, failed)
	}}
	family := "tcp"
	if device == "" {
		family = map[bool]string{true: "tcp4", false: "tcp6"}[addr.Addr().Is4()]
	}
	var listener net.Listener
	in(t, ns, func() (err error) {
		listener, err = config.Listen(t.Context(), family, addr.String())
		return err
	})
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.WriteString(conn, text)
				_ = conn.Close()
			}()
		}
	}()
}

// hear connects from a port, 0 for any, and returns what is said.
func hear(t testing.TB, ns *nettest.Namespace, to netip.AddrPort, from int) (text string, err error) {
	t.Helper()
	return hearFrom(t, ns, to, &net.TCPAddr{Port: from})
}

func hearFrom(t testing.TB, ns *nettest.Namespace, to netip.AddrPort, from *net.TCPAddr) (string, error) {
	t.Helper()
	conn, err := connect(t, ns, to, from)
	if err != nil {
		return "", err
	}
	return hearAll(conn)
}

func connect(t testing.TB, ns *nettest.Namespace, to netip.AddrPort, from *net.TCPAddr) (conn net.Conn, err error) {
	t.Helper()
	ns.Do(func() {
		dialer := net.Dialer{Timeout: 3 * time.Second, LocalAddr: from}
		conn, err = dialer.DialContext(t.Context(), "tcp", to.String())
	})
	return conn, err
}

// hearAll returns all that is said, and closes the connection.
func hearAll(conn net.Conn) (string, error) {
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	said, err := io.ReadAll(conn)
	return string(said), err
}

func at(addr netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(addr, port) }
