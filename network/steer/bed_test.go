package steer_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// patience bounds every wait.
const patience = 30 * time.Second

var (
	victimMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 5}
	attackerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 6}
	victimIP    = netip.MustParseAddr("10.0.0.5")
	victimIP6   = netip.MustParseAddr("fd00::5")
	attackerIP  = netip.MustParseAddr("10.0.0.6")
	attackerIP6 = netip.MustParseAddr("fd00::6")
)

// bed is a host with a bridge, which has the metadata addresses.
type bed struct {
	host   *nettest.Namespace
	guard  *steer.Guard
	bridge string
	mac    net.HardwareAddr
}

// newBed has a shared bridge br0 and our tables.
func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{host: nettest.New(t), guard: steer.New(), bridge: "br0"}
	b.host.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	b.mac = net.HardwareAddr{2, 0, 0, 0, 1, 0}
	b.addBridge(t, "br0", b.mac, "10.0.0.1/24", "fd00::1/64")
	b.do(t, func() error { return b.guard.Ensure() })
	b.do(t, func() error { return b.guard.Share("br0") })
	// Tests ask by datagrams, which need no connection; from guests they are refused.
	b.host.Run(t, "nft", "insert rule inet rolecall arrived index 1 udp dport 80 accept")
	return b
}

func (b *bed) addBridge(t *testing.T, name string, mac net.HardwareAddr, addrs ...string) {
	t.Helper()
	// Without an address of its own it would take the lowest of its ports.
	b.host.Run(t, "ip", "link", "add", name, "address", mac.String(), "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
	b.host.Run(t, "ip", "link", "set", name, "up")
	for _, addr := range append(addrs, "169.254.169.254/32", "fd00:ec2::254/128") {
		b.host.Run(t, "ip", "addr", "add", addr, "dev", name)
	}
}

// do calls f inside the host's namespace.
func (b *bed) do(t *testing.T, f func() error) {
	t.Helper()
	in(t, b.host, f)
}

func in(t testing.TB, ns *nettest.Namespace, f func() error) {
	t.Helper()
	ns.Do(func() {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	})
}

func (b *bed) counters(t testing.TB) steer.Counters {
	t.Helper()
	var c steer.Counters
	in(t, b.host, func() (err error) { c, err = b.guard.Counters(); return err })
	return c
}

// guest is a namespace whose eth0 is plugged into a bridge.
type guest struct {
	ns   *nettest.Namespace
	port steer.Port
	name string // of the port
	mac  net.HardwareAddr
	fd   int // sends frames
}

// plug connects a guest, by a port that nobody has told the tables of.
func (b *bed) plug(t *testing.T, name, bridge string, mac net.HardwareAddr, ip, ip6 netip.Addr) *guest {
	t.Helper()
	g := &guest{ns: nettest.New(t), name: name, mac: mac}
	g.ns.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	nettest.Veth(t, nettest.End{Namespace: b.host, Device: name}, nettest.End{Namespace: g.ns, Device: "eth0"})
	g.ns.Run(t, "ip", "link", "set", "eth0", "address", mac.String())
	b.host.Run(t, "ip", "link", "set", name, "master", bridge)
	g.ns.Run(t, "ip", "addr", "add", ip.String()+"/24", "dev", "eth0")
	g.ns.Run(t, "ip", "addr", "add", ip6.String()+"/64", "dev", "eth0")
	g.ns.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	g.ns.Run(t, "ip", "route", "add", "fd00:ec2::254", "dev", "eth0")
	g.port.Index, _ = device(t, b.host, name)
	g.port.Bridge, _ = device(t, b.host, bridge)
	g.fd = packetSocket(t, g.ns, "eth0")
	return g
}

// join plugs a guest in, and adds its port.
func (b *bed) join(t *testing.T, name string, mac net.HardwareAddr, ip, ip6 netip.Addr) *guest {
	t.Helper()
	g := b.plug(t, name, b.bridge, mac, ip, ip6)
	b.do(t, func() error { return b.guard.AddPort(g.port) })
	return g
}

// admit makes a guest a member with these addresses.
func (b *bed) admit(t *testing.T, g *guest, addrs ...netip.Addr) {
	t.Helper()
	for _, addr := range addrs {
		b.do(t, func() error { return b.guard.Admit(steer.Member{Port: g.port, MAC: g.mac, Addr: addr}) })
	}
}

// pair is a bed with a victim and an attacker, both members.
func pair(t *testing.T) (b *bed, victim, attacker *guest) {
	t.Helper()
	b = newBed(t)
	victim = b.join(t, "victim", victimMAC, victimIP, victimIP6)
	attacker = b.join(t, "attacker", attackerMAC, attackerIP, attackerIP6)
	b.admit(t, victim, victimIP, victimIP6)
	b.admit(t, attacker, attackerIP, attackerIP6)
	return b, victim, attacker
}

// send sends a frame as it is.
func (g *guest) send(t testing.TB, frame []byte) {
	t.Helper()
	if len(frame) < 60 { // the least that Ethernet sends
		frame = append(bytes.Clone(frame), make([]byte, 60-len(frame))...)
	}
	if _, err := unix.Write(g.fd, frame); err != nil {
		t.Fatalf("send a frame: %v", err)
	}
}

// ask sends a datagram to port 80 of the metadata address of the same IP version.
func (b *bed) ask(mac net.HardwareAddr, src netip.Addr, text string) []byte {
	if src.Is6() {
		return ethernet(b.mac, mac, unix.ETH_P_IPV6, nettest.IPv6(src, link.MetadataIPv6, unix.IPPROTO_UDP, udp(src, link.MetadataIPv6, text)))
	}
	return ethernet(b.mac, mac, unix.ETH_P_IP, ipv4(src, link.MetadataIPv4, unix.IPPROTO_UDP, nil, udp(src, link.MetadataIPv4, text)))
}

func device(t testing.TB, ns *nettest.Namespace, name string) (int, net.HardwareAddr) {
	t.Helper()
	var found *net.Interface
	in(t, ns, func() (err error) { found, err = net.InterfaceByName(name); return err })
	return found.Index, found.HardwareAddr
}

func packetSocket(t testing.TB, ns *nettest.Namespace, name string) int {
	t.Helper()
	index, _ := device(t, ns, name)
	fd := -1
	in(t, ns, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0x0300) // ETH_P_ALL
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: index})
	})
	return fd
}

