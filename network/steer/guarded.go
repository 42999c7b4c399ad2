package steer

import (
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ipv4Option is the kind of [expr.Exthdr] for IPv4 options (NFT_EXTHDR_OP_IPV4 of
// linux/netfilter/nf_tables.h).
const ipv4Option expr.ExthdrOp = 2

// guards are all elements by which the device of one is guarded, and the element itself
// if it is of another set. The inet family does not see through which port of a bridge a
// packet came, so the bridge family has the names and the indexes too.
func guards(e element) []element {
	switch e.set {
	case guarded:
		return []element{e, {set: bridgeGuarded, key: e.key}}
	case guardedIndexes:
		return []element{e, {set: bridgeGuardedIndexes, key: e.key}}
	}
	return []element{e}
}

// guardedPortRules hold for what a bridge gets from a guarded device, whether the bridge
// is to switch it or the host to route it, and whatever the bridge is called. What a
// member asks has been let through before.
func guardedPortRules() []rule {
	var rules []rule
	for _, port := range cameByPort {
		for _, v := range []ip{bridge4, bridge6} {
			rules = append(rules, rule{"from a guarded port", all(v.to(), port, dropped(forwarded))})
		}
		for _, ethertype := range tagTypes {
			rules = append(rules, rule{"in tags from a guarded port", all(tagged(ethertype), port, jump(inTags))})
		}
		// The host would route it on as one from the bridge, once it has changed the address.
		rules = append(rules, rule{"an IPv6 routing header", all(bridge6.version, extension(unix.IPPROTO_ROUTING), port, dropped(sourceRouted))})
	}
	return append(rules, sourceRoutes(bridge4, cameByPort)...)
}

// inTags is the chain for what has two tags or more (IEEE 802.1Q), and comes from a
// guarded port. Who is on the same Ethernet may see through them.
const inTags = "in_tags"

// tagTypes are the EtherTypes of customers' tags and providers'.
var tagTypes = []uint16{unix.ETH_P_8021Q, unix.ETH_P_8021AD}

// inTagsRules drop what is for a metadata address behind two tags, and all that has
// three, which nobody looks into: there is no such network.
func inTagsRules() []rule {
	var rules []rule
	for _, ethertype := range tagTypes {
		rules = append(rules,
			rule{"a priority tag in another tag", all(priorityTag(ethertype), dropped(doubleTagged))},
			rule{"three tags", all(tagType.is(network16(ethertype)), dropped(doubleTagged))})
	}
	return append(rules,
		rule{"IPv4 in two tags", all(tagType.is(network16(unix.ETH_P_IP)), ipDst.behindTag().into(0), in(bridgeAddresses4), dropped(forwarded))},
		rule{"IPv6 in two tags", all(tagType.is(network16(unix.ETH_P_IPV6)), ip6Dst.behindTag().into(0), in(bridgeAddresses6), dropped(forwarded))})
}

// sourceRoutes drop what the kernel readdresses after all our hooks for what is
// forwarded: by an IPv4 source route (RFC 791) a packet that is for this host, or for
// anybody, goes on to a metadata address. What has no options is let go first.
func sourceRoutes(v ip, devices []exprs) []rule {
	var rules []rule
	for _, device := range devices {
		for _, kind := range []byte{131, 137} { // loose and strict
			rules = append(rules, rule{"an IPv4 source route", all(v.version,
				ipVersionAndLength.masked(expr.CmpOpNeq, []byte{0x0f}, []byte{5}), device,
				exprs{&expr.Exthdr{DestRegister: reg, Type: kind, Len: 1, Flags: unix.NFT_EXTHDR_F_PRESENT, Op: ipv4Option}},
				equal([]byte{1}), dropped(sourceRouted))})
		}
	}
	return rules
}
