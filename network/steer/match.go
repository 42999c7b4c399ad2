package steer

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Expressions load into registers of 4 bytes, and compare from there. A set with a
// key of several parts compares adjacent registers, so where a part goes matters.
const reg = unix.NFT_REG32_00

// exprs are some expressions of a rule. What does not apply to a packet, as an IP
// address to ARP, ends the rule without effect.
type exprs []expr.Any

// all is the expressions one after the other.
func all(parts ...exprs) exprs { return slices.Concat(parts...) }

// Offsets and lengths of header fields.
var (
	etherDst = field{expr.PayloadBaseLLHeader, 0, 6}
	etherSrc = field{expr.PayloadBaseLLHeader, 6, 6}

	tag     = field{expr.PayloadBaseNetworkHeader, 0, 2} // IEEE 802.1Q, the tag behind the first
	tagType = field{expr.PayloadBaseNetworkHeader, 2, 2} // of what is behind that

	ipVersionAndLength = field{expr.PayloadBaseNetworkHeader, 0, 1} // RFC 791, section 3.1
	ipSrc              = field{expr.PayloadBaseNetworkHeader, 12, 4}
	ipDst              = field{expr.PayloadBaseNetworkHeader, 16, 4}
	ip6Src             = field{expr.PayloadBaseNetworkHeader, 8, 16} // RFC 8200, section 3
	ip6Dst             = field{expr.PayloadBaseNetworkHeader, 24, 16}

	arpSenderMAC = field{expr.PayloadBaseNetworkHeader, 8, 6} // RFC 826
	arpSenderIP  = field{expr.PayloadBaseNetworkHeader, 14, 4}

	srcPort  = field{expr.PayloadBaseTransportHeader, 0, 2} // RFC 9293, section 3.1
	dstPort  = field{expr.PayloadBaseTransportHeader, 2, 2}
	tcpFlags = field{expr.PayloadBaseTransportHeader, 13, 1}

	icmp6Type   = field{expr.PayloadBaseTransportHeader, 0, 1}
	ndTargetIP6 = field{expr.PayloadBaseTransportHeader, 8, 16} // RFC 4861, section 4.4
)

type field struct {
	base        expr.PayloadBase
	offset, len uint32
}

// into loads the field into the register n places behind the first.
func (f field) into(n uint32) exprs {
	return exprs{&expr.Payload{DestRegister: reg + n, Base: f.base, Offset: f.offset, Len: f.len}}
}

// behindTag is the field of a packet that is behind a second tag.
func (f field) behindTag() field {
	f.offset += 4
	return f
}

// is compares the field.
func (f field) is(value []byte) exprs { return all(f.into(0), equal(value)) }

// masked compares some bits of the field.
func (f field) masked(op expr.CmpOp, mask, value []byte) exprs {
	return all(f.into(0), exprs{
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: f.len, Mask: mask, Xor: make([]byte, f.len)},
		&expr.Cmp{Op: op, Register: reg, Data: value},
	})
}

func equal(value []byte) exprs {
	return exprs{&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: value}}
}

func differs(value []byte) exprs {
	return exprs{&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: value}}
}

// between compares, both bounds included.
func between(low, high []byte) exprs {
	return exprs{
		&expr.Cmp{Op: expr.CmpOpGte, Register: reg, Data: low},
		&expr.Cmp{Op: expr.CmpOpLte, Register: reg, Data: high},
	}
}

func meta(key expr.MetaKey, n uint32) exprs {
	return exprs{&expr.Meta{Key: key, Register: reg + n}}
}

// in and notIn look up the key that begins at the first register.
func in(set string) exprs { return exprs{&expr.Lookup{SourceRegister: reg, SetName: set}} }

func notIn(set string) exprs {
	return exprs{&expr.Lookup{SourceRegister: reg, SetName: set, Invert: true}}
}

// known is a port that was added; key names the register of its index.
func known(key expr.MetaKey) exprs { return all(meta(key, 0), in(ports)) }

