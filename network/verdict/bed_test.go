package verdict_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/verdict"
)

var (
	md4, md6       = netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")
	guest4, guest6 = netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")
)

// What becomes of a request, as the guest sees it.
const (
	served  = "served"               // our listener answers
	taken   = "answered by another"  // another listener does
	refused = "refused"              // there is an error: a reset, or ICMP
	silent  = "silently disposed of" // nothing comes, and all that could come has come
)

// servedPort is that of our listener, takenPort that of another program.
const (
	servedPort = 8474
	takenPort  = 8181
)

// The listeners are told apart by the segment size that they announce.
const (
	servedMSS = 1000
	takenMSS  = 1100
)

// bed is a host with tap0, behind which there is a guest. On tap0 are the metadata
// addresses, with our listener, and another program listens everywhere.
type bed struct {
	host, guest           *nettest.Namespace
	hostSocket, guestSock int
	hostMAC, guestMAC     net.HardwareAddr
	port                  uint16 // the guest's, of the last connection
	from                  uint16 // where our listener is that answers
	restored              uint16 // what is made of that, if it is NAT
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{host: nettest.New(t), guest: nettest.New(t), port: 20000, from: servedPort}
	for _, setting := range []string{"net/ipv4/icmp_ratelimit", "net/ipv6/icmp/ratelimit"} {
		b.host.Sysctl(t, setting, "0") // every error is sent
	}
	nettest.Veth(t,
		nettest.End{Namespace: b.host, Device: "tap0", Addrs: []string{md4.String() + "/32", md6.String() + "/128", "10.0.0.1/24", "fd00::1/64"}},
		nettest.End{Namespace: b.guest, Device: "eth0", Addrs: []string{guest4.String() + "/24", guest6.String() + "/64"}})
	b.hostSocket, b.hostMAC = packets(t, b.host, "tap0")
	b.guestSock, b.guestMAC = packets(t, b.guest, "eth0")
	for _, addr := range []string{guest4.String(), guest6.String()} {
		b.host.Run(t, "ip", "neigh", "replace", addr, "lladdr", b.guestMAC.String(), "dev", "tap0", "nud", "permanent")
	}
	for _, addr := range []netip.Addr{md4, md6} {
		b.listen(t, netip.AddrPortFrom(addr, servedPort), servedMSS)
	}
	b.listen(t, netip.AddrPortFrom(netip.IPv6Unspecified(), takenPort), takenMSS) // of both versions
	return b
}

func (b *bed) listen(t *testing.T, addr netip.AddrPort, mss int) {
	t.Helper()
	b.listenOn(t, "tap0", addr, mss)
}

func (b *bed) listenOn(t *testing.T, device string, addr netip.AddrPort, mss int) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) {
			err = errors.Join(unix.BindToDevice(int(fd), device), unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, mss))
		}), err)
	}}
	b.host.Do(func() {
		listener, err := config.Listen(context.Background(), "tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
	})
}

// packets opens a socket that hears all frames of a device.
func packets(t *testing.T, ns *nettest.Namespace, device string) (fd int, mac net.HardwareAddr) {
	t.Helper()
	ns.Do(func() {
		d, err := net.InterfaceByName(device)
		if err != nil {
			t.Fatal(err)
		}
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			t.Fatal(err)
		}
		wait := unix.Timeval{Sec: 30}
		err = errors.Join(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: d.Index}),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait))
		if err != nil {
			t.Fatal(err)
		}
		mac = d.HardwareAddr
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd, mac
}

// load gives the host the rules of an nft script and no others.
func (b *bed) load(t *testing.T, rules string) {
	t.Helper()
	b.restore(t, "flush ruleset\n"+rules, "nft", "-f", "-")
}

// restore feeds a program that makes rules.
func (b *bed) restore(t *testing.T, input, program string, args ...string) {
	t.Helper()
	cmd := b.host.Command(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", program, err, out, input)
	}
}

func (b *bed) read(t *testing.T) *verdict.Ruleset {
	t.Helper()
	var rules *verdict.Ruleset
	b.host.Do(func() {
		var err error
		if rules, err = verdict.Read(); err != nil {
			t.Fatal(err)
		}
	})
	return rules
}

// try sends the guest's first packet of a new connection, and says what became of it.
// It waits for no time: the frame that follows each is heard when all that the one
// before led to has happened, as frames on one processor keep their order.
func (b *bed) try(t *testing.T, src, dst netip.Addr, srcPort, dstPort uint16) string {
	t.Helper()
	defer onOneProcessor(t)()
	b.send(t, b.guestSock, ethernet(b.hostMAC, b.guestMAC, src, segment(src, dst, srcPort, dstPort)))
	b.passes(t, b.guestSock, b.hostSocket, b.hostMAC, b.guestMAC)
	answers := b.passes(t, b.hostSocket, b.guestSock, b.guestMAC, b.hostMAC)
	for _, frame := range answers {
		if fate := fateOf(frame, srcPort); fate != "" {
			return fate
		}
	}
	return silent
}

// passes sends a frame from one end to the other, and returns all that arrived there
// before.
func (b *bed) passes(t *testing.T, from, to int, dst, src net.HardwareAddr) [][]byte {
	t.Helper()
	const experimental = 0x88b5 // IEEE 802, for what nobody else uses
	mark := append(append(append([]byte{}, dst...), src...), nettest.Uint16(experimental)...)
	b.send(t, from, append(mark, make([]byte, 46)...))
	var heard [][]byte
	for {
		frame := make([]byte, 2000)
		n, sender, err := unix.Recvfrom(to, frame, 0)
		if err != nil {
			t.Fatalf("hear a frame: %v", err)
		}
		if sender.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if binary.BigEndian.Uint16(frame[12:]) == experimental {
			return heard
		}
		heard = append(heard, frame[:n])
	}
}

func (b *bed) send(t *testing.T, fd int, frame []byte) {
	t.Helper()
	if _, err := unix.Write(fd, frame); err != nil {
		t.Fatalf("send a frame: %v", err)
	}
}

// onOneProcessor keeps this goroutine on the processor that it runs on.
func onOneProcessor(t *testing.T) func() {
	t.Helper()
	runtime.LockOSThread()
	var before, one unix.CPUSet
	var cpu int
	err := unix.SchedGetaffinity(0, &before)
	for ; cpu < len(before)*64 && !before.IsSet(cpu); cpu++ {
	}
	one.Set(cpu)
	if err = errors.Join(err, unix.SchedSetaffinity(0, &one)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.SchedSetaffinity(0, &before); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	}
}