// heard keeps what arrived somewhere.
type heard struct {
	mu  sync.Mutex
	all [][]byte
}

func (h *heard) keep(data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, bytes.Clone(data))
}

// has reports whether something with the text arrived.
func (h *heard) has(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, data := range h.all {
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// overhear keeps all frames that a device of the namespace sees.
func overhear(t testing.TB, ns *nettest.Namespace, name string) *heard {
	t.Helper()
	h := new(heard)
	socket := os.NewFile(uintptr(packetSocket(t, ns, name)), "packets")
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		frame := make([]byte, 65536)
		for {
			n, err := socket.Read(frame)
			if err != nil {
				return
			}
			h.keep(frame[:n])
		}
	}()
	return h
}

// serve answers datagrams to a metadata address on a device, port 80, with "answer
// to" before what they said, and keeps them.
func serve(t testing.TB, ns *nettest.Namespace, name string, addr netip.Addr) *heard {
	t.Helper()
	h := new(heard)
	bound := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = unix.BindToDevice(int(fd), name) })
		if err != nil {
			return err
		}
		return failed
	}}
	var socket net.PacketConn
	in(t, ns, func() (err error) {
		socket, err = bound.ListenPacket(t.Context(), "udp", netip.AddrPortFrom(addr, 80).String())
		return err
	})
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.(*net.UDPConn).SetReadBuffer(4 << 20); err != nil { // nothing is lost while we are not scheduled
		t.Fatal(err)
	}
	go func() {
		data := make([]byte, 65536)
		for {
			n, from, err := socket.ReadFrom(data)
			if err != nil {
				return
			}
			h.keep(fmt.Appendf(nil, "%s from %s", data[:n], from))
			_, _ = socket.WriteTo(append([]byte("answer to "), data[:n]...), from)
		}
	}()
	return h
}

// eventually waits for what another goroutine or the kernel brings about.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// rules is what the nft command shows of all tables.
func rules(t testing.TB, ns *nettest.Namespace) string {
	return strings.TrimSpace(ns.Run(t, "nft", "list", "ruleset"))
}
