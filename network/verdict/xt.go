package verdict

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"

	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// extensionOf returns the name of an extension of iptables, and its settings as far as
// they are understood, and as they are.
func extensionOf(t table, e expression) (name string, info xt.InfoAny, raw []byte) {
	// Matches and targets have the same attributes (enum nft_match_attributes).
	name, raw = e.text(unix.NFTA_MATCH_NAME), e.fields[unix.NFTA_MATCH_INFO]
	info, err := xt.Unmarshal(name, xt.TableFamily(t.family), uint32(e.number(unix.NFTA_MATCH_REV)), bytes.Clone(raw))
	if err != nil {
		info = nil // of a form that is not known
	}
	return name, info, raw
}

// xtMatch is a condition in the form of iptables (iptables-extensions(8)).
func (w *walk) xtMatch(e expression) answer {
	name, info, raw := extensionOf(w.chain.table, e)
	switch i := info.(type) {
	case *xt.Comment:
		return yes
	case *xt.ConntrackMtinfo3:
		return w.xtConntrack(i.MatchFlags, i.InvertFlags, i.StateMask)
	case *xt.ConntrackMtinfo2:
		return w.xtConntrack(i.MatchFlags, i.InvertFlags, i.StateMask)
	case *xt.ConntrackMtinfo1:
		return w.xtConntrack(i.MatchFlags, i.InvertFlags, uint16(i.StateMask))
	case *xt.AddrTypeV1:
		const invertSource, invertDestination = 1, 2
		return min(w.addressType(i.Source, false, i.Flags&invertSource != 0), w.addressType(i.Dest, true, i.Flags&invertDestination != 0))
	case *xt.Tcp:
		return min(w.ports(i.SrcPorts, 0, i.InvFlags&xt.TcpInvSrcPorts != 0), w.ports(i.DstPorts, 2, i.InvFlags&xt.TcpInvDestPorts != 0),
			w.flags(i))
	case *xt.Udp:
		return min(w.ports(i.SrcPorts, 0, i.InvFlags&xt.UdpInvSrcPorts != 0), w.ports(i.DstPorts, 2, i.InvFlags&xt.UdpInvDestPorts != 0))
	}
	switch name {
	case "multiport":
		return w.multiport(raw)
	case "mark":
		return w.markIs(raw)
	case "rt", "frag", "hbh", "dst", "ah", "esp": // which ordinary packets have not
		return no
	}
	return perhaps
}

// What a state may be beside nft's first four (linux/netfilter/xt_conntrack.h).
const xtUntracked, xtDNAT, xtSNAT = 1 << 8, 1 << 7, 1 << 6

// xtConntrack is a state, in numbers of its own, or else what is not known.
func (w *walk) xtConntrack(match, invert, mask uint16) answer {
	in := yes
	states := w.states(w.state)
	if match&uint16(xt.ConntrackState) != 0 {
		wanted := State(mask & 0xf)
		if mask&xtUntracked != 0 {
			wanted |= Untracked
		}
		in = only(states, wanted)
		if mask&(xtDNAT|xtSNAT) != 0 && in == no && only(states, New|Established|Related) != no {
			in = perhaps
		}
		if invert&uint16(xt.ConntrackState) != 0 {
			in = in.not()
		}
	}
	if match&^uint16(xt.ConntrackState|xt.ConntrackStateAlias) != 0 {
		in = min(in, perhaps, only(states, New|Established|Related))
	}
	return in
}

// addressType is a set of types of routes, as bits.
func (w *walk) addressType(types uint16, destination, invert bool) answer {
	if types == 0 {
		return yes
	}
	in := perhaps
	if w.local(destination) {
		in = sure(types&(1<<unix.RTN_LOCAL) != 0)
	}
	if invert {
		return in.not()
	}
	return in
}

func (w *walk) ports(between [2]uint16, offset int, invert bool) answer {
	in := w.state.transport.at(offset, 2).within(bigEndian(between[0]), bigEndian(between[1]))
	if invert {
		return in.not()
	}
	return in
}

func (w *walk) flags(t *xt.Tcp) answer {
	in := w.state.transport.at(13, 1).bitwise([]byte{t.FlagsMask}, []byte{0}).is([]byte{t.FlagsCmp})
	if t.InvFlags&xt.TcpInvFlags != 0 {
		in = in.not()
	}
	if t.Option != 0 {
		in = min(in, perhaps)
	}
	return in
}