// noteBridge keeps the bridge of a port in the packet's priority, for the rules that
// follow. nft cannot show a lookup within a key of several parts (1.0.6 aborts), and
// no other field of a packet is as idle: a frame that comes in has none, and
// [forgetBridge] sets it to 0 again. The mark is not for us alone.
func noteBridge(key expr.MetaKey) exprs {
	return all(meta(key, 0), exprs{
		&expr.Lookup{SourceRegister: reg, DestRegister: reg, IsDestRegSet: true, SetName: bridgeOf},
		&expr.Meta{Key: expr.MetaKeyPRIORITY, SourceRegister: true, Register: reg},
	})
}

func forgetBridge() exprs {
	return exprs{
		&expr.Immediate{Register: reg, Data: native(0)},
		&expr.Meta{Key: expr.MetaKeyPRIORITY, SourceRegister: true, Register: reg},
	}
}

// notedBridge loads what noteBridge kept.
func notedBridge() exprs { return meta(expr.MetaKeyPRIORITY, 0) }

// protocol is by EtherType, behind an 802.1Q tag that the kernel has taken off.
func protocol(ethertype uint16) exprs {
	return all(meta(expr.MetaKeyPROTOCOL, 0), equal(network16(ethertype)))
}

// tagged is a second 802.1Q or 802.1ad tag, the first that the kernel has not taken
// off. It is a range, as nft 1.0.6 aborts where it is to show the other form.
func tagged(ethertype uint16) exprs {
	value := network16(ethertype)
	return all(meta(expr.MetaKeyPROTOCOL, 0), between(value, value))
}

// priorityTag is a second tag that stands for no VLAN (VLAN 0). The kernel takes it off
// after all rules for bridges, which have not seen then what is behind it.
func priorityTag(ethertype uint16) exprs {
	return all(tagged(ethertype), tag.masked(expr.CmpOpEq, []byte{0x0f, 0xff}, []byte{0, 0}))
}

// tcp is a segment from or to a port.
func tcp(f field, port uint16) exprs {
	return all(transport(unix.IPPROTO_TCP), f.is(network16(port)))
}

// set writes into the header of a TCP segment, with its checksum.
func (f field) set(value []byte) exprs {
	return exprs{
		&expr.Immediate{Register: reg, Data: value},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: reg, Base: f.base, Offset: f.offset, Len: f.len,
			CsumType: expr.CsumTypeInet, CsumOffset: tcpChecksum,
		},
	}
}

// resets are segments that end a connection, and carry nothing.
var resets = tcpFlags.masked(expr.CmpOpNeq, []byte{1 << 2}, []byte{0})

// goesOn are all segments but the first of a connection, which has SYN, and neither ACK,
// RST nor FIN.
var goesOn = tcpFlags.masked(expr.CmpOpNeq, []byte{0x17}, []byte{0x02})

// tcpChecksum is its place in the header (RFC 9293, section 3.1).
const tcpChecksum = 16

func network16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// transport is by the protocol behind all IPv6 extension headers.
func transport(number byte) exprs { return all(meta(expr.MetaKeyL4PROTO, 0), equal([]byte{number})) }

// extension is an IPv6 extension header that is there, wherever it stands.
func extension(header uint8) exprs {
	return all(exprs{&expr.Exthdr{
		DestRegister: reg, Type: header, Len: 1, Flags: unix.NFT_EXTHDR_F_PRESENT, Op: expr.ExthdrOpIpv6,
	}}, equal([]byte{1}))
}

// ndAll and ndAdvertisement are neighbour discovery (RFC 4861, section 4): ICMPv6 of
// the types 133 to 137, and 136.
var (
	ndAll           = all(icmp6, icmp6Type.into(0), between([]byte{133}, []byte{137}))
	ndAdvertisement = all(icmp6, icmp6Type.is([]byte{136}))

	icmp6 = all(protocol(unix.ETH_P_IPV6), transport(unix.IPPROTO_ICMPV6))
	arp   = protocol(unix.ETH_P_ARP)
)

