package verdict

import (
	"golang.org/x/sys/unix"
)

// registersLen is 16 registers of 4 bytes, or 4 of 16: the same memory.
const registersLen = 64

// The verdicts of netfilter (linux/netfilter.h); the other is NF_DROP.
const (
	verdictAccept = 1 // NF_ACCEPT
	verdictQueue  = 3 // NF_QUEUE, in the lower bits
)

// result is what an expression says: whether the rule still applies, and the verdicts
// that it may come to.
type result struct {
	match     answer
	decisions []decision
}

func verdict(d decision) result { return result{yes, []decision{d}} }

func fate(f Fate, to string) result { return verdict(decision{fate: f, to: to}) }

// register is where a register begins, by the kernel's number. The first is for
// verdicts, and negative here.
func register(number uint64) int {
	if number >= unix.NFT_REG32_00 {
		return int(number-unix.NFT_REG32_00) * 4
	}
	return int(number)*16 - 16
}

func (w *walk) get(number uint64, n int) value { return w.registers.at(max(0, register(number)), n) }

func (w *walk) set(number uint64, v value) {
	w.registers = w.registers.with(max(0, register(number)), v.padded())
}

// step carries out one expression, by the kernel's name for it.
func (w *walk) step(e expression) result {
	switch e.name {
	case "immediate":
		return w.immediate(e)
	case "meta":
		w.meta(e)
	case "payload":
		if e.has(unix.NFTA_PAYLOAD_SREG) {
			return w.write(e)
		}
		return result{match: w.load(e)}
	case "exthdr":
		return result{match: w.extension(e)}
	case "ct":
		return result{match: w.ct(e)}
	case "fib":
		return result{match: w.fib(e)}
	case "cmp":
		return result{match: w.compare(e)}
	case "range":
		return result{match: w.between(e)}
	case "bitwise":
		w.bitwise(e)
	case "byteorder":
		w.byteorder(e)
	case "lookup":
		return w.lookup(e)
	case "match":
		return result{match: w.xtMatch(e)}
	case "target":
		return w.xtTarget(e)
	case "nat":
		return w.nat(e)
	case "redir":
		return w.redirect(w.port(e, unix.NFTA_REDIR_REG_PROTO_MIN))
	case "masq":
		return verdict(decision{code: verdictAccept})
	case "reject":
		return fate(Rejected, "")
	case "queue":
		return fate(Queued, "")
	case "fwd":
		return fate(Readdressed, "another device")
	case "tproxy": // where a socket is found for it
		return result{perhaps, []decision{{fate: Readdressed, to: "a transparent proxy"}}}
	case "synproxy":
		return result{perhaps, []decision{{fate: Queued}}}
	case "notrack":
		w.notrack()
	case "dynset":
		return result{match: w.dynset(e)}
	case "objref":
		return result{match: w.object(e)}
	case "counter", "log", "last", "dup", "flow_offload", "secmark":
	default: // what it loads, and whether the rule still applies, is not known
		w.registers = unknown(registersLen)
		return result{match: perhaps}
	}
	return result{match: yes}
}

func (w *walk) immediate(e expression) result {
	if d, ok := e.decision(unix.NFTA_IMMEDIATE_DATA); ok {
		return verdict(d)
	}
	w.set(e.number(unix.NFTA_IMMEDIATE_DREG), given(e.value(unix.NFTA_IMMEDIATE_DATA)))
	return result{match: yes}
}

func (w *walk) compare(e expression) answer {
	data := e.value(unix.NFTA_CMP_DATA)
	v := w.get(e.number(unix.NFTA_CMP_SREG), len(data))
	switch e.number(unix.NFTA_CMP_OP) {
	case unix.NFT_CMP_EQ:
		return v.is(data)
	case unix.NFT_CMP_NEQ:
		return v.is(data).not()
	case unix.NFT_CMP_LT:
		return v.below(data, false)
	case unix.NFT_CMP_LTE:
		return v.below(data, true)
	case unix.NFT_CMP_GT:
		return v.below(data, true).not()
	case unix.NFT_CMP_GTE:
		return v.below(data, false).not()
	}
	return perhaps
}

func (w *walk) between(e expression) answer {
	from, to := e.value(unix.NFTA_RANGE_FROM_DATA), e.value(unix.NFTA_RANGE_TO_DATA)
	in := w.get(e.number(unix.NFTA_RANGE_SREG), len(from)).within(from, to)
	if e.number(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ {
		return in.not()
	}
	return in
}

// bitwise is with a mask and what is inverted. Shifts, and what combines registers,
// leave behind what is not known.
func (w *walk) bitwise(e expression) {
	n := int(e.number(unix.NFTA_BITWISE_LEN))
	v := w.get(e.number(unix.NFTA_BITWISE_SREG), n)
	mask, xor := e.value(unix.NFTA_BITWISE_MASK), e.value(unix.NFTA_BITWISE_XOR)
	if len(mask) != n || len(xor) != n {
		v = unknown(n)
	} else {
		v = v.bitwise(mask, xor)
	}
	w.set(e.number(unix.NFTA_BITWISE_DREG), v)
}

func (w *walk) byteorder(e expression) {
	v := w.get(e.number(unix.NFTA_BYTEORDER_SREG), int(e.number(unix.NFTA_BYTEORDER_LEN)))
	if !bigEndianHost {
		v = v.swapped(int(e.number(unix.NFTA_BYTEORDER_SIZE)))
	}
	w.set(e.number(unix.NFTA_BYTEORDER_DREG), v)
}

// lookup asks a set, or takes from a map.
func (w *walk) lookup(e expression) result {
	s := w.rules.sets[setID{w.chain.table, e.text(unix.NFTA_LOOKUP_SET)}]
	if s == nil {
		w.registers = unknown(registersLen)
		return result{match: perhaps}
	}
	in, found := s.find(w.get(e.number(unix.NFTA_LOOKUP_SREG), s.keyLen))
	if e.number(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0 {
		return result{match: in.not()}
	}
	if !e.has(unix.NFTA_LOOKUP_DREG) || in == no {
		return result{match: in}
	}
	to := e.number(unix.NFTA_LOOKUP_DREG)
	if to == unix.NFT_REG_VERDICT {
		r := result{match: in}
		for _, f := range found {
			r.decisions = append(r.decisions, f.decision)
		}
		return r
	}
	v := given(found[0].data)
	for _, f := range found[1:] {
		v = v.joined(given(f.data))
	}
	w.set(to, v)
	return result{match: in}
}

func (w *walk) notrack() {
	if w.base.priority > tracking {
		return // too late
	}
	s := w.state
	s.exempt = yes
	w.change(s)
}

// dynset adds the packet to a set, which may be full, and asks what its elements have,
// such as a rate.
func (w *walk) dynset(e expression) answer {
	if e.has(unix.NFTA_DYNSET_EXPR) || e.has(dynsetExprs) {
		return perhaps
	}
	return yes
}

// object is something with a name that several rules refer to.
func (w *walk) object(e expression) answer {
	switch e.number(unix.NFTA_OBJREF_IMM_TYPE) {
	case unix.NFT_OBJECT_COUNTER, unix.NFT_OBJECT_CT_HELPER, unix.NFT_OBJECT_CT_TIMEOUT, unix.NFT_OBJECT_CT_EXPECT, unix.NFT_OBJECT_SECMARK:
		return yes
	}
	return perhaps
}
