package steer

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The chains that lead requests to a listener that is not at port 80.
const (
	toListener    = "to_listener"
	natPrerouting = "nat_prerouting"
	natOutput     = "nat_output"
)

var (
	anyServed = in(served)
	lo        = []byte(ifname("lo"))
)

// arrivedRules open, for what arrives on this host for a metadata address, port 80 on
// the devices where we serve, and nothing else: no other service of the host.
func (w Way) arrivedRules() []rule {
	on := meta(expr.MetaKeyIIFNAME, 0)
	rules := []rule{
		ipOptions(),
		{w.says("a request"), all(on, anyServed, w.request(), verdict(expr.VerdictAccept))},
	}
	for _, v := range []ip{inet4, inet6} {
		rules = append(rules,
			rule{"ICMP", all(v.version, transport(v.icmp), verdict(expr.VerdictAccept))},
			// Who asks at an address of his own host asks from it.
			rule{"an answer to the host", all(on, equal(lo), v.from(), tcp(srcPort, metadataPort), verdict(expr.VerdictAccept))},
			rule{"a refusal to the host", all(on, equal(lo), v.from(), transport(unix.IPPROTO_TCP), resets, verdict(expr.VerdictAccept))})
	}
	return slices.Concat(rules,
		w.ownPortRules(all(on, anyServed)),
		refusals(all(on, anyServed), counted(closed)),
		strayRules(all(on, differs(lo), notIn(served))))
}

// nobodys is the port that no connection has (RFC 6335, section 6).
const nobodys = 0

// ownPortRules refuse our own port where answers get the port that was asked: a reset from
// it would be taken for one of those, and whoever asked would wait. So the refusal comes
// from no port, until [Way.answerRules] know it by that. (ICMP could say the same; but over
// IPv6 it comes to a program on lo while that is still in connect(2), and is ignored.)
func (w Way) ownPortRules(from exprs) []rule {
	if w.Mode != Rewrite {
		return nil
	}
	return []rule{{w.says("our own port"), all(from, tcp(dstPort, w.Port), counted(closed),
		dstPort.set(network16(nobodys)), reset())}}
}

// elsewhereRules keep guests from our own port at addresses that are not for metadata.
// (The host's own programs reach what listens on lo; there our listeners are at the
// metadata addresses alone.)
func (w Way) elsewhereRules() []rule {
	if w.Mode == Direct {
		return nil
	}
	return []rule{{w.says("by another address"), all(
		tcp(dstPort, w.Port), meta(expr.MetaKeyIIFNAME, 0), differs(lo), anyServed, counted(closed), reset())}}
}

// strayRules refuse what comes where nobody serves. To what is no beginning of a
// connection there is no answer: its source may be that of a guest whose connection
// the answer would end.
func strayRules(from exprs) []rule {
	within := rule{"within a connection", all(from, transport(unix.IPPROTO_TCP), goesOn, dropped(stray))}
	return append([]rule{within}, refusals(from, counted(stray))...)
}

// says is a comment that tells rules for other ports from those that we want.
func (w Way) says(what string) string { return fmt.Sprintf("%s (%s, port %d)", what, w.Mode, w.port()) }

// request is what a request looks like in the hook input.
func (w Way) request() exprs {
	if w.Mode == NAT {
		return all(tcp(dstPort, w.Port), readdressed)
	}
	return tcp(dstPort, metadataPort)
}

// readdressed is what destination NAT has changed (linux/netfilter/nf_conntrack_common.h,
// IPS_DST_NAT).
var readdressed = exprs{
	&expr.Ct{Key: expr.CtKeySTATUS, Register: reg},
	&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: native(1 << 5), Xor: native(0)},
	&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: native(0)},
}

