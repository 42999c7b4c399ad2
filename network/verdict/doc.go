// Package verdict says what the nftables rules of other programs would do to a
// packet, without sending it (https://man7.org/linux/man-pages/man8/nft.8.html).
//
//	rules, err := verdict.Read()       of the calling thread's network namespace
//	rules.Judge(packet, verdict.Prerouting, verdict.Input)
//	   -> Passes: it may arrive        Rulings: what may stop it, rule by rule
//
// A [Packet] leaves open what is not known of it, such as a guest's address. So an
// expression of a rule is true, false, or perhaps true, and where it is perhaps, both
// ways are followed: what is left at the end are all fates that the packet may have.
// The same goes for what depends on more than the packet, such as a rate, for what is
// looked up elsewhere, such as a route, and for what is not understood. So an answer
// that is certain is right, and what is not certain is said to be so.
//
//	read decode        the kernel's messages -> tables, chains, rules, sets
//	walk               hooks, base chains by priority, jumps, verdicts
//	expression load    what one expression does: to registers, to the packet
//	set value          lookups and comparisons with bits that are not known
//	xt                 what iptables-nft leaves in its own form
//	text               a rule as nft would show it
//	legacy             iptables without nf_tables, which has no such rules
//
// Tables named rolecall are ours. What they do to a packet (other port, no connection
// tracking, mark) is followed. That they refuse packets is their purpose: where they
// may, what is told is about packets that they let pass. Everything is read, nothing
// changed.
//
// The messages are read here, by mdlayher/netlink, as google/nftables leaves out the
// expressions that it does not know, and a rule without one of its conditions says
// something else. Of this module verdict imports nothing.
package verdict
