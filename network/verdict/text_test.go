package verdict

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestTextIsWhatNftShows makes rules, and holds their text against that of nft.
func TestTextIsWhatNftShows(t *testing.T) {
	ns := nettest.New(t)
	cmd := ns.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(`
table inet f {
	set known { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
	chain other { }
	chain c {
		type filter hook input priority 0;
		iifname "tap0" drop
		iifname "tap*" oifname != "eth0" accept
		iif "lo" accept
		ip saddr 10.0.0.5 tcp dport 80 reject
		ip daddr 169.254.0.0/16 drop
		ip6 daddr fd00:ec2::254 udp sport != 53 drop
		ip saddr @known drop
		ip saddr != @known jump other
		ct state invalid drop
		ct state established,related accept
		ct state { established, untracked } accept
		tcp dport 8000-9000 drop
		tcp dport { 22, 80-90 } accept
		tcp dport vmap { 22 : accept, 80 : jump other }
		ip saddr . tcp dport { 10.0.0.5 . 80 } goto other
		tcp dport >= 1024 return
		meta mark 0x00000005 drop
		meta mark set 0x00000007
		meta mark & 0x000000ff == 0x00000005 drop
		meta l4proto { tcp, udp } drop
		meta nfproto ipv4 drop
		meta skuid 1000 drop
		fib daddr type local drop
		fib saddr . iif oif missing drop
		fib saddr . iif oif exists accept
		limit rate 5/minute accept
		limit rate over 10/second drop
		ip protocol icmp accept
		ip saddr 10.0.0.6 drop comment "not him"
	}
	chain n {
		type nat hook prerouting priority -100;
		ip daddr 169.254.169.254 tcp dport 80 dnat ip to 10.0.0.1:8181
		tcp dport 80 redirect to :8181
	}
	chain p {
		type nat hook postrouting priority 100;
		oifname "eth0" masquerade
		ip saddr 10.0.0.5 snat ip to 10.0.0.1
	}
	chain r {
		type filter hook prerouting priority -300;
		tcp dport 80 notrack
	}
}
`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
	for _, rule := range []string{
		"-A INPUT -p tcp --dport 80 -m comment --comment hello -j REJECT",
		"-A INPUT -i tap0 -p tcp -m multiport --dports 80,443,1000:1100 -j DROP",
		"-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP",
		"-A INPUT -m addrtype --dst-type LOCAL -j LOG",
		"-t nat -A PREROUTING -p tcp -d 169.254.169.254 --dport 80 -j DNAT --to-destination 10.0.0.1:8181",
		"-t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 51679",
		"-A INPUT -m recent --name x --set -j DROP",
	} {
		ns.Run(t, "iptables-nft", strings.Fields(rule)...)
	}
	shown := ns.Run(t, "nft", "list", "ruleset")
	var rules *Ruleset
	var err error
	ns.Do(func() { rules, err = Read() })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rules.chains {
		for _, r := range c.rules {
			w := &walk{rules: rules, chain: c, rule: r}
			d := w.describe()
			if r.comment != "" && c.family != 2 { // iptables has its own way, which nft leaves out
				d.Text += ` comment "` + d.Comment + `"`
			}
			if !strings.Contains(plain(shown), "\n"+plain(d.Text)+"\n") {
				t.Errorf("nft does not show %q", d.Text)
			}
		}
	}
	if t.Failed() {
		t.Log(plain(shown))
	}
}

// plain leaves out of nft's text what changes, and the words for what is understood
// anyway.
func plain(text string) string {
	for from, to := range map[string]string{
		`counter( packets \d+ bytes \d+)? ?`: "", `reject with \S+( \S+)?`: "reject", `log .*`: "log", `0x0+([0-9a-f])`: "0x$1", `related,established`: "established,related",
		` burst \d+ packets`: "", `(dnat|snat) ip6? to`: "$1 to",
		`meta l4proto tcp tcp`: "tcp", `xt match recent`: `xt match "recent"`, `(?m)^[ \t]+|[ \t]+$`: "", `  +`: " ",
	} {
		text = regexp.MustCompile(from).ReplaceAllString(text, to)
	}
	return text
}
