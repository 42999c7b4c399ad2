package verdict

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// nat is a new source, which does not matter to us, or a new destination.
func (w *walk) nat(e expression) result {
	if e.number(unix.NFTA_NAT_TYPE) != unix.NFT_NAT_DNAT {
		return verdict(decision{code: verdictAccept})
	}
	var addr value
	if e.has(unix.NFTA_NAT_REG_ADDR_MIN) {
		n := 4
		if e.number(unix.NFTA_NAT_FAMILY) == unix.NFPROTO_IPV6 {
			n = 16
		}
		addr = w.get(e.number(unix.NFTA_NAT_REG_ADDR_MIN), n)
	}
	return w.readdress(addr, w.port(e, unix.NFTA_NAT_REG_PROTO_MIN))
}

// port is the port in the register that an attribute names, if there is one.
func (w *walk) port(e expression, kind uint16) value {
	if !e.has(kind) {
		return value{}
	}
	return w.get(e.number(kind), 2)
}

// redirect is to this machine itself: to the first address of the device.
func (w *walk) redirect(port value) result {
	return w.readdress(unknown(headerOf(w.version()).addrLen), port)
}

// readdress gives the packet a new address, a new port, or both.
func (w *walk) readdress(addr, port value) result {
	at := headerOf(w.version())
	accept := verdict(decision{code: verdictAccept})
	if w.chain.table.name == ours {
		s := w.state
		s.readdressed = yes
		if equal(addr, addr) == yes {
			s.network = s.network.with(at.dst, addr)
		}
		s.transport = s.transport.with(2, port)
		w.change(s)
		return accept
	}
	same := yes
	if len(addr.bits) > 0 {
		same = equal(w.state.network.at(at.dst, at.addrLen), addr)
	}
	if len(port.bits) > 0 {
		same = min(same, equal(w.state.transport.at(2, 2), port))
	}
	switch same {
	case yes:
		return accept
	case perhaps:
		return result{yes, append(accept.decisions, decision{fate: Readdressed, to: target(addr, port)})}
	default:
		return fate(Readdressed, target(addr, port))
	}
}

func equal(a, b value) answer {
	if !bytes.Equal(b.known, given(b.bits).known) {
		return perhaps
	}
	if len(a.bits) != len(b.bits) {
		return no
	}
	return a.is(b.bits)
}

// target is how people write the destination. What is not known is left out.
func target(addr, port value) string {
	text := ""
	if a, ok := netip.AddrFromSlice(addr.bits); ok && equal(addr, addr) == yes {
		text = a.String()
		if a.Is6() && len(port.bits) > 0 {
			text = "[" + text + "]"
		}
	}
	if n := portOf(port); n != 0 {
		text += ":" + strconv.Itoa(int(n))
	}
	return text
}

// portOf is a port that is known, or 0.
func portOf(v value) uint16 {
	if len(v.bits) != 2 || equal(v, v) != yes {
		return 0
	}
	return binary.BigEndian.Uint16(v.bits)
}
