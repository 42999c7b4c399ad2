package verdict_test

import (
	"net/netip"
	"strings"
	"testing"

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
	became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, false)
	if became != silent || by(rulings) != "dropped by ip filter INPUT: policy drop" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	if became, rulings := b.check(t, guest6, md6, servedPort, verdict.New, false); became != silent || len(rulings) == 0 || rulings[0].Rule.Family != "ip6" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	f.Run(t, "ufw", "allow", "in", "on", "tap0", "to", "any", "port", "8474", "proto", "tcp")
	for _, addrs := range [][2]netip.Addr{{guest4, md4}, {guest6, md6}} {
		if became, rulings := b.check(t, addrs[0], addrs[1], servedPort, verdict.New, true); became != served {
			t.Errorf("%s, %s", became, by(rulings))
		}
	}
	f.Run(t, "ufw", "default", "deny", "outgoing")
	if became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, true); became != served { // the answer is of a known connection
		t.Errorf("%s, %s", became, by(rulings))
	}
	b.restore(t, untracked, "nft", "-f", "-")
	became, rulings = b.check(t, guest4, md4, servedPort, verdict.Untracked, true)
	if became != silent || by(rulings) != "dropped by ip filter OUTPUT: policy drop" {
		t.Errorf("%s, %s", became, by(rulings))
	}
}

// TestFirewalld is a request under the defaults of firewalld, and under a rule that
// lets it in.
func TestFirewalld(t *testing.T) {
	b := newBed(t)
	f := firewall.Firewalld(t, b.host)
	became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, true)
	if became != refused || by(rulings) != "rejected by inet firewalld filter_IN_public: reject" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	// For IPv6 it asks for the way back to the guest, which nobody can foretell.
	became, rulings = b.check(t, guest6, md6, servedPort, verdict.New, false)
	if became != refused || by(rulings) != "dropped by inet firewalld filter_PREROUTING: meta nfproto ipv6 fib saddr . mark . iif oif missing drop; "+
		"rejected by inet firewalld filter_IN_public: reject" {
		t.Errorf("%s, %s", became, by(rulings))
	}
	f.Run(t, "firewall-cmd", "--zone=public", "--add-port=8474/tcp")
	if became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
	b.check(t, guest6, md6, servedPort, verdict.New, false)
	b.restore(t, untracked, "nft", "-f", "-")
	if became, rulings := b.check(t, guest4, md4, servedPort, verdict.Untracked, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
}

// TestDocker is a request while a container has port 80 of every local address.
func TestDocker(t *testing.T) {
	b := newBed(t)
	b.listen(t, netip.AddrPortFrom(md4, 80), servedMSS)
	firewall.Docker(t, b.host)
	if became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, true); became != served {
		t.Errorf("%s, %s", became, by(rulings))
	}
	became, rulings := b.check(t, guest4, md4, 80, verdict.New, true)
	if became != silent || len(rulings) != 1 || rulings[0].To != "172.17.0.2:80" || by(rulings) != "readdressed by ip nat DOCKER: "+
		"iifname != \"docker0\" tcp dport 80 counter dnat to 172.17.0.2:80" {
		t.Errorf("%s, %+v", became, rulings)
	}
	// As our own rules rewrite the port before, Docker does not see it.
	b.restore(t, rewriting, "nft", "-f", "-")
	if became, rulings := b.check(t, guest4, md4, 80, verdict.New, true); became != served {
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
			if became, rulings := b.check(t, guest4, md4, servedPort, verdict.New, !test.open); became != test.becomes || test.open && len(rulings) == 0 {
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
		if became, _ := b.check(t, guest4, md4, servedPort, verdict.New, true); became != want {
			t.Errorf("it is %s, and was to be %s", became, want)
		}
	}
}
