package verdict_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/verdict"
)

// foretold is all that may become of a request by the rules: it is judged on its way
// in, and if it may arrive, so is its answer on the way out.
func foretold(rules *verdict.Ruleset, request verdict.Packet, dstPort, from, restored uint16) (may []string, rulings []verdict.Ruling) {
	j := rules.Judge(request, verdict.Ingress, verdict.Prerouting, verdict.Input)
	rulings = j.Rulings
	for _, r := range j.Rulings {
		may = append(may, outcomes(r.Fate)...)
	}
	if !j.Passes {
		return may, rulings
	}
	if !slices.Contains([]uint16{80, servedPort}, dstPort) {
		return append(may, refused), rulings // by the kernel: nobody listens
	}
	j = rules.Judge(verdict.Packet{
		Out: request.In, Src: request.Dst, Dst: request.Src, Protocol: request.Protocol, SrcPort: from, DstPort: request.SrcPort,
		State: verdict.Established, Restored: restored,
	}, verdict.Output, verdict.Postrouting, verdict.Egress)
	if j.Passes {
		may = append(may, served)
	}
	for _, r := range j.Rulings {
		may = append(may, silent)
		if r.Fate == verdict.Rejected { // which tells ourselves
			may = append(may, refused)
		}
	}
	return may, append(rulings, j.Rulings...)
}

func outcomes(f verdict.Fate) []string {
	switch f {
	case verdict.Rejected: // with an error that may be dropped on its way
		return []string{refused, silent}
	case verdict.Readdressed:
		return []string{taken, silent, refused}
	case verdict.Unclear:
		return []string{served, taken, silent, refused}
	case verdict.Dropped, verdict.Queued:
	}
	return []string{silent}
}

// check holds the judgement about a request against what becomes of it. The one about
// a packet of which everything is known must be certain, if it is said to be; the one
// that leaves the guest's address and port open must not exclude what happens.
func (b *bed) check(t *testing.T, src, dst netip.Addr, dstPort uint16, certain bool) (became string, rulings []verdict.Ruling) {
	t.Helper()
	rules := b.read(t)
	b.port++
	request := verdict.Packet{In: "tap0", Src: src, Dst: dst, Protocol: unix.IPPROTO_TCP, SrcPort: b.port, DstPort: dstPort, State: verdict.New}
	may, rulings := foretold(rules, request, dstPort, b.from, b.restored)
	became = b.try(t, src, dst, b.port, dstPort)
	if !slices.Contains(may, became) {
		t.Errorf("%s:%d is %s, foretold was %s by %v", dst, dstPort, became, may, rulings)
	}
	if slices.Contains(may, served) && len(rulings) > 0 && certain {
		t.Errorf("%s:%d: foretold is %s by %v, and it is %s", dst, dstPort, may, rulings, became)
	}
	request.Src, request.SrcPort = netip.Addr{}, 0
	if may, rulings := foretold(rules, request, dstPort, b.from, b.restored); !slices.Contains(may, became) {
		t.Errorf("with what a guest may choose, foretold was %s by %v", may, rulings)
	}
	return became, rulings
}

// untracked is how rules of ours exempt packets from connection tracking.
const untracked = `
table inet rolecall {
	chain pre { type filter hook prerouting priority raw; iifname tap0 notrack; }
	chain out { type filter hook output priority raw; oifname tap0 notrack; }
}
`

