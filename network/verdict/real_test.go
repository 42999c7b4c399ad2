package verdict_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest/firewall"
	"github.com/rolecall/rolecall/network/verdict"
)

// by is the fate and the place of each ruling, as a test can compare it.
func by(rulings []verdict.Ruling) string {
	var all []string
	for _, r := range rulings {
		all = append(all, string(r.Fate)+" by "+strings.Join([]string{r.Rule.Family, r.Rule.Table, r.Rule.Chain}, " ")+": "+r.Rule.Text)
	}
	return strings.Join(all, "; ")
}

// TestUfw is a request under the defaults of ufw, and under rules that let it in.
func TestUfw(t *testing.T) {
	b := newBed(t)
	f := firewall.Ufw(t, b.host)
	became, rulings := b.check(t, guest4, md4, servedPort, false)
	if became != silent || by(rulings) != "dropped by ip filter INPUT: policy drop" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	if became, rulings := b.check(t, guest6, md6, servedPort, false); became != silent || len(rulings) == 0 || rulings[0].Rule.Family != "ip6" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	f.Run(t, "ufw", "allow", "in", "on", "tap0", "to", "any", "port", "8474", "proto", "tcp")
	for _, addrs := range [][2]netip.Addr{{guest4, md4}, {guest6, md6}} {
		if became, rulings := b.check(t, addrs[0], addrs[1], servedPort, true); became != served {
			t.Errorf("%s, %s", became, by(rulings))
		}
	}
	f.Run(t, "ufw", "default", "deny", "outgoing")
	if became, rulings := b.check(t, guest4, md4, servedPort, true); became != served { // the answer is of a known connection
		t.Errorf("%s, %s", became, by(rulings))
	}
	b.restore(t, untracked, "nft", "-f", "-")
	became, rulings = b.check(t, guest4, md4, servedPort, true)
	if became != silent || by(rulings) != "dropped by ip filter OUTPUT: policy drop" {
		t.Errorf("%s, %s", became, by(rulings))
	}
}

