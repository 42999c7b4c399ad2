package verdict

import "net/netip"

// Packet is one packet, as far as it is known. What is zero is not known, but for
// devices: a hook has none where a packet has none there.
type Packet struct {
	// In and Out are the devices that it comes by, and leaves by.
	In, Out string
	// Port is the port of the bridge In or Out that it comes or leaves by.
	Port string
	// Src and Dst are its addresses. At least one is given, for the IP version.
	Src, Dst netip.Addr
	// Protocol is TCP's number, or another's (/etc/protocols).
	Protocol uint8
	// SrcPort and DstPort are those of TCP or UDP.
	SrcPort, DstPort uint16
	// State is what connection tracking says of it.
	State State
	// Restored is the source port that an answer gets back where its request was
	// readdressed, by a rule of ours.
	Restored uint16
}

// State is what connection tracking says of a packet, by the bits of the kernel
// (enum nft_ct_keys and NF_CT_STATE_BIT, linux/netfilter/nf_conntrack_common.h).
type State uint32

// The states of a packet.
const (
	Invalid     State = 1 << 0
	Established State = 1 << 1
	Related     State = 1 << 2
	New         State = 1 << 3
	Untracked   State = 1 << 6
)

// Hook is a place on a packet's way at which rules are asked.
type Hook int

// The hooks, of devices, of IP, and of bridges.
const (
	Ingress Hook = iota
	Prerouting
	Input
	Forward
	Output
	Postrouting
	Egress
	BridgePrerouting
	BridgeInput
	BridgeForward
	BridgeOutput
	BridgePostrouting
)

var hookNames = [...]string{
	"ingress", "prerouting", "input", "forward", "output", "postrouting", "egress",
	"bridge prerouting", "bridge input", "bridge forward", "bridge output", "bridge postrouting",
}

// String is nft's name of the hook.
func (h Hook) String() string { return hookNames[h] }

// Fate is what becomes of a packet that does not pass.
type Fate string

// The fates.
const (
	// Dropped is a packet of which nobody hears again.
	Dropped Fate = "dropped"
	// Rejected is one that is answered with an error.
	Rejected Fate = "rejected"
	// Readdressed is one that gets another destination.
	Readdressed Fate = "readdressed"
	// Queued is one that is handed to a program, which decides.
	Queued Fate = "queued"
	// Unclear is one that a kernel module handles which is not known here.
	Unclear Fate = "handled in an unknown way"
)

// Judgement is all that may become of a packet.
type Judgement struct {
	// Passes is whether it may pass all hooks.
	Passes bool
	// Rulings are what may stop it, in the order in which it would meet them. If it
	// does not pass, it is one of these that stops it; if it may pass, perhaps one.
	// Rules of ours are not among them: if it does not pass, and there are no rulings,
	// they stop it.
	Rulings []Ruling
}

// Ruling is one rule that does not let a packet pass, or the policy of a base chain.
type Ruling struct {
	Fate Fate
	Hook Hook
	// Base is the base chain that led to the rule.
	Base string
	// To is the new destination, as far as it is known.
	To string
	// SrcPort and DstPort are the packet's when the rule sees it, and 0 if not known:
	// rules before, ours among them, may have changed what it was sent with.
	SrcPort, DstPort uint16
	Rule             Rule
}

// Rule is where a rule stands and what it says.
type Rule struct {
	// Family, Table and Chain are as nft names them: inet, ip, ip6, bridge, netdev.
	Family, Table, Chain string
	// Handle names the rule to nft, and Position counts from 1. Both are 0 for the
	// policy of a chain.
	Handle   uint64
	Position int
	// Text is the rule much as nft shows it.
	Text string
	// Comment is the comment of the rule's author.
	Comment string
	// Maker is the program that the table is made by.
	Maker Maker
}

// Maker is a program that makes rules, and takes out what others add to its tables.
type Maker string

// The makers that are known by their tables.
const (
	Ufw       Maker = "ufw"
	Firewalld Maker = "firewalld"
	Docker    Maker = "docker"
	// Iptables is iptables-nft, by whomever it is called.
	Iptables Maker = "iptables"
	// Nft is nft itself, or a program like it.
	Nft Maker = "nft"
)