// multiport is struct xt_multiport_v1: whose ports, how many, the ports, which of them
// begin a range, and whether it is inverted.
func (w *walk) multiport(raw []byte) answer {
	const most, size = 15, 48
	if len(raw) < size || raw[1] > most {
		return perhaps
	}
	var in answer
	for i := 0; i < int(raw[1]); i++ {
		from := binary.NativeEndian.Uint16(raw[2+2*i:])
		to := from
		if raw[2+2*most+i] != 0 && i+1 < int(raw[1]) {
			i++
			to = binary.NativeEndian.Uint16(raw[2+2*i:])
		}
		if raw[0] != 1 { // source, or either
			in = max(in, w.ports([2]uint16{from, to}, 0, false))
		}
		if raw[0] != 0 { // destination, or either
			in = max(in, w.ports([2]uint16{from, to}, 2, false))
		}
	}
	if raw[size-1] != 0 {
		return in.not()
	}
	return in
}

// markIs is struct xt_mark_mtinfo1: the mark, a mask, and whether it is inverted.
func (w *walk) markIs(raw []byte) answer {
	if len(raw) < 9 {
		return perhaps
	}
	in := w.state.mark.bitwise(raw[4:8], make([]byte, 4)).is(raw[0:4])
	if raw[8] != 0 {
		return in.not()
	}
	return in
}

// harmless are the targets after which the next rule is asked.
var harmless = []string{
	"LOG", "NFLOG", "ULOG", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "SECMARK", "DSCP", "TOS", "ECN",
	"HL", "TTL", "IDLETIMER", "LED", "RATEEST", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TRACE", "CT", "NOTRACK", "MARK",
}

// xtTarget is a verdict, or a change, in the form of iptables.
func (w *walk) xtTarget(e expression) result {
	name, info, raw := extensionOf(w.chain.table, e)
	switch name {
	case "REJECT":
		return fate(Rejected, "")
	case "DNAT":
		return w.readdress(destination(info))
	case "REDIRECT":
		_, port := destination(info)
		return w.redirect(port)
	case "NETMAP":
		if w.hook == Prerouting || w.hook == Output {
			return fate(Readdressed, "")
		}
		return verdict(decision{code: verdictAccept})
	case "SNAT", "MASQUERADE":
		return verdict(decision{code: verdictAccept})
	case "TPROXY":
		return result{perhaps, []decision{{fate: Readdressed, to: "a transparent proxy"}}}
	case "NFQUEUE":
		return fate(Queued, "")
	case "CT", "NOTRACK":
		if name == "NOTRACK" || len(raw) >= 2 && binary.NativeEndian.Uint16(raw)&1 != 0 { // XT_CT_NOTRACK
			w.notrack()
		}
	case "MARK":
		w.setMark(raw)
	case "CONNMARK": // one of the two marks is made of the other
		s := w.state
		s.mark, s.connectionMark = unknown(4), unknown(4)
		w.change(s)
	}
	if slices.Contains(harmless, name) {
		return result{match: yes}
	}
	return result{yes, []decision{{code: verdictAccept}, {fate: Unclear}, {code: unix.NFT_CONTINUE}}}
}

// setMark is struct xt_mark_tginfo2: the mark, and a mask of what it takes the place of.
func (w *walk) setMark(raw []byte) {
	s := w.state
	s.mark = unknown(4)
	if len(raw) >= 8 {
		s.mark = w.state.mark.bitwise(complement(raw[4:8]), raw[0:4])
	}
	w.change(s)
}

func complement(b []byte) []byte {
	b = slices.Clone(b)
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}

// destination is where DNAT and REDIRECT send a packet.
func destination(info xt.InfoAny) (addr, port value) {
	var r xt.NatRange
	switch i := info.(type) {
	case *xt.NatRange2:
		r = i.NatRange
	case *xt.NatRange:
		r = *i
	case *xt.NatIPv4MultiRangeCompat:
		if len(*i) == 0 {
			return unknown(4), unknown(2)
		}
		r = xt.NatRange((*i)[0])
	default:
		return unknown(4), unknown(2)
	}
	if r.Flags&uint(xt.NatRangeMapIPs) != 0 {
		addr = given(addressOf(r.MinIP))
	}
	if r.Flags&uint(xt.NatRangeProtoSpecified) != 0 {
		port = given(bigEndian(r.MinPort))
	}
	return addr, port
}

func addressOf(ip net.IP) []byte {
	if v4 := ip.To4(); v4 != nil {
		return v4
	}
	return ip
}
