package verdict

import (
	"math"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// ours is the name of the tables that stop only what they are meant to stop.
const ours = "rolecall"

const (
	// tracking is the priority of connection tracking (linux/netfilter_ipv4.h).
	tracking = -200

	// NAT of destinations and of sources has its turns. The priorities of its chains
	// are an order among these (nf_nat_inet_fn, Linux 4.18).
	destinations = -100
	sources      = 100

	// deepest is how many chains a packet is followed into. The kernel allows 16.
	deepest = 16
)

// Judge says what may become of a packet on its way through some hooks.
func (r *Ruleset) Judge(p Packet, way ...Hook) Judgement {
	w := &walk{rules: r, packet: p, way: way}
	s := w.begin()
	for _, w.hook = range way {
		for _, c := range r.base {
			if !w.asks(c) {
				continue
			}
			w.restore(&s, c.turn())
			next := w.enter(c, s)
			if next == nil {
				return Judgement{Rulings: w.rulings}
			}
			s = *next
		}
		w.restore(&s, math.MaxInt32)
	}
	return Judgement{Passes: true, Rulings: w.rulings}
}

// walk follows one packet.
type walk struct {
	rules   *Ruleset
	packet  Packet
	way     []Hook
	hook    Hook
	base    *chain
	depth   int
	rulings []Ruling

	// Of the rule that is being looked at.
	chain     *chain
	rule      *rule
	state     state
	match     answer // whether the expressions so far apply
	registers value
}

// asks reports whether a base chain is asked at the present hook about this packet.
func (w *walk) asks(c *chain) bool {
	hook, device, in := uint64(0), "", false
	switch w.hook {
	case Ingress:
		device = w.packet.In
		in = c.family == unix.NFPROTO_NETDEV && c.hook == unix.NF_NETDEV_INGRESS || c.family == unix.NFPROTO_INET && c.hook == inetIngress
	case Egress:
		device = w.packet.Out
		in = c.family == unix.NFPROTO_NETDEV && c.hook == unix.NF_NETDEV_EGRESS
	case Prerouting, Input, Forward, Output, Postrouting:
		hook = uint64(w.hook - Prerouting)
		in = (c.family == unix.NFPROTO_INET || c.family == w.version()) && c.hook == hook
	default:
		hook = uint64(w.hook - BridgePrerouting)
		in = c.family == unix.NFPROTO_BRIDGE && c.hook == hook
	}
	return in && (device == "" || slices.ContainsFunc(c.devices, func(name string) bool {
		return matches(name, device)
	}))
}

// matches reports whether a device is meant by a name, or by its beginning and a *.
func matches(name, device string) bool {
	ok, err := path.Match(name, device)
	return name == device || err == nil && ok
}

// turn is the priority at which a base chain really is asked. When sources are changed
// makes no difference to us.
func (c *chain) turn() int32 {
	if c.nat && (c.hook == unix.NF_INET_PRE_ROUTING || c.hook == unix.NF_INET_LOCAL_OUT) {
		return destinations
	}
	return c.priority
}

// enter asks a base chain. Without a state the packet goes no further.
func (w *walk) enter(c *chain, s state) *state {
	w.base = c
	asked := yes
	switch {
	case c.nat && w.hook == Prerouting && w.loops(): // it was decided when it was sent
		asked = no
	case c.nat: // it is asked about the first packet of a connection, until one acts
		asked = min(only(w.states(s), New|Related), s.readdressed.not())
	}
	if asked == no {
		return &s
	}
	f := w.follow(c, s)
	next := f.accepted
	if f.back != nil && c.drops {
		w.chain, w.rule = c, nil
		w.stop(decision{fate: Dropped}, *f.back)
	} else {
		next = either(next, f.back)
	}
	if asked != yes {
		next = either(next, &s)
	}
	return next
}

// only reports whether a packet is in one of the states wanted.
func only(may, wanted State) answer {
	switch {
	case may&wanted == 0:
		return no
	case may&^wanted == 0:
		return yes
	}
	return perhaps
}

// flow is where a packet may go on after a rule or a chain, and in which state.
type flow struct {
	next     *state // to the rule behind
	back     *state // to the chain that called this one
	accepted *state // to the next base chain
}

// and adds what else may be.
func (f flow) and(g flow) flow {
	return flow{either(f.next, g.next), either(f.back, g.back), either(f.accepted, g.accepted)}
}

// follow asks the rules of a chain, one after the other.
func (w *walk) follow(c *chain, s state) flow {
	w.depth++
	defer func() { w.depth-- }()
	var all flow
	next := &s
	for _, r := range c.rules {
		w.chain, w.rule = c, r
		f := w.apply(r, *next)
		all = all.and(flow{back: f.back, accepted: f.accepted})
		if next = f.next; next == nil {
			return all
		}
	}
	return all.and(flow{back: next})
}

// apply asks one rule.
func (w *walk) apply(r *rule, s state) flow {
	w.state, w.match, w.registers = s, yes, unknown(registersLen)
	for _, e := range r.parts {
		result := w.step(e)
		if w.match = min(w.match, result.match); w.match == no {
			break
		}
		if len(result.decisions) > 0 {
			return w.decide(result.decisions)
		}
	}
	s = w.state
	return flow{next: &s}
}

// decide follows all verdicts that a rule may come to. Only where it applies for
// certain, the packet does not go on to the next rule.
func (w *walk) decide(decisions []decision) flow {
	var all flow
	s, match, c, r := w.state, w.match, w.chain, w.rule
	for _, d := range decisions {
		w.chain, w.rule = c, r
		all = all.and(w.carryOut(d, s))
	}
	if match != yes {
		all = all.and(flow{next: &s})
	}
	return all
}

// decision is a verdict of nf_tables, or a fate that is none of them.
type decision struct {
	code  int32
	chain string
	fate  Fate
	to    string
}

func (w *walk) carryOut(d decision, s state) flow {
	switch {
	case d.fate != "" || d.code == unix.NFT_BREAK || d.code == unix.NFT_CONTINUE:
	case d.code == verdictAccept:
		return flow{accepted: &s}
	case d.code == unix.NFT_RETURN:
		return flow{back: &s}
	case d.code == unix.NFT_JUMP || d.code == unix.NFT_GOTO:
		to := w.rules.chains[chainID{w.chain.table, d.chain}]
		if to == nil || w.depth >= deepest {
			return flow{next: &s}
		}
		f := w.follow(to, s)
		if d.code == unix.NFT_GOTO {
			return f
		}
		return flow{next: f.back, accepted: f.accepted}
	case d.code&0xff == verdictQueue:
		d.fate = Queued
	default:
		d.fate = Dropped
	}
	if d.fate == "" {
		return flow{next: &s}
	}
	w.stop(d, s)
	return flow{}
}

// stop notes what a packet may end at. What a rule of ours stops is no packet that we
// want to hear of.
func (w *walk) stop(d decision, s state) {
	if w.chain.table.name == ours {
		return
	}
	w.rulings = append(w.rulings, Ruling{
		Fate: d.fate, Hook: w.hook, Base: w.base.name, To: d.to,
		SrcPort: portOf(s.transport.at(0, 2)), DstPort: portOf(s.transport.at(2, 2)), Rule: w.describe(),
	})
}
