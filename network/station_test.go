package network_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// station speaks on a device below its kernel (packet(7)): it has the addresses that
// it says it has, answers for them, and hears everything.
type station struct {
	t      *testing.T
	socket *os.File
	own    net.HardwareAddr // of the device
	peer   net.HardwareAddr // where its packets go

	mu      sync.Mutex
	heard   [][]byte
	claimed map[netip.Addr]net.HardwareAddr // what it answers for
}

// newStation has the device eth0 of a guest; peer is the other end's address.
func newStation(t *testing.T, guest *nettest.Namespace, peer net.HardwareAddr) *station {
	t.Helper()
	s := &station{t: t, own: macOf(t, guest), peer: peer, claimed: map[netip.Addr]net.HardwareAddr{}}
	s.socket = packetSocket(t, guest, "eth0")
	go s.listen()
	return s
}

// packetSocket sends and hears on a device as it is.
func packetSocket(t *testing.T, ns *nettest.Namespace, device string) (socket *os.File) {
	t.Helper()
	ns.Do(func() {
		d, err := net.InterfaceByName(device)
		if err != nil {
			t.Fatal(err)
		}
		const every = 0x0300 // ETH_P_ALL, in the network's order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, every)
		if err != nil {
			t.Fatal(err)
		}
		socket = os.NewFile(uintptr(fd), "packets")
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: d.Index}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// listen keeps every frame, and answers those who look for an address that it claims.
func (s *station) listen() {
	frame := make([]byte, 65536)
	for {
		n, err := s.socket.Read(frame)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard = append(s.heard, bytes.Clone(frame[:n]))
		ip, _ := asksFor(frame[:n])
		mac := s.claimed[ip]
		s.mu.Unlock()
		if mac != nil {
			s.claim(ip, mac)
		}
	}
}

// claim says to all that ip is at mac, now and whenever it is asked.
func (s *station) claim(ip netip.Addr, mac net.HardwareAddr) {
	s.mu.Lock()
	s.claimed[ip] = mac
	s.mu.Unlock()
	if ip.Is6() {
		s.sendTo(net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, mac, unix.ETH_P_IPV6, advertisement(ip, mac))
		return
	}
	s.sendTo(toAll, mac, unix.ETH_P_ARP, arpClaim(ip, mac))
}

// send sends a segment from mac.
func (s *station) send(mac net.HardwareAddr, seg segment) {
	kind := uint16(unix.ETH_P_IP)
	if seg.src.Addr().Is6() {
		kind = unix.ETH_P_IPV6
	}
	s.sendTo(s.peer, mac, kind, seg.bytes())
}

func (s *station) sendTo(dst, src net.HardwareAddr, kind uint16, payload []byte) {
	frame := slices.Concat(dst, src, nettest.Uint16(kind), payload)
	frame = append(frame, make([]byte, max(0, 60-len(frame)))...) // the least that Ethernet sends
	if _, err := s.socket.Write(frame); err != nil {
		s.t.Errorf("send a frame: %v", err)
	}
}

// find returns the first segment heard that is wanted.
func (s *station) find(wanted func(segment) bool) (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, frame := range s.heard {
		if seg, ok := parseSegment(frame); ok && wanted(seg) {
			return seg, true
		}
	}
	return segment{}, false
}

// await is find, of what comes later.
func (s *station) await(what string, wanted func(segment) bool) (found segment) {
	s.t.Helper()
	eventually(s.t, what, func() (ok bool) {
		found, ok = s.find(wanted)
		return ok
	})
	return found
}

// forget forgets what was heard.
func (s *station) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = nil
}

// ask connects as src, from mac, and returns what it is told: a whole client of TCP,
// that nobody lent the address.
func (s *station) ask(mac net.HardwareAddr, src, dst netip.AddrPort) string {
	s.t.Helper()
	defer s.forget()
	ours := func(flags byte) func(segment) bool {
		return func(seg segment) bool { return seg.src == dst && seg.dst == src && seg.flags&flags == flags }
	}
	s.claim(src.Addr(), mac)
	// As any TCP does, it says again what nothing comes of.
	exchange := func(out segment, wanted byte) (found segment) {
		var sent time.Time
		eventually(s.t, fmt.Sprintf("what follows %+v", out), func() (ok bool) {
			if time.Since(sent) > time.Second {
				s.send(mac, out)
				sent = time.Now()
			}
			found, ok = s.find(ours(wanted))
			return ok
		})
		return found
	}
	opened := exchange(segment{src: src, dst: dst, seq: 1000, flags: syn}, syn|ack)
	last := exchange(segment{src: src, dst: dst, seq: 1001, ack: opened.seq + 1, flags: ack}, fin)
	end := last.seq + uint32(len(last.data)) + 1
	told := make([]byte, end-opened.seq-2)
	s.find(func(seg segment) bool {
		if ours(0)(seg) && len(seg.data) > 0 {
			copy(told[seg.seq-opened.seq-1:], seg.data)
		}
		return false
	})
	s.send(mac, segment{src: src, dst: dst, seq: 1001, ack: end, flags: rst | ack})
	return string(told)
}
