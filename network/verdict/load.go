package verdict

import (
	"slices"

	"golang.org/x/sys/unix"
)

// meta loads what the kernel knows of a packet beside its headers, or sets it.
func (w *walk) meta(e expression) {
	key := e.number(unix.NFTA_META_KEY)
	if e.has(unix.NFTA_META_SREG) {
		if key == unix.NFT_META_MARK {
			s := w.state
			s.mark = w.get(e.number(unix.NFTA_META_SREG), 4)
			w.change(s)
		}
		return
	}
	w.set(e.number(unix.NFTA_META_DREG), w.metaValue(key))
}

func (w *walk) metaValue(key uint64) value {
	switch key {
	case unix.NFT_META_MARK:
		return w.state.mark
	case unix.NFT_META_IIFNAME:
		return deviceName(w.device(w.packet.In, w.incoming()))
	case unix.NFT_META_OIFNAME:
		return deviceName(w.device(w.packet.Out, w.outgoing()))
	case unix.NFT_META_IIF:
		return w.index(w.device(w.packet.In, w.incoming()))
	case unix.NFT_META_OIF:
		return w.index(w.device(w.packet.Out, w.outgoing()))
	case unix.NFT_META_BRI_IIFNAME:
		return deviceName(w.packet.In)
	case unix.NFT_META_BRI_OIFNAME:
		return deviceName(w.packet.Out)
	case unix.NFT_META_NFPROTO:
		if w.chain.family == unix.NFPROTO_BRIDGE || w.chain.family == unix.NFPROTO_NETDEV {
			return given([]byte{w.chain.family})
		}
		return given([]byte{w.version()})
	case unix.NFT_META_PROTOCOL:
		return given(w.etherType())
	case unix.NFT_META_L4PROTO:
		return w.state.network.at(headerOf(w.version()).protocol, 1)
	case unix.NFT_META_PKTTYPE:
		if w.incoming() && w.packet.In != loopback && w.hook < BridgePrerouting {
			return given([]byte{unix.PACKET_HOST})
		}
	}
	return unknown(16) // the longest
}

func (w *walk) etherType() []byte {
	if w.version() == unix.NFPROTO_IPV6 {
		return bigEndian(unix.ETH_P_IPV6)
	}
	return bigEndian(unix.ETH_P_IP)
}

// incoming and outgoing report whether packets have a device to come from, or to
// leave by, at the present hook.
func (w *walk) incoming() bool {
	return slices.Contains([]Hook{Ingress, Prerouting, Input, Forward, BridgePrerouting, BridgeInput, BridgeForward}, w.hook)
}

func (w *walk) outgoing() bool {
	return slices.Contains([]Hook{Forward, Output, Postrouting, Egress, BridgeForward, BridgeOutput, BridgePostrouting}, w.hook)
}

// device is what a hook calls the device: a bridge's own hooks know its ports.
func (w *walk) device(name string, here bool) string {
	switch {
	case !here:
		return ""
	case w.hook >= BridgePrerouting:
		return w.packet.Port
	}
	return name
}

// deviceName is a name as registers hold it.
func deviceName(name string) value {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return given(b)
}

// index is the number of a device. One that is not there has none that is known.
func (w *walk) index(name string) value {
	index, ok := w.rules.indices[name]
	if name != "" && !ok {
		return unknown(4)
	}
	return native(uint32(index))
}

// load takes bytes from a header.
func (w *walk) load(e expression) answer {
	offset, n := int(e.number(unix.NFTA_PAYLOAD_OFFSET)), int(e.number(unix.NFTA_PAYLOAD_LEN))
	v, match := unknown(n), yes
	switch e.number(unix.NFTA_PAYLOAD_BASE) {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		v = w.state.network.at(offset, n)
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		v = w.state.transport.at(offset, n)
	case unix.NFT_PAYLOAD_LL_HEADER: // of two addresses and the protocol
		v = unknown(14).with(12, given(w.etherType())).at(offset, n)
		if !w.incoming() { // there may be none yet
			match = perhaps
		}
	default: // what the packet may not have
		match = perhaps
	}
	w.set(e.number(unix.NFTA_PAYLOAD_DREG), v)
	return match
}