// rulesets are rules of others, and what becomes of a request under them: with
// connection tracking, and exempted from it. In each "IN" is a base chain of the hook
// input; what follows is its rules.
var rulesets = []struct{ name, rules, tracked, exempt string }{
	{"none", ``, served, served},
	{"an empty chain", `IN`, served, served},
	{"policy drop", `IN policy drop;`, silent, silent},
	{"policy drop, and the port is allowed", `IN policy drop; tcp dport 8474 accept`, served, served},
	{"policy drop, and another port is allowed", `IN policy drop; tcp dport 80 accept`, silent, silent},
	{"accept does not hold for the next chain", `IN tcp dport 8474 accept
		}; chain in2 { type filter hook input priority 1; policy drop;`, silent, silent},
	{"the chains go by priority", `IN meta mark 7 reject
		}; chain in2 { type filter hook input priority -1; meta mark set 7;`, refused, refused},
	{"the mark of a later chain does not matter", `IN meta mark 7 reject
		}; chain in2 { type filter hook input priority 1; meta mark set 7;`, served, served},
	{"of equal priority, the last one is asked first", `IN meta mark 7 reject
		}; chain in2 { type filter hook input priority 0; meta mark set 7;`, refused, refused},
	{"of equal priority, the first one is asked last", `IN meta mark set 7
		}; chain in2 { type filter hook input priority 0; meta mark 7 reject;`, served, served},
	{"reject with a reset", `IN meta l4proto tcp reject with tcp reset`, refused, refused},
	{"reject by the device", `IN iifname "tap*" reject with icmpx admin-prohibited`, refused, refused},
	{"another device", `IN iifname != "tap0" reject`, served, served},
	{"the device by number", `IN iif "tap0" drop`, silent, silent},
	{"the outgoing device is none", `IN oifname != "tap0" drop`, silent, silent},
	{"invalid", `IN ct state invalid drop`, served, served},
	{"only known connections", `IN ct state established,related accept; ct state new drop`, silent, served},
	{"all but new", `IN ct state != new drop`, served, silent},
	{"a verdict map of states", `IN policy drop; ct state vmap { invalid : drop, established : accept, related : accept, new : jump new }
		}; chain new { tcp dport { 22, 8474 } accept;`, served, silent},
	{"an untracked packet has no connection's mark", `IN ct mark != 5 drop`, silent, served},
	{"the address of the guest's network", `IN ip saddr 10.0.0.0/8 drop; ip6 saddr fd00::/16 drop`, silent, silent},
	{"other addresses", `IN ip saddr { 10.0.0.6-10.0.0.9, 192.168.0.0/16 } drop; ip6 saddr { fd00::6-fd00::ffff } drop`, served, served},
	{"an interval of addresses", `IN ip saddr { 10.0.0.1-10.0.0.5, 192.168.0.0/16 } drop; ip6 saddr { fd00::1-fd00::5 } drop`, silent, silent},
	{"an interval that ends before, beside one that begins", `IN ip saddr { 10.0.0.1-10.0.0.4, 10.0.0.6-10.0.0.9 } drop; ip6 saddr { ::-fd00::4, fd00::6-ffff:: } drop`, served, served},
	{"all that is not in a set", `IN ip daddr != { 127.0.0.1, 10.0.0.0/8 } drop; ip6 daddr != { ::1 } drop`, silent, silent},
	{"everything else in a map", `IN ip saddr vmap { 10.0.0.6 : accept, * : drop }; ip6 saddr vmap { fd00::6 : accept, * : drop }`, silent, silent},
	{"address and port together", `IN ip saddr . tcp dport { 10.0.0.5 . 8474 } drop; ip6 saddr . tcp dport { fd00::5 . 8474 } drop`, silent, silent},
	{"address and another port", `IN ip saddr . tcp dport { 10.0.0.5 . 80 } drop; ip6 saddr . tcp dport { fd00::5 . 80 } drop`, served, served},
	{"intervals of both together", `IN ip saddr . tcp dport { 10.0.0.0/24 . 8000-9000 } drop; ip6 saddr . tcp dport { fd00::/64 . 8000-9000 } drop`, silent, silent},
	{"intervals of which one does not fit", `IN ip saddr . tcp dport { 10.0.0.0/24 . 8475-9000 } drop; ip6 saddr . tcp dport { fd00::/64 . 8000-8473 } drop`, served, served},
	{"intervals, of which the first is shorter", `IN tcp dport . ip saddr { 8000-9000 . 10.0.0.0/24 } drop; tcp dport . ip6 saddr { 8000-9000 . fd00::/64 } drop`, silent, silent},
	{"intervals, of which the second does not fit", `IN tcp dport . ip saddr { 8000-9000 . 10.0.0.6-10.0.0.9 } drop; tcp dport . ip6 saddr { 8000-9000 . fd00::6-fd00::9 } drop`, served, served},
	{"NAT has its turn before a chain of lower priority", `IN
		}; chain n { type nat hook prerouting priority -50; tcp dport 8474 redirect to :8181
		}; chain d { type filter hook prerouting priority -75; tcp dport 8474 drop;`, taken, silent},
	{"a range of ports", `IN tcp dport 8000-9000 drop`, silent, silent},
	{"not in a range of ports", `IN tcp dport != 8000-9000 drop`, served, served},
	{"a range of marks", `IN meta mark set 300; meta mark 256-511 drop`, silent, silent},
	{"a range of marks that does not fit", `IN meta mark set 300; meta mark 512-767 drop`, served, served},
	{"bits of a mark", `IN meta mark set 0x105; meta mark & 0xff == 0x05 drop`, silent, silent},
	{"a mark from a map", `IN meta mark set tcp dport map { 22 : 1, 8474 : 2 }; meta mark 2 drop`, silent, silent},
	{"greater and less", `IN tcp dport > 8474 drop; tcp dport < 8474 drop; tcp dport >= 8474 tcp dport <= 8474 reject`, refused, refused},
	{"the first segment", `IN tcp flags & (fin|syn|rst|ack) != syn ct state new drop`, served, served},
	{"a local destination", `IN fib daddr type local drop`, silent, silent},
	{"a destination that is not local", `IN fib daddr type != local drop`, served, served},
	{"a jump, and back", `IN jump other; reject
		}; chain other { tcp dport 80 drop;`, refused, refused},
	{"a jump, and no way back", `IN goto other; reject
		}; chain other { tcp dport 80 drop;`, served, served},
	{"return", `IN jump other; reject
		}; chain other { return; drop;`, refused, refused},
	{"a nested goto goes back to the first chain", `IN jump one; reject
		}; chain one { goto two; drop
		}; chain two { counter;`, refused, refused},
	{"prerouting", `PRE drop`, silent, silent},
	{"before tracking, every state is a bad one", `IN
		}; chain pre { type filter hook prerouting priority -350; ct state invalid drop;`, silent, silent},
	{"before tracking, no state is new", `IN
		}; chain pre { type filter hook prerouting priority -350; ct state new,established,untracked drop;`, served, served},
	{"before what is exempted", `IN ct state untracked reject
		}; chain pre { type filter hook prerouting priority -350; notrack;`, refused, refused},
	{"too late for an exemption", `IN ct state untracked reject
		}; chain pre { type filter hook prerouting priority -150; notrack;`, served, refused},
	{"the answer", `OUT tcp sport 8474 drop`, silent, silent},
	{"the answer is of a known connection", `OUT policy drop; ct state established,related accept`, served, silent},
	{"the answer goes to this device", `OUT policy drop; oifname "tap0" accept`, served, served},
	{"the answer, late", `OUT
		}; chain post { type filter hook postrouting priority 100; ip saddr 169.254.169.254 drop; ip6 saddr fd00:ec2::254 drop;`, silent, silent},
	{"the answer, early", `OUT
		}; chain out2 { type filter hook output priority -350; ct state invalid drop;`, silent, silent},
	{"another destination", `NAT tcp dport 8474 redirect to :8181`, taken, served},
	{"another destination for another port", `NAT tcp dport 80 redirect to :8181`, served, served},
	{"its own destination", `NAT ip daddr 169.254.169.254 tcp dport 8474 dnat to 169.254.169.254:8474`, served, served},
	{"another program", `NAT meta nfproto ipv4 tcp dport 8474 dnat ip to 10.0.0.1:8181; meta nfproto ipv6 tcp dport 8474 dnat ip6 to [fd00::1]:8181`, taken, served},
	{"another program, by a map", `NAT dnat ip to tcp dport map { 8474 : 10.0.0.1 . 8181 }; dnat ip6 to tcp dport map { 8474 : fd00::1 . 8181 }`, taken, served},
	{"on the device", `IN
		}; }; table netdev f { chain in { type filter hook ingress device tap0 priority 0; tcp dport 8474 drop;`, silent, silent},
	{"on the device, for others", `IN
		}; }; table netdev f { chain in { type filter hook ingress device lo priority 0; drop;`, served, served},
	{"on the device, on the way out", `IN
		}; }; table netdev f { chain out { type filter hook egress device tap0 priority 0; ip saddr 169.254.169.254 drop; ip6 saddr fd00:ec2::254 drop;`, silent, silent},
	{"by inet, on the device", `IN
		}; chain early { type filter hook ingress device tap0 priority 0; tcp dport 8474 drop;`, silent, silent},
	{"forwarded is something else", `IN
		}; chain through { type filter hook forward priority 0; policy drop;`, served, served},
	{"a bridge is something else", `IN
		}; }; table bridge f { chain in { type filter hook input priority 0; policy drop;`, served, served},
	{"another version of IP is something else", `IN
		}; }; table arp f { chain in { type filter hook input priority 0; policy drop;`, served, served},
	{"a port is written", `IN
		}; chain raw { type filter hook prerouting priority raw; tcp dport set 80;`, refused, refused},
}

