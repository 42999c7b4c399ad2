package network_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// Frames as an attacker makes them, who has no kernel in the way.

var toAll = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// segment is TCP (RFC 9293, section 3.1) between two addresses of one family.
type segment struct {
	src, dst netip.AddrPort
	seq, ack uint32
	flags    byte
	data     []byte
}

const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// bytes is the segment in its IP packet.
func (s segment) bytes() []byte {
	tcp := slices.Concat(nettest.Uint16(s.src.Port()), nettest.Uint16(s.dst.Port()), nettest.Uint32(s.seq), nettest.Uint32(s.ack),
		[]byte{5 << 4, s.flags, 0xff, 0xff, 0, 0, 0, 0}, s.data)
	binary.BigEndian.PutUint16(tcp[16:], nettest.TransportChecksum(s.src.Addr(), s.dst.Addr(), unix.IPPROTO_TCP, tcp))
	return packet(s.src.Addr(), s.dst.Addr(), unix.IPPROTO_TCP, tcp)
}

// packet is IPv4 (RFC 791) or IPv6 (RFC 8200).
func packet(src, dst netip.Addr, protocol byte, payload []byte) []byte {
	if src.Is6() {
		return nettest.IPv6(src, dst, protocol, payload)
	}
	head := slices.Concat([]byte{0x45, 0}, nettest.Uint16(uint16(20+len(payload))), []byte{0, 0, 0, 0, 64, protocol, 0, 0},
		src.AsSlice(), dst.AsSlice())
	binary.BigEndian.PutUint16(head[10:], nettest.Checksum(head))
	return append(head, payload...)
}

// parseSegment reads a frame, if it is TCP without options of IP.
func parseSegment(frame []byte) (s segment, ok bool) {
	var src, dst netip.Addr
	var tcp []byte
	switch {
	case len(frame) >= 54 && binary.BigEndian.Uint16(frame[12:]) == unix.ETH_P_IP && frame[23] == unix.IPPROTO_TCP:
		src, dst = netip.AddrFrom4([4]byte(frame[26:])), netip.AddrFrom4([4]byte(frame[30:]))
		tcp = frame[34:min(len(frame), 14+int(binary.BigEndian.Uint16(frame[16:])))] // Ethernet may pad it
	case len(frame) >= 74 && binary.BigEndian.Uint16(frame[12:]) == unix.ETH_P_IPV6 && frame[20] == unix.IPPROTO_TCP:
		src, dst = netip.AddrFrom16([16]byte(frame[22:])), netip.AddrFrom16([16]byte(frame[38:]))
		tcp = frame[54:]
	default:
		return s, false
	}
	return segment{
		src: netip.AddrPortFrom(src, binary.BigEndian.Uint16(tcp)), dst: netip.AddrPortFrom(dst, binary.BigEndian.Uint16(tcp[2:])),
		seq: binary.BigEndian.Uint32(tcp[4:]), ack: binary.BigEndian.Uint32(tcp[8:]), flags: tcp[13], data: tcp[4*(tcp[12]>>4):],
	}, true
}

// arpClaim is an answer to whoever asked, or to nobody, that ip is at mac (RFC 826).
func arpClaim(ip netip.Addr, mac net.HardwareAddr) []byte {
	return slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 2}, mac, ip.AsSlice(), toAll, ip.AsSlice())
}

// advertisement is arpClaim of IPv6, to all nodes and overriding (RFC 4861, section 4.4).
func advertisement(ip netip.Addr, mac net.HardwareAddr) []byte {
	nodes := netip.IPv6LinkLocalAllNodes()
	message := slices.Concat([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, ip.AsSlice(), []byte{2, 1}, mac)
	binary.BigEndian.PutUint16(message[2:], nettest.TransportChecksum(ip, nodes, unix.IPPROTO_ICMPV6, message))
	return packet(ip, nodes, unix.IPPROTO_ICMPV6, message)
}

// asksFor reports the address whose neighbour a frame looks for, by ARP or by a
// solicitation.
func asksFor(frame []byte) (ip netip.Addr, ok bool) {
	switch {
	case len(frame) >= 42 && binary.BigEndian.Uint16(frame[12:]) == unix.ETH_P_ARP && frame[21] == 1:
		return netip.AddrFrom4([4]byte(frame[38:])), true
	case len(frame) >= 78 && binary.BigEndian.Uint16(frame[12:]) == unix.ETH_P_IPV6 && frame[20] == unix.IPPROTO_ICMPV6 && frame[54] == 135:
		return netip.AddrFrom16([16]byte(frame[62:])), true
	}
	return ip, false
}
