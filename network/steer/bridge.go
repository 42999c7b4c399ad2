package steer

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// fromPort is the chain for what a port of a shared bridge sends.
const fromPort = "from_port"

// bridgeChains are those of the bridge family. What they drop in prerouting, the
// bridge does not learn from.
func bridgeChains() []chain {
	raw := nftables.ChainPriorityRaw
	return []chain{
		{name: fromPort, rules: fromPortRules()},
		{name: inTags, rules: inTagsRules()},
		filter("prerouting", nftables.ChainHookPrerouting, raw, append([]rule{
			{"nobody else marks IPv4", all(bridge4.to(), setMark(0))},
			{"nobody else marks IPv6", all(bridge6.to(), setMark(0))},
			{"a port that is known", all(noteBridge(expr.MetaKeyIIF), jump(fromPort))},
		}, guardedPortRules()...)),
		// Frames to the group addresses of IEEE 802.1 come by this hook alone, and the
		// bridge learns from them.
		filter("input", nftables.ChainHookInput, raw, []rule{
			{"note the bridge", noteBridge(expr.MetaKeyIIF)},
			forgedMACRule(known(expr.MetaKeyIIF)),
			{"forget the bridge", all(known(expr.MetaKeyIIF), forgetBridge())},
		}),
		filter("forward", nftables.ChainHookForward, raw, bridgeForwardRules()),
		filter("output", nftables.ChainHookOutput, raw, bridgeOutputRules()),
	}
}

// fromPortRules go from what holds for every frame to what holds for requests.
func fromPortRules() []rule {
	rules := []rule{forgedMACRule(nil)}
	for _, ethertype := range tagTypes {
		rules = append(rules, rule{"a priority tag in another tag", all(priorityTag(ethertype), dropped(doubleTagged))})
	}
	rules = append(rules, impersonationRules(nil)...)
	rules = append(rules, neighbourRules()...)
	for _, v := range []ip{bridge4, bridge6} {
		rules = append(rules,
			rule{"a member asks", all(v.to(), member(expr.MetaKeyIIF, etherSrc, v.src), in(v.members),
				setMark(mark), forgetBridge(), verdict(expr.VerdictAccept))},
			rule{"no member", all(v.to(), dropped(forgedSource))})
	}
	return append(rules, rule{"forget the bridge", forgetBridge()})
}

// forgedMACRule drops a MAC address that is declared on the bridge but not on the
// port: the bridge would learn it, and send there what is for its owner.
func forgedMACRule(when exprs) rule {
	return rule{"a declared MAC address from another port", all(
		when, notedBridge(), etherSrc.into(1), in(macs),
		meta(expr.MetaKeyIIF, 0), etherSrc.into(1), notIn(owners),
		dropped(forgedMAC))}
}

// impersonationRules drop what says that it comes from a metadata address.
func impersonationRules(when exprs) []rule {
	return []rule{
		{"IPv4 from the metadata address", all(when, bridge4.from(), dropped(impersonation))},
		{"IPv6 from the metadata address", all(when, bridge6.from(), dropped(impersonation))},
		{"ARP for the metadata address", all(when, arp,
			arpSenderIP.into(0), in(bridge4.addresses), dropped(forgedNeighbour))},
		{"an advertisement for the metadata address", all(when,
			ndAdvertisement, ndTargetIP6.into(0), in(bridge6.addresses), dropped(forgedNeighbour))},
	}
}

// neighbourRules drop what would have others send to the wrong station: ARP,
// advertisements and solicitations for an address that is declared for another.
func neighbourRules() []rule {
	anothers := func(v ip, mac, addr field) exprs {
		return all(notedBridge(), addr.into(1), in(v.owned),
			member(expr.MetaKeyIIF, mac, addr), notIn(v.members), dropped(forgedNeighbour))
	}
	return []rule{
		{"ARP for another's address", all(arp, anothers(bridge4, arpSenderMAC, arpSenderIP))},
		{"an advertisement for another's address", all(
			ndAdvertisement, anothers(bridge6, etherSrc, ndTargetIP6))},
		{"neighbour discovery from another's address", all(
			ndAll, anothers(bridge6, etherSrc, ip6Src))},
		// Nobody sends these (RFC 6980), and the target is in another fragment.
		{"neighbour discovery in fragments", all(
			ndAll, extension(unix.IPPROTO_FRAGMENT), dropped(forgedNeighbour))},
	}
}

// bridgeForwardRules hold for what the bridge passes from port to port: a member's
// request that another station asked for, and impersonation by a port that is not
// known.
func bridgeForwardRules() []rule {
	var rules []rule
	for _, v := range []ip{bridge4, bridge6} {
		rules = append(rules, rule{"to the metadata address by way of a neighbour", all(
			known(expr.MetaKeyIIF), v.to(), dropped(switched))})
	}
	return append(rules, impersonationRules(known(expr.MetaKeyOIF))...)
}

// bridgeOutputRules let our answers out to the member alone. A bridge sends to all
// ports what it has no entry for. What others send may have the same bit in its mark.
func bridgeOutputRules() []rule {
	var rules []rule
	for _, v := range []ip{bridge4, bridge6} {
		answer := all(marked(expr.CmpOpEq), v.from())
		rules = append(rules,
			rule{"note the bridge", all(answer, noteBridge(expr.MetaKeyOIF))},
			rule{"an answer to a member", all(answer, known(expr.MetaKeyOIF),
				member(expr.MetaKeyOIF, etherDst, v.dst), in(v.members),
				setMark(0), forgetBridge(), verdict(expr.VerdictAccept))},
			rule{"an answer to another port", all(answer, dropped(misdirected))})
	}
	return rules
}
