package steer_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// Frames, byte by byte, as an attacker makes them.

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func ethernet(dst, src net.HardwareAddr, ethertype uint16, payload []byte) []byte {
	return slices.Concat(dst, src, nettest.Uint16(ethertype), payload)
}

// tag puts an 802.1Q tag behind the addresses, in front of other tags.
func tag(frame []byte, vlan uint16) []byte {
	return slices.Concat(frame[:12], nettest.Uint16(unix.ETH_P_8021Q), nettest.Uint16(vlan), frame[12:])
}

func ipv4(src, dst netip.Addr, protocol byte, options, payload []byte) []byte {
	return ipv4Fragment(src, dst, protocol, 0, options, payload)
}

// ipv4Fragment has the flags and the offset, in units of 8 bytes, as in the header.
func ipv4Fragment(src, dst netip.Addr, protocol byte, fragment uint16, options, payload []byte) []byte {
	head := slices.Concat(
		[]byte{byte(0x45 + len(options)/4), 0}, nettest.Uint16(uint16(20+len(options)+len(payload))),
		[]byte{0x12, 0x34}, nettest.Uint16(fragment), []byte{64, protocol, 0, 0},
		src.AsSlice(), dst.AsSlice(), options)
	binary.BigEndian.PutUint16(head[10:], nettest.Checksum(head))
	return append(head, payload...)
}

// extension is an IPv6 extension header of 8 bytes.
func extension(next byte, content [6]byte, payload []byte) []byte {
	return slices.Concat([]byte{next, 0}, content[:], payload)
}

// udp is a datagram from port 4000 to port 80.
func udp(src, dst netip.Addr, payload string) []byte {
	datagram := slices.Concat(nettest.Uint16(4000), nettest.Uint16(80), nettest.Uint16(uint16(8+len(payload))), nettest.Uint16(0), []byte(payload))
	if src.Is6() {
		binary.BigEndian.PutUint16(datagram[6:], nettest.TransportChecksum(src, dst, unix.IPPROTO_UDP, datagram))
	}
	return datagram
}

// neighbour is neighbour discovery with a target and a link-layer option, then text.
func neighbour(kind byte, src, dst, target netip.Addr, mac net.HardwareAddr, text string) []byte {
	option := byte(2) // of the target
	if kind == 135 {
		option = 1 // of the source
	}
	message := slices.Concat([]byte{kind, 0, 0, 0, 0x20, 0, 0, 0}, target.AsSlice(), []byte{option, 1}, mac, option253(text))
	binary.BigEndian.PutUint16(message[2:], nettest.TransportChecksum(src, dst, unix.IPPROTO_ICMPV6, message))
	return message
}

// option253 is an experimental option that holds text (RFC 4727).
func option253(text string) []byte {
	option := append([]byte{253, 0}, text...)
	option = append(option, make([]byte, (8-len(option)%8)%8)...)
	option[1] = byte(len(option) / 8)
	return option
}

// arp is a reply to everybody, with text in the padding.
func arp(mac net.HardwareAddr, ip netip.Addr, text string) []byte {
	return slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 2}, mac, ip.AsSlice(), broadcast, ip.AsSlice(), []byte(text))
}