// script makes nft's language of a ruleset.
func script(rules string) string {
	rules = strings.NewReplacer(
		"IN", "type filter hook input priority 0;", "PRE", "type filter hook prerouting priority 0;",
		"OUT", "type filter hook output priority 0;", "NAT", "type nat hook prerouting priority dstnat;").Replace(rules)
	return "table inet f {\n\tchain c {\n" + strings.ReplaceAll(rules, ";", "\n") + "\n}\n}\n"
}

func TestWhatIsForetoldHappens(t *testing.T) {
	b := newBed(t)
	for _, test := range rulesets {
		t.Run(test.name, func(t *testing.T) {
			rules := ""
			if test.rules != "" {
				rules = script(test.rules)
			}
			for _, addrs := range [][2]netip.Addr{{guest4, md4}, {guest6, md6}} {
				b.load(t, rules)
				if became, _ := b.check(t, addrs[0], addrs[1], servedPort, true); became != test.tracked {
					t.Errorf("a request is %s, and was to be %s", became, test.tracked)
				}
				b.load(t, rules+untracked)
				if became, _ := b.check(t, addrs[0], addrs[1], servedPort, true); became != test.exempt {
					t.Errorf("an untracked request is %s, and was to be %s", became, test.exempt)
				}
			}
		})
	}
}
