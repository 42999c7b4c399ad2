package steer

import (
	"math"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// rule is one of a chain, with the comment by which it is known again.
type rule struct {
	comment string
	exprs   exprs
}

// chain is one of a table; without hook it is jumped to.
type chain struct {
	name     string
	kind     nftables.ChainType
	hook     *nftables.ChainHook
	priority *nftables.ChainPriority
	rules    []rule
}

func filter(name string, hook *nftables.ChainHook, priority *nftables.ChainPriority, rules []rule) chain {
	return chain{name, nftables.ChainTypeFilter, hook, priority, rules}
}

var (
	// last is after all other chains of the hook.
	last = nftables.ChainPriorityRef(math.MaxInt32)
	// beforeRaw is before the table raw of iptables(8), where others set marks and take
	// them off, as Calico does: ours have been read by then.
	beforeRaw = nftables.ChainPriorityRef(*nftables.ChainPriorityRaw - 1)
)

// The chains for packets to and from metadata addresses. All other packets of the host
// pass a rule or two of ours in each hook.
const (
	asked    = "asked"    // in prerouting
	arrived  = "arrived"  // in input
	answered = "answered" // in output
	passing  = "passing"  // in forward, to one
	returned = "returned" // in forward, from one
)

// inetChains are those of the inet family. Most are at the priority raw or before: before
// connection tracking and before destination NAT, so that they see what was sent.
func (w Way) inetChains() []chain {
	raw := nftables.ChainPriorityRaw
	chains := []chain{
		{name: asked, rules: slices.Concat(askedRules(), notReaddressed(), []rule{w.track(expr.MetaKeyIIFNAME, expr.MetaKeyIIF)})},
		{name: arrived, rules: w.arrivedRules()},
		{name: answered, rules: slices.Concat([]rule{w.track(expr.MetaKeyOIFNAME, expr.MetaKeyOIF)}, w.ownerRules(), w.answerRules())},
		{name: passing, rules: passingRules()},
		{name: returned, rules: returnedRules()},
		filter("forward", nftables.ChainHookForward, raw, append(leadTo(passing, ip.to), leadTo(returned, ip.from)...)),
		filter("prerouting", nftables.ChainHookPrerouting, beforeRaw, append(leadTo(asked, ip.to), sourceRoutes(inet4, cameBy)...)),
		filter("input", nftables.ChainHookInput, raw, append(append([]rule{routingHeader()}, leadTo(arrived, ip.to)...), w.elsewhereRules()...)),
		filter("output", nftables.ChainHookOutput, raw, append(leadTo(answered, ip.from), w.ownRules()...)),
		filter("postrouting", nftables.ChainHookPostrouting, last, postroutingRules()),
	}
	return append(chains, w.leadingChains()...)
}

// leadTo sends packets to, or from, a metadata address to a chain.
func leadTo(chain string, metadata func(ip) exprs) []rule {
	return []rule{{"IPv4", all(metadata(inet4), jump(chain))}, {"IPv6", all(metadata(inet6), jump(chain))}}
}

// passingRules let no guest ask another metadata service.
func passingRules() (rules []rule) {
	for _, device := range cameBy {
		rules = append(rules, refusals(device, counted(forwarded))...)
	}
	return rules
}

// returnedRules let no guest be answered by whoever says to be one.
func returnedRules() (rules []rule) {
	for _, device := range leavesBy {
		rules = append(rules, rule{"from a metadata address to a guest", all(device, dropped(impersonation))})
	}
	return rules
}

// rejections refuse what is for a metadata address.
func rejections(from, then exprs) []rule {
	return append(refusals(all(from, inet4.to()), then), refusals(all(from, inet6.to()), then)...)
}

func refusals(from, then exprs) []rule {
	return []rule{
		{"refuse TCP", all(from, transport(unix.IPPROTO_TCP), then, reset())},
		{"refuse", all(from, then, exprs{
			&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED},
		})},
	}
}

// reset refuses TCP.
func reset() exprs { return exprs{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}} }

// askedRules let nothing pass that came by way of something on top of a guest's device,
// nor from a shared bridge but what the bridge family has marked. Marks go before routing,
// which may depend on them.
func askedRules() []rule {
	by := meta(expr.MetaKeyIIFNAME, 0)
	return []rule{
		{"by way of another device", all(isFromGuest(),
			by, notIn(guarded), notIn(served), meta(expr.MetaKeyIIF, 0), notIn(guardedIndexes), dropped(forwarded))},
		{"take the guest's mark off", all(isFromGuest(), replaceMark(0))},
		{"from no port that is known", all(by, in(bridges), marked(expr.CmpOpNeq), dropped(unmarked))},
		{"take the mark off", all(by, in(bridges), setMark(0))},
	}
}

// notReaddressed keeps others' destination NAT, which is how some metadata services get
// their requests, from what guarded guests send where nobody serves them: the hook
// forward would not know it again. What is not tracked has no NAT.
func notReaddressed() (rules []rule) {
	for _, device := range cameBy {
		rules = append(rules, rule{"not readdressed", all(device, meta(expr.MetaKeyIIFNAME, 0), notIn(served), exprs{&expr.Notrack{}})})
	}
	return rules
}

// ipOptions and routingHeader refuse, from a shared bridge, what the kernel readdresses
// to this host after the bridge saw it: IPv4 source routes (RFC 791; the address in the
// header is changed before the hook input) and IPv6 routing headers (RFC 8200, section
// 4.4; changed after it). No client sends options with its requests.
func ipOptions() rule {
	return rule{"IPv4 options", all(meta(expr.MetaKeyIIFNAME, 0), in(bridges), inet4.version,
		ipVersionAndLength.masked(expr.CmpOpNeq, []byte{0x0f}, []byte{5}), dropped(sourceRouted))}
}

func routingHeader() rule {
	return rule{"IPv6 routing header", all(meta(expr.MetaKeyIIFNAME, 0), in(bridges), inet6.version,
		extension(unix.IPPROTO_ROUTING), dropped(sourceRouted))}
}

// postroutingRules mark our answers on their way to a shared bridge. Neighbour
// discovery is none, and goes to stations that are not known yet.
func postroutingRules() []rule {
	shared := all(meta(expr.MetaKeyOIFNAME, 0), in(bridges))
	notICMP6 := all(meta(expr.MetaKeyL4PROTO, 0), differs([]byte{unix.IPPROTO_ICMPV6}))
	return []rule{
		{"answers over IPv4", all(shared, inet4.from(), setMark(mark))},
		{"answers over IPv6", all(shared, inet6.from(), notICMP6, setMark(mark))},
	}
}