// ip is what the two versions of IP differ in.
type ip struct {
	version        exprs
	src, dst       field
	addresses      string // the set of those that are ours
	icmp           byte
	nfproto        byte
	members, owned string
}

// Each version in each family, as nft shows it best.
var (
	bridge4 = ip{protocol(unix.ETH_P_IP), ipSrc, ipDst, bridgeAddresses4, unix.IPPROTO_ICMP, unix.NFPROTO_IPV4, members4, owned4}
	bridge6 = ip{protocol(unix.ETH_P_IPV6), ip6Src, ip6Dst, bridgeAddresses6, unix.IPPROTO_ICMPV6, unix.NFPROTO_IPV6, members6, owned6}
	inet4   = ip{family(unix.NFPROTO_IPV4), ipSrc, ipDst, addresses4, unix.IPPROTO_ICMP, unix.NFPROTO_IPV4, "", ""}
	inet6   = ip{family(unix.NFPROTO_IPV6), ip6Src, ip6Dst, addresses6, unix.IPPROTO_ICMPV6, unix.NFPROTO_IPV6, "", ""}
	device4 = ip{protocol(unix.ETH_P_IP), ipSrc, ipDst, deviceAddresses4, unix.IPPROTO_ICMP, unix.NFPROTO_IPV4, "", ""}
	device6 = ip{protocol(unix.ETH_P_IPV6), ip6Src, ip6Dst, deviceAddresses6, unix.IPPROTO_ICMPV6, unix.NFPROTO_IPV6, "", ""}
)

func family(number byte) exprs { return all(meta(expr.MetaKeyNFPROTO, 0), equal([]byte{number})) }

// to and from are the packets for and of a metadata address.
func (v ip) to() exprs { return all(v.version, v.dst.into(0), in(v.addresses)) }

func (v ip) from() exprs { return all(v.version, v.src.into(0), in(v.addresses)) }

// ping is ICMP for a metadata address: echo requests, and errors about our answers.
func (v ip) ping() exprs { return all(v.to(), transport(v.icmp)) }

// member loads (bridge, port, MAC address, IP address), the key of who may ask.
func member(port expr.MetaKey, mac, addr field) exprs {
	return all(notedBridge(), meta(port, 1), mac.into(2), addr.into(4))
}

// mark is the bit of the packet's mark that tells of a member's packet on its way
// from the bridge family to the inet family, and of our answer on its way back. No
// other program sees it set but between these two. Others may use it for packets that are
// not to or from a metadata address, as Cilium does for a part of its identities.
const mark = 1 << 28

func marked(op expr.CmpOp) exprs {
	return all(meta(expr.MetaKeyMARK, 0), exprs{
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: native(mark), Xor: native(0)},
		&expr.Cmp{Op: op, Register: reg, Data: native(mark)},
	})
}

// setMark sets our bit to that of value, and leaves the others.
func setMark(value uint32) exprs {
	return all(meta(expr.MetaKeyMARK, 0), exprs{
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: native(1<<32 - 1 - mark), Xor: native(value)},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg},
	})
}

// fromGuest is the mark, but for the bit that is [mark], of what a guest's own device got
// for a metadata address, until the tables see by which device it comes up: by a VLAN, a
// macvlan, a bond or the like on top of that, it is not the guest's own any more.
const fromGuest = 0x6d726f6c

func isFromGuest() exprs {
	return all(meta(expr.MetaKeyMARK, 0), exprs{
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: native(1<<32 - 1 - mark), Xor: native(0)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: native(fromGuest)},
	})
}

// replaceMark sets all bits but ours to those of value.
func replaceMark(value uint32) exprs {
	return all(meta(expr.MetaKeyMARK, 0), exprs{
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: native(mark), Xor: native(value)},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: reg},
	})
}

func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// counted adds to a counter.
func counted(counter string) exprs {
	return exprs{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: counter}}
}

func jump(chain string) exprs { return exprs{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}} }

func verdict(kind expr.VerdictKind) exprs { return exprs{&expr.Verdict{Kind: kind}} }

func dropped(counter string) exprs { return all(counted(counter), verdict(expr.VerdictDrop)) }
