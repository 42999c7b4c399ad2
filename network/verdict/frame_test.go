package verdict_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// ethernet is a frame with an IP packet of the version that src has.
func ethernet(dst, mac net.HardwareAddr, src netip.Addr, packet []byte) []byte {
	kind := uint16(unix.ETH_P_IP)
	if src.Is6() {
		kind = unix.ETH_P_IPV6
	}
	return slices.Concat(dst, mac, nettest.Uint16(kind), packet)
}

// segment is the first of a connection (RFC 9293), in an IP packet.
func segment(src, dst netip.Addr, srcPort, dstPort uint16) []byte {
	const syn = 2
	tcp := slices.Concat(nettest.Uint16(srcPort), nettest.Uint16(dstPort), nettest.Uint32(1), nettest.Uint32(0), []byte{5 << 4, syn}, nettest.Uint16(64000), nettest.Uint16(0), nettest.Uint16(0))
	binary.BigEndian.PutUint16(tcp[16:], nettest.TransportChecksum(src, dst, unix.IPPROTO_TCP, tcp))
	if src.Is6() {
		return slices.Concat([]byte{0x60, 0, 0, 0}, nettest.Uint16(uint16(len(tcp))), []byte{unix.IPPROTO_TCP, 64}, src.AsSlice(), dst.AsSlice(), tcp)
	}
	head := slices.Concat([]byte{0x45, 0}, nettest.Uint16(uint16(20+len(tcp))), []byte{0, 1, 0x40, 0, 64, unix.IPPROTO_TCP, 0, 0}, src.AsSlice(), dst.AsSlice())
	binary.BigEndian.PutUint16(head[10:], nettest.Checksum(head))
	return append(head, tcp...)
}

// fateOf reads what a frame to the guest says of the connection from port; nothing if
// it is about something else.
func fateOf(frame []byte, port uint16) string {
	packet := frame[14:]
	protocol, payload := packet[9], packet[20:]
	if packet[0]>>4 == 6 {
		protocol, payload = packet[6], packet[40:]
	}
	const syn, ack, rst = 0x02, 0x10, 0x04
	switch {
	case protocol == unix.IPPROTO_ICMP && payload[0] == 3, protocol == unix.IPPROTO_ICMPV6 && payload[0] == 1: // unreachable
		if bytes.Contains(payload, nettest.Uint16(port)) {
			return refused
		}
	case protocol != unix.IPPROTO_TCP || binary.BigEndian.Uint16(payload[2:]) != port:
	case payload[13]&rst != 0:
		return refused
	case payload[13]&(syn|ack) == syn|ack:
		if option := payload[20:24]; option[0] == 2 && binary.BigEndian.Uint16(option[2:]) == servedMSS {
			return served
		}
		return taken
	}
	return ""
}