// TestFirewalld is a request under the defaults of firewalld, and under a rule that
// lets it in.
func TestFirewalld(t *testing.T) {
	b := newBed(t)
	f := firewall.Firewalld(t, b.host)
	became, rulings := b.check(t, guest4, md4, servedPort, true)
	if became != refused || by(rulings) != "rejected by inet firewalld filter_IN_public: reject" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	// For IPv6 it asks for the way back to the guest, which nobody can foretell.
	became, rulings = b.check(t, guest6, md6, servedPort, false)
	if became != refused || by(rulings) != "dropped by inet firewalld filter_PREROUTING: meta nfproto ipv6 fib saddr . mark . iif oif missing drop; "+
		"rejected by inet firewalld filter_IN_public: reject" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	f.Run(t, "firewall-cmd", "--zone=public", "--add-port=8474/tcp")
	if became, rulings := b.check(t, guest4, md4, servedPort, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
	b.check(t, guest6, md6, servedPort, false)
	b.restore(t, untracked, "nft", "-f", "-")
	if became, rulings := b.check(t, guest4, md4, servedPort, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
}

// TestDocker is a request while a container has port 80 of every local address.
func TestDocker(t *testing.T) {
	b := newBed(t)
	b.listen(t, netip.AddrPortFrom(md4, 80), servedMSS)
	firewall.Docker(t, b.host)
	if became, rulings := b.check(t, guest4, md4, servedPort, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
	became, rulings := b.check(t, guest4, md4, 80, true)
	if became != silent || len(rulings) != 1 || rulings[0].To != "172.17.0.2:80" || by(rulings) != "readdressed by ip nat DOCKER: "+
		"iifname != \"docker0\" tcp dport 80 counter dnat to 172.17.0.2:80" {
		t.Errorf("%s, %+v", became, rulings)
	}
	// As our own rules rewrite the port before, Docker does not see it.
	b.restore(t, rewriting, "nft", "-f", "-")
	if became, rulings := b.check(t, guest4, md4, 80, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
}

// rewriting is how rules of ours have port 80 of the metadata address served elsewhere.
const rewriting = untracked + `
table netdev rolecall {
	chain in { type filter hook ingress device tap0 priority -450; ip daddr 169.254.169.254 tcp dport 80 tcp dport set 8474; }
	chain out { type filter hook egress device tap0 priority -450; ip saddr 169.254.169.254 tcp sport 8474 tcp sport set 80; }
}
`

// TestIptables is requests under rules that iptables makes with its extensions.
func TestIptables(t *testing.T) {
	for _, test := range []struct {
		name, table, rules, becomes string
		open                        bool // whether the judgement may be uncertain
	}{
		{"state", "filter", "-A INPUT -m state --state NEW -j DROP", silent, false},
		{"no state", "filter", "-A INPUT -m conntrack ! --ctstate NEW,ESTABLISHED -j DROP", served, false},
		{"untracked", "filter", "-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP", served, false},
		{"one of several ports", "filter", "-A INPUT -p tcp -m multiport --dports 22,8400:8500 -j REJECT", refused, false},
		{"none of several ports", "filter", "-A INPUT -p tcp -m multiport --dports 22,8000:8100 -j REJECT", served, false},
		{"not one of several ports", "filter", "-A INPUT -p tcp -m multiport ! --dports 22,8474 -j REJECT", served, false},
		{"the local address", "filter", "-A INPUT -m addrtype --dst-type LOCAL -j REJECT --reject-with tcp-reset -p tcp", refused, false},
		{"no local address", "filter", "-A INPUT -m addrtype ! --dst-type LOCAL -j DROP", served, false},
		{"a comment", "filter", "-A INPUT -m comment --comment our -p tcp --dport 8474 -j DROP", silent, false},
		{"a mark", "filter", "-A INPUT -m mark --mark 0x5/0xf -j DROP", silent, false},
		{"another mark", "filter", "-A INPUT -m mark ! --mark 0x5/0xf -j DROP", served, false},
		{"a chain", "filter", "-N x\n-A INPUT -g x\n-A INPUT -j ACCEPT\n-A x -p tcp -j DROP", silent, false},
		{"not tracked", "raw", "-A PREROUTING -p tcp -j CT --notrack\nCOMMIT\n*filter\n-A INPUT -m conntrack --ctstate UNTRACKED -j DROP", silent, false},
		{"a rate", "filter", "-A INPUT -m limit --limit 1/h --limit-burst 1 -j ACCEPT\n-A INPUT -j DROP", served, true},
		{"a rate that is used up", "filter", "-A INPUT -m hashlimit --hashlimit-above 1000/s --hashlimit-name x -j DROP", served, true},
		{"a redirection", "nat", "-A PREROUTING -p tcp --dport 8474 -j REDIRECT --to-ports 8181", taken, false},
		{"another address", "nat", "-A PREROUTING -d 169.254.169.254 -p tcp -j DNAT --to-destination 10.0.0.1:8181", taken, false},
		{"another source", "nat", "-A POSTROUTING -j MASQUERADE", served, false},
		{"a log", "filter", "-A INPUT -j LOG --log-prefix x", served, false},
		{"the answer", "filter", "-P OUTPUT DROP", silent, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			script := "*mangle\n-A PREROUTING -j MARK --set-xmark 0x5/0xff\nCOMMIT\n*" + test.table + "\n" + test.rules + "\nCOMMIT\n"
			if after, found := strings.CutPrefix(test.rules, "-P OUTPUT"); found {
				script = "*filter\n:OUTPUT" + after + " [0:0]\nCOMMIT\n"
			}
			b.restore(t, script, "iptables-nft-restore")
			if became, rulings := b.check(t, guest4, md4, servedPort, !test.open); became != test.becomes || test.open && len(rulings) == 0 {
				t.Errorf("it is %s and was to be %s: %s", became, test.becomes, by(rulings))
			}
		})
	}
}

// TestWhatTheGuestChoosesIsUncertain is a rule that is about the guest's port.
func TestWhatTheGuestChoosesIsUncertain(t *testing.T) {
	b := newBed(t)
	b.load(t, script(`IN tcp sport 20001 drop`))
	anyGuest := verdict.Packet{In: "tap0", Dst: md4, Protocol: unix.IPPROTO_TCP, DstPort: servedPort, State: verdict.New}
	j := b.read(t).Judge(anyGuest, verdict.Prerouting, verdict.Input)
	if !j.Passes || by(j.Rulings) != "dropped by inet f c: tcp sport 20001 drop" {
		t.Errorf("%t, %s", j.Passes, by(j.Rulings))
	}
	for _, want := range []string{silent, served} { // of the ports 20001 and 20002
		if became, _ := b.check(t, guest4, md4, servedPort, true); became != want {
			t.Errorf("it is %s, and was to be %s", became, want)
		}
	}
}

// TestWhatIsNotToldIsUncertain is what depends on more than is known of the packet, or
// than the kernel tells.
func TestWhatIsNotToldIsUncertain(t *testing.T) {
	b := newBed(t)
	b.restored = 80
	for name, rules := range map[string]string{
		"the order of equals, with tracking":  "IN\n}; chain pre { type filter hook prerouting priority -200; ct state invalid drop;",
		"the order of equals, with NAT":       "IN\n}; chain post { type filter hook postrouting priority 100; tcp sport 8474 drop;",
		"a rate of an element":                "IN ip saddr @s drop\n}; set s { type ipv4_addr; limit rate 1/day burst 1 packets; elements = { 10.0.0.5 };",
		"a rate":                              "IN limit rate 1/day drop",
		"a rate of each":                      "IN update @s { ip saddr limit rate over 1/day } drop\n}; set s { type ipv4_addr; size 9; flags dynamic;",
		"a mark that is calculated":           "IN meta mark set meta mark << 1; meta mark 14 drop",
		"a route":                             "IN fib saddr oif missing drop",
		"a socket":                            "IN socket transparent 1 drop",
		"the device's address":                "IN ether saddr 02:00:00:00:00:07 drop",
		"what connection tracking has marked": "OUT ct mark 7 drop",
		"an option":                           "IN tcp option maxseg size 1-500 drop",
		"a user":                              "OUT meta skuid 4711 drop",
	} {
		b.load(t, script(rules))
		for range 2 { // the first may use up a rate
			if became, rulings := b.check(t, guest4, md4, servedPort, false); len(rulings) == 0 {
				t.Errorf("%s: no rule may stop it, and it is %s", name, became)
			}
		}
	}
}

// TestMarksAsOlderIptablesHasThem is an extension that iptables no longer makes.
func TestMarksAsOlderIptablesHasThem(t *testing.T) {
	b := newBed(t)
	for _, test := range []struct {
		mark, mask uint32
		invert     byte
		becomes    string
	}{{5, 15, 0, silent}, {5, 15, 1, served}, {6, 15, 0, served}, {6, 15, 1, silent}, {21, 255, 0, silent}} {
		b.load(t, script("IN\n}; chain pre { type filter hook prerouting priority 0; meta mark set 0x15;"))
		info := xt.Unknown(binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, test.mark), test.mask))
		info = append(info, test.invert, 0, 0, 0)
		b.host.Do(func() {
			cc, err := nftables.New()
			if err != nil {
				t.Fatal(err)
			}
			table := cc.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "filter"})
			c := cc.AddChain(&nftables.Chain{Table: table, Name: "INPUT", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter})
			cc.AddRule(&nftables.Rule{Table: table, Chain: c, Exprs: []expr.Any{
				&expr.Match{Name: "mark", Rev: 1, Info: &info}, &expr.Verdict{Kind: expr.VerdictDrop},
			}})
			if err := cc.Flush(); err != nil {
				t.Fatal(err)
			}
		})
		if became, rulings := b.check(t, guest4, md4, servedPort, true); became != test.becomes {
			t.Errorf("%+v: it is %s: %s", test, became, by(rulings))
		}
	}
}
