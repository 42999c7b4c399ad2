package nettest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
)

// What frames are made of, byte by byte, for who sends them past a kernel.

// Uint16 and Uint32 are numbers as the network has them.
func Uint16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// Uint32 is [Uint16] of 4 bytes.
func Uint32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// Checksum is the Internet's (RFC 1071).
func Checksum(data []byte) uint16 {
	var sum uint32
	for pair := range slices.Chunk(append(bytes.Clone(data), make([]byte, len(data)%2)...), 2) {
		sum += uint32(binary.BigEndian.Uint16(pair))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// TransportChecksum is that of TCP, UDP and ICMPv6, over the pseudo-header too (RFC 9293,
// section 3.1; RFC 8200, section 8.1). For IPv4 its sum is the same in this form.
func TransportChecksum(src, dst netip.Addr, protocol byte, payload []byte) uint16 {
	return Checksum(slices.Concat(src.AsSlice(), dst.AsSlice(), Uint32(uint32(len(payload))), Uint32(uint32(protocol)), payload))
}

// IPv6 is a packet (RFC 8200) with the hop limit that neighbour discovery wants.
func IPv6(src, dst netip.Addr, next byte, payload []byte) []byte {
	return slices.Concat([]byte{0x60, 0, 0, 0}, Uint16(uint16(len(payload))), []byte{next, 255},
		src.AsSlice(), dst.AsSlice(), payload)
}
