package network_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// bare is a frame without its MAC addresses.
type bare struct {
	kind    uint16
	payload []byte
}

// in puts a tag in front (IEEE 802.1Q). VLAN 0 is none, and the tag a priority.
func (b bare) in(kind, vlan uint16) bare {
	return bare{kind, slices.Concat(nettest.Uint16(vlan), nettest.Uint16(b.kind), b.payload)}
}

// fragmentIPv4 is a part of a payload (RFC 791, section 3.2).
func fragmentIPv4(src, dst netip.Addr, payload []byte, from, to int) bare {
	p := packet(src, dst, unix.IPPROTO_TCP, payload[from:to])
	place := uint16(from / 8)
	if to < len(payload) {
		place |= 1 << 13 // more follow
	}
	binary.BigEndian.PutUint16(p[4:], 0x1234)
	binary.BigEndian.PutUint16(p[6:], place)
	return bare{unix.ETH_P_IP, summed(p)}
}

// summed has the checksum of its IPv4 header.
func summed(p []byte) []byte {
	head := p[:4*(p[0]&0x0f)]
	binary.BigEndian.PutUint16(head[10:], 0)
	binary.BigEndian.PutUint16(head[10:], nettest.Checksum(head))
	return p
}

// fragmentIPv6 is that of a payload (RFC 8200, section 4.5) that begins with the header
// next.
func fragmentIPv6(src, dst netip.Addr, next byte, payload []byte, from, to int) bare {
	place := uint16(from)
	if to < len(payload) {
		place |= 1 // more follow
	}
	header := slices.Concat([]byte{next, 0}, nettest.Uint16(place), nettest.Uint32(0x1234))
	return bare{unix.ETH_P_IPV6, packet(src, dst, unix.IPPROTO_FRAGMENT, append(header, payload[from:to]...))}
}

// options is an IPv6 extension header that says nothing (RFC 8200, section 4.2).
func options(next byte, payload []byte) []byte {
	return append([]byte{next, 0, 1, 4, 0, 0, 0, 0}, payload...)
}

// disguises are ways to open a connection that the kernel takes for just that, and not
// everybody who looks at the packets does.
func disguises(from, to netip.AddrPort) map[string][]bare {
	opening := segment{src: from, dst: to, seq: 1000, flags: syn, data: bytes.Repeat([]byte("."), 40)}
	ways := disguisesIPv6
	kind := uint16(unix.ETH_P_IPV6)
	if from.Addr().Is4() {
		ways, kind = disguisesIPv4, unix.ETH_P_IP
	}
	all := ways(from.Addr(), to.Addr(), opening.bytes())
	const c, s = unix.ETH_P_8021Q, unix.ETH_P_8021AD
	plain := bare{kind, opening.bytes()}
	all["as it is"] = []bare{plain}
	all["with a priority"] = []bare{plain.in(c, 0)}
	all["with a provider's priority"] = []bare{plain.in(s, 0)}
	all["with two priorities"] = []bare{plain.in(c, 0).in(c, 0)}
	all["with a priority in a provider's"] = []bare{plain.in(c, 0).in(s, 0)}
	all["with three priorities"] = []bare{plain.in(c, 0).in(c, 0).in(c, 0)}
	return all
}

func disguisesIPv4(src, dst netip.Addr, whole []byte) map[string][]bare {
	tcp := whole[20:]
	cut := func(from, to int) bare { return fragmentIPv4(src, dst, tcp, from, to) }
	options := packet(src, dst, unix.IPPROTO_TCP, append([]byte{1, 1, 1, 0}, tcp...))
	options[0] = 0x46
	return map[string][]bare{
		"in fragments":                     {cut(0, 24), cut(24, len(tcp))},
		"in fragments that cut the header": {cut(0, 8), cut(8, 16), cut(16, len(tcp))},
		"in fragments, the last first":     {cut(24, len(tcp)), cut(0, 24)},
		"in fragments that overlap":        {cut(0, 24), cut(8, len(tcp))},
		"with options":                     {{unix.ETH_P_IP, summed(options)}},
	}
}

func disguisesIPv6(src, dst netip.Addr, whole []byte) map[string][]bare {
	tcp := whole[40:]
	cut := func(next byte, payload []byte, from, to int) bare {
		return fragmentIPv6(src, dst, next, payload, from, to)
	}
	behind := func(header byte, rest []byte) []bare {
		return []bare{{unix.ETH_P_IPV6, packet(src, dst, header, rest)}}
	}
	const none, hops, destination, mobility = unix.IPPROTO_NONE, unix.IPPROTO_HOPOPTS, unix.IPPROTO_DSTOPTS, unix.IPPROTO_MH
	hidden := options(unix.IPPROTO_TCP, tcp)
	return map[string][]bare{
		"in fragments":                           {cut(unix.IPPROTO_TCP, tcp, 0, 24), cut(unix.IPPROTO_TCP, tcp, 24, len(tcp))},
		"in fragments that cut the header":       {cut(unix.IPPROTO_TCP, tcp, 0, 8), cut(unix.IPPROTO_TCP, tcp, 8, 16), cut(unix.IPPROTO_TCP, tcp, 16, len(tcp))},
		"in fragments, the last first":           {cut(unix.IPPROTO_TCP, tcp, 24, len(tcp)), cut(unix.IPPROTO_TCP, tcp, 0, 24)},
		"in one fragment":                        {cut(unix.IPPROTO_TCP, tcp, 0, len(tcp))},
		"in fragments, the first without header": {cut(destination, hidden, 0, 8), cut(destination, hidden, 8, len(hidden))},
		"in fragments, the last one of ICMP":     {cut(unix.IPPROTO_TCP, tcp, 0, 24), cut(unix.IPPROTO_ICMPV6, tcp, 24, len(tcp))},
		"in fragments, the first one of ICMP":    {cut(unix.IPPROTO_ICMPV6, tcp, 0, 8), cut(unix.IPPROTO_TCP, tcp, 8, len(tcp))},
		"behind hop-by-hop options":              behind(hops, hidden),
		"behind destination options":             behind(destination, hidden),
		"behind many options":                    behind(hops, options(destination, options(destination, options(destination, hidden)))),
		"behind no next header":                  behind(none, tcp),
		"behind mobility":                        behind(mobility, tcp),
	}
}