// track keeps the connections of guests who have the same addresses apart: a firewall
// that drops what connection tracking thinks invalid would break one of two that chose
// the same port. Without NAT nothing is tracked, the host's own included. So others'
// NAT, as Docker's for a container that is published on port 80, takes none of it. With
// NAT, each device has its zone; the host has but one of each.
func (w Way) track(name, index expr.MetaKey) rule {
	if w.Mode == NAT {
		// The kernel takes 16 bits of the device's number.
		zone := all(meta(index, 0), exprs{&expr.Ct{Key: expr.CtKeyZONE, Register: reg, SourceRegister: true}})
		return rule{w.says("tracked apart"), all(meta(name, 0), differs(lo), anyServed, transport(unix.IPPROTO_TCP), zone)}
	}
	return rule{w.says("not tracked"), all(meta(name, 0), anyServed, transport(unix.IPPROTO_TCP), exprs{&expr.Notrack{}})}
}

// ownRules are [Way.track] for what the host itself asks.
func (w Way) ownRules() []rule {
	if w.Mode == NAT {
		return nil
	}
	var rules []rule
	for _, v := range []ip{inet4, inet6} {
		rules = append(rules, rule{w.says("not tracked"), all(
			meta(expr.MetaKeyOIFNAME, 0), equal(lo), anyServed, v.to(), transport(unix.IPPROTO_TCP), exprs{&expr.Notrack{}})})
	}
	return rules
}

// ownerRules let no answer out that another user's socket sends. So with him no
// connection comes about; that the port is closed is told by the kernel, as nobody's.
func (w Way) ownerRules() []rule {
	if w.Owner == nil {
		return nil
	}
	return []rule{{w.says(fmt.Sprintf("not of user %d", *w.Owner)), all(
		meta(expr.MetaKeyOIFNAME, 0), anyServed, tcp(srcPort, w.port()),
		meta(expr.MetaKeySKUID, 0), differs(native(*w.Owner)), dropped(usurped))}}
}

// answerRules give our answers, and the refusals of [Way.ownPortRules], the port that was
// asked, before anybody else sees them.
func (w Way) answerRules() []rule {
	if w.Mode != Rewrite {
		return nil
	}
	on := all(meta(expr.MetaKeyOIFNAME, 0), anyServed)
	return []rule{
		{w.says("an answer"), all(on, tcp(srcPort, w.Port), srcPort.set(network16(metadataPort)))},
		{w.says("a refusal"), all(tcp(srcPort, nobodys), on, srcPort.set(network16(w.Port)))},
	}
}

// leadingChains are those that not every mode has.
func (w Way) leadingChains() []chain {
	switch w.Mode {
	case Rewrite:
		var rules []rule
		for _, v := range []ip{inet4, inet6} {
			rules = append(rules, rule{w.says("a request"), all(
				meta(expr.MetaKeyIIFNAME, 0), anyServed, v.to(), tcp(dstPort, metadataPort), dstPort.set(network16(w.Port)))})
		}
		return []chain{filter(toListener, nftables.ChainHookInput, last, rules)}
	case NAT:
		return []chain{
			w.natChain(natPrerouting, nftables.ChainHookPrerouting, meta(expr.MetaKeyIIFNAME, 0), expr.CmpOpNeq),
			w.natChain(natOutput, nftables.ChainHookOutput, meta(expr.MetaKeyOIFNAME, 0), expr.CmpOpEq),
		}
	case Direct:
	}
	return nil
}

// beforeNAT is before all other destination NAT, of which the first decides. Of equals
// it would be the chain that was made last.
var beforeNAT = nftables.ChainPriorityRef(*nftables.ChainPriorityNATDest - 1)

// natChain readdresses what comes from guests, or from the host itself.
func (w Way) natChain(name string, hook *nftables.ChainHook, by exprs, lo expr.CmpOp) chain {
	var rules []rule
	for _, v := range []ip{inet4, inet6} {
		rules = append(rules, rule{w.says("a request"), all(
			by, exprs{&expr.Cmp{Op: lo, Register: reg, Data: []byte(ifname("lo"))}}, anyServed, v.to(), tcp(dstPort, metadataPort),
			exprs{
				&expr.Immediate{Register: reg, Data: network16(w.Port)},
				&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(v.nfproto), RegProtoMin: reg, Specified: true},
			})})
	}
	return chain{name, nftables.ChainTypeNAT, hook, beforeNAT, rules}
}