// write changes a header. A new destination is what others make of it.
func (w *walk) write(e expression) result {
	offset, n := int(e.number(unix.NFTA_PAYLOAD_OFFSET)), int(e.number(unix.NFTA_PAYLOAD_LEN))
	s, v, at := w.state, w.get(e.number(unix.NFTA_PAYLOAD_SREG), n), headerOf(w.version())
	same := yes
	var to string
	switch e.number(unix.NFTA_PAYLOAD_BASE) {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		s.network = s.network.with(offset, v)
		addr := s.network.at(at.dst, at.addrLen)
		if offset < at.dst+at.addrLen && offset+n > at.dst {
			same, to = equal(w.state.network.at(at.dst, at.addrLen), addr), target(addr, value{})
		}
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		s.transport = s.transport.with(offset, v)
		if port := s.transport.at(2, 2); offset < 4 && offset+n > 2 {
			same, to = equal(w.state.transport.at(2, 2), port), target(value{}, port)
		}
	}
	w.change(s)
	r := result{match: yes}
	if w.chain.table.name != ours && same != yes {
		r.decisions = append(r.decisions, decision{fate: Readdressed, to: to})
		if same == perhaps {
			r.decisions = append(r.decisions, decision{code: unix.NFT_CONTINUE})
		}
	}
	return r
}

// extension is an IPv6 extension header or an option. Ordinary packets have none but
// those of TCP.
func (w *walk) extension(e expression) answer {
	switch {
	case e.has(unix.NFTA_EXTHDR_SREG): // it is changed
		return yes
	case e.number(unix.NFTA_EXTHDR_OP) == exthdrTCP:
		w.set(e.number(unix.NFTA_EXTHDR_DREG), unknown(int(e.number(unix.NFTA_EXTHDR_LEN))))
		return perhaps
	case e.number(unix.NFTA_EXTHDR_FLAGS)&unix.NFT_EXTHDR_F_PRESENT != 0:
		w.set(e.number(unix.NFTA_EXTHDR_DREG), given([]byte{0}))
		return yes
	}
	return no
}

// ct loads what connection tracking knows. A packet that is not tracked has a state
// and nothing else.
func (w *walk) ct(e expression) answer {
	if e.has(unix.NFTA_CT_SREG) {
		if e.number(unix.NFTA_CT_KEY) == unix.NFT_CT_MARK {
			s := w.state
			s.connectionMark = w.get(e.number(unix.NFTA_CT_SREG), 4)
			w.change(s)
		}
		return yes
	}
	to, states := e.number(unix.NFTA_CT_DREG), w.states(w.state)
	tracked := only(states, New|Established|Related)
	switch e.number(unix.NFTA_CT_KEY) {
	case unix.NFT_CT_STATE:
		w.set(to, oneOf(states))
		return yes
	case unix.NFT_CT_STATUS:
		w.set(to, w.status())
	case unix.NFT_CT_MARK:
		w.set(to, w.state.connectionMark)
	default:
		w.set(to, unknown(16))
	}
	return tracked
}

// oneOf is a register that holds one of some states.
func oneOf(states State) value {
	var v *value
	for bit := Invalid; bit <= Untracked; bit <<= 1 {
		if states&bit == 0 {
			continue
		}
		is := native(uint32(bit))
		if v != nil {
			is = v.joined(is)
		}
		v = &is
	}
	return *v
}

// ipsDstNAT is IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h).
const ipsDstNAT = 1 << 5

// status is what connection tracking has noted, of which we know whether the packet
// was readdressed: had a rule of another program done it, it would not be here.
func (w *walk) status() value {
	v := unknown(4)
	if w.state.readdressed == perhaps || w.packet.State != New {
		return v
	}
	v.known = native(ipsDstNAT).bits
	if w.state.readdressed == yes {
		v.bits = v.known
	}
	return v
}

// fib asks the routing table, whose answer is known for an address of this machine.
func (w *walk) fib(e expression) answer {
	flags := e.number(unix.NFTA_FIB_FLAGS)
	v := unknown(16)
	if e.number(unix.NFTA_FIB_RESULT) == unix.NFT_FIB_RESULT_ADDRTYPE && w.local(flags&unix.NFTA_FIB_F_DADDR != 0) {
		v = native(unix.RTN_LOCAL)
	}
	w.set(e.number(unix.NFTA_FIB_DREG), v)
	return yes
}

// local reports whether the destination, or the source, is certainly an address of
// this machine.
func (w *walk) local(destination bool) bool {
	if w.packet.In == loopback || w.packet.Out == loopback {
		return true
	}
	if destination {
		return slices.Contains(w.way, Input)
	}
	return slices.Contains(w.way, Output)
}
