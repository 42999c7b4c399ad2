package verdict

import (
	"slices"

	"golang.org/x/sys/unix"
)

// state is what rules may change of a packet, as far as it is known.
type state struct {
	network, transport value // the headers
	mark               value
	connectionMark     value
	exempt             answer // from connection tracking, by a rule
	readdressed        answer // by a rule of ours, as connection tracking notes it
}

const (
	networkLen   = 40 // the larger one, of IPv6 (RFC 8200, section 3)
	transportLen = 20 // of TCP (RFC 9293, section 3.1)
	syn          = 0x02
)

// version is the IP version as netfilter numbers protocols.
func (w *walk) version() byte {
	if w.packet.Src.Is6() || w.packet.Dst.Is6() {
		return unix.NFPROTO_IPV6
	}
	return unix.NFPROTO_IPV4
}

// begin is the packet before the first hook.
func (w *walk) begin() state {
	p := w.packet
	s := state{network: unknown(networkLen), transport: unknown(transportLen), mark: native(0), connectionMark: unknown(4)}
	if p.State == New {
		s.connectionMark = native(0)
	}
	protocol := unknown(1)
	if p.Protocol != 0 {
		protocol = given([]byte{p.Protocol})
	}
	at := headerOf(w.version())
	s.network = s.network.with(0, given(at.first)).with(at.protocol, protocol)
	if p.Src.IsValid() {
		s.network = s.network.with(at.src, given(p.Src.AsSlice()))
	}
	if p.Dst.IsValid() {
		s.network = s.network.with(at.dst, given(p.Dst.AsSlice()))
	}
	if p.SrcPort != 0 {
		s.transport = s.transport.with(0, given(bigEndian(p.SrcPort)))
	}
	if p.DstPort != 0 {
		s.transport = s.transport.with(2, given(bigEndian(p.DstPort)))
	}
	if p.Protocol == unix.IPPROTO_TCP && p.State == New {
		s.transport = s.transport.with(13, given([]byte{syn}))
	}
	return s
}

// header is where a version of IP has what we know (RFC 791, section 3.1, and RFC
// 8200, section 3).
type header struct {
	first                       []byte
	protocol, src, dst, addrLen int
}

func headerOf(version byte) header {
	if version == unix.NFPROTO_IPV6 {
		return header{[]byte{0x60}, 6, 8, 24, 16}
	}
	return header{[]byte{0x45}, 9, 12, 16, 4} // without options
}

// states are all states of connection tracking that the packet may be in at the
// present base chain. Before tracking has seen it, it looks like an invalid one.
func (w *walk) states(s state) State {
	after := w.packet.State
	if after == 0 {
		after = New | Established | Related | Untracked | Invalid
	}
	now := after
	if w.hook == Output || w.hook == Prerouting && !w.loops() {
		switch priority := w.base.turn(); {
		case priority < tracking:
			now = Invalid
		case priority == tracking: // the order of equals is not told
			now |= Invalid
		}
	}
	switch s.exempt {
	case yes:
		return Untracked
	case perhaps:
		return now | Untracked
	default:
		return now
	}
}

// restore gives an answer its port back when the sources of packets are changed.
func (w *walk) restore(s *state, turn int32) {
	if w.packet.Restored == 0 || w.hook != Postrouting || turn < sources {
		return
	}
	restored := *s
	restored.transport = s.transport.with(0, given(bigEndian(w.packet.Restored)))
	if turn == sources { // the order of equals is not told
		restored = *either(s, &restored)
	}
	*s = restored
}

// loops reports whether the packet has come from this machine, so that what was found
// when it was sent still holds.
func (w *walk) loops() bool { return w.packet.In == loopback && slices.Contains(w.way, Output) }

// loopback is the device by which a machine sends to itself.
const loopback = "lo"

// change makes a change to the packet that happens if the rule applies so far.
func (w *walk) change(to state) {
	if w.match == yes {
		w.state = to
	} else {
		w.state = *either(&w.state, &to)
	}
}

// either is a packet in one of two states, of which none may be possible.
func either(a, b *state) *state {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	s := state{
		network: a.network.joined(b.network), transport: a.transport.joined(b.transport),
		mark: a.mark.joined(b.mark), connectionMark: a.connectionMark.joined(b.connectionMark),
		exempt: a.exempt.or(b.exempt), readdressed: a.readdressed.or(b.readdressed),
	}
	return &s
}
