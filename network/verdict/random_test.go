package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// randomRulesets is how many are made. Each is tried with both versions of IP.
const randomRulesets = 120

// TestRandomRulesets makes rules of everything that is decided by the packet alone,
// and holds the kernel's verdict against ours, which must be certain.
func TestRandomRulesets(t *testing.T) {
	b := newBed(t)
	seed := rand.Uint64()
	for n := range uint64(randomRulesets) {
		t.Run(fmt.Sprintf("%d of %d", n, seed), func(t *testing.T) {
			rules := maker{rand.New(rand.NewPCG(seed, n))}.ruleset()
			b.load(t, rules)
			for _, addrs := range [][2]netip.Addr{{guest4, md4}, {guest6, md6}} {
				b.check(t, addrs[0], addrs[1], servedPort, true)
			}
			if t.Failed() {
				t.Log(rules)
			}
		})
	}
}

// maker makes rules by chance. What it chooses from has about as much that fits the
// request as does not.
type maker struct{ *rand.Rand }

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

func (m maker) ruleset() string {
	var b strings.Builder
	b.WriteString("table inet f {\n\tset some { type ipv4_addr; flags interval; elements = { 10.0.0.4-10.0.0.7, 172.16.0.0/12 }; }\n")
	b.WriteString("\tmap where { type inet_service : verdict; elements = { 22 : drop, 8474 : " + m.one("jump first", "goto second", "accept") + " }; }\n")
	for i, name := range []string{"second", "first"} { // those that a chain may lead to
		fmt.Fprintf(&b, "\tchain %s {\n%s\t}\n", name, m.rules([]string{"second", "first"}[:i]))
	}
	for _, hook := range []string{"prerouting", "input", "output"} { // where reject is allowed
		for i := range m.IntN(3) {
			fmt.Fprintf(&b, "\tchain %s%d {\n\t\ttype filter hook %s priority %s; policy %s;\n%s\t}\n", hook, i, hook,
				m.one("-310", "-150", "0", "10"), m.one("accept", "accept", "accept", "drop"), m.rules([]string{"second", "first"}))
		}
	}
	return b.String() + "}\n"
}

func (m maker) rules(chains []string) string {
	var b strings.Builder
	for range m.IntN(5) {
		b.WriteString("\t\t" + m.matches() + m.statement(chains) + "\n")
	}
	return b.String()
}

func (m maker) matches() string {
	for {
		text := m.match()
		if m.IntN(2) == 0 {
			text += m.match()
		}
		if !strings.Contains(text, "ip6 ") || !strings.Contains(text, "ip ") && !strings.Contains(text, "ipv4") { // which contradict
			return text
		}
	}
}

func (m maker) match() string {
	return m.one(
		`iifname "tap0" `, `oifname "tap0" `, `iifname != "lo" `, `iif "lo" `, `meta nfproto ipv4 `, `meta l4proto tcp `, `meta l4proto != udp `,
		`ip saddr @some `, `ip saddr != @some `, `ip daddr 169.254.0.0/16 `, `ip6 saddr fd00::/64 `, `ip6 daddr != ::/1 `, `ip protocol { tcp, 99 } `,
		`tcp dport 8474 `, `tcp dport != 8474 `, `tcp sport 8474 `, `tcp dport { 1-8000, 8474-8480 } `, `tcp sport >= 1024 `, `th dport 8470-8480 `,
		`ip saddr . tcp dport { 10.0.0.0/24 . 8474, 10.1.0.0/16 . 1-9000 } `, `iifname . tcp dport { "tap0" . 8474, "lo" . 80 } `,
		`ct state new `, `ct state established,related `, `ct state != invalid `, `ct state { new, untracked } `,
		`meta mark 0 `, `meta mark & 0x6 == 2 `, `meta mark > 1 `, `meta mark { 1, 5-7 } `, `meta mark != 3 `, `tcp flags & (syn|ack) == syn ct state new `,
	)
}

func (m maker) statement(chains []string) string {
	all := []string{
		"accept", "accept", "drop", "reject", "reject with tcp reset", "return", "counter", "log", "tcp dport vmap @where",
		"meta mark set 2", "meta mark set mark | 4", "meta mark set mark & 1", "ct mark set 3", "meta mark set tcp dport map { 8474 : 5, 1-1000 : 6 }",
	}
	for _, c := range chains {
		all = append(all, "jump "+c, "goto "+c)
	}
	statement := m.one(all...)
	switch {
	case len(chains) < 2 && strings.HasSuffix(statement, "@where"): // which leads to chains itself
		return "counter"
	case statement == "reject with tcp reset":
		return "meta l4proto tcp " + statement
	}
	return statement
}
