package verdict_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest/firewall"
	"github.com/rolecall/rolecall/network/steer"
	"github.com/rolecall/rolecall/network/verdict"
)

// lead has our own tables lead requests for port 80 to a listener, in one of the ways
// that there are, and lo and tap0 served.
func (b *bed) lead(t *testing.T, w steer.Way) {
	t.Helper()
	guard := steer.Via(w)
	b.host.Run(t, "ip", "addr", "add", md4.String()+"/32", "dev", "lo")
	b.host.Do(func() {
		if err := errors.Join(guard.Ensure(), guard.Guard("tap0"), guard.Serve("tap0"), guard.Serve("lo"), guard.Refuse("tap0")); err != nil {
			t.Fatal(err)
		}
	})
	if w.Mode == steer.Direct {
		b.from = 80
		b.listen(t, netip.AddrPortFrom(md4, 80), servedMSS)
		b.listen(t, netip.AddrPortFrom(md6, 80), servedMSS)
	}
	if w.Mode == steer.NAT {
		b.restored = 80
	}
	b.listenOn(t, "lo", netip.AddrPortFrom(md4, b.from), servedMSS)
}

// TestRequestsThatOurOwnRulesLead is rules of others beside ours, which change the
// port and what connection tracking sees, each way at other places.
func TestRequestsThatOurOwnRulesLead(t *testing.T) {
	load := func(rules string) func(*testing.T, *bed) {
		return func(t *testing.T, b *bed) { b.restore(t, script(rules), "nft", "-f", "-") }
	}
	for _, w := range []steer.Way{{Mode: steer.Direct}, {Mode: steer.Rewrite, Port: servedPort}, {Mode: steer.NAT, Port: servedPort}} {
		for name, others := range map[string]func(*testing.T, *bed){
			"nobody":                   func(*testing.T, *bed) {},
			"ufw":                      func(t *testing.T, b *bed) { firewall.Ufw(t, b.host) },
			"docker":                   func(t *testing.T, b *bed) { firewall.Docker(t, b.host) },
			"a policy":                 load(`IN policy drop;`),
			"port 80":                  load(`IN policy drop; tcp dport 80 accept`),
			"port 80 and its answers":  load("IN policy drop; tcp dport 80 accept\n}; chain out { type filter hook output priority 0; policy drop; tcp sport 80 accept; tcp dport 80 accept;"),
			"our port":                 load(`IN policy drop; tcp dport 8474 accept`),
			"our port and its answers": load("IN policy drop; tcp dport 8474 accept\n}; chain out { type filter hook output priority 0; policy drop; tcp sport 8474 accept; tcp dport { 80, 8474 } accept;"),
			"bad states":               load("IN ct state invalid drop\n}; chain out { type filter hook output priority 0; ct state invalid drop;"),
			"unknown states":           load(`IN ct state != { new, established } drop`),
			"answers by our port":      load("IN\n}; chain out { type filter hook output priority 0; tcp sport 8474 drop;"),
			"answers by port 80":       load("IN iifname lo tcp sport 80 drop"),
			"answers, late":            load("IN\n}; chain post { type filter hook postrouting priority 110; tcp sport 8474 drop;"),
			"answers, not so late":     load("IN\n}; chain post { type filter hook postrouting priority 90; tcp sport 8474 drop;"),
			"a thief":                  load(`NAT tcp dport 80 redirect to :8181`),
			"a late thief":             load("IN\n}; chain late { type nat hook prerouting priority -90; tcp dport { 80, 8474 } redirect to :8181;"),
			"a thief of our own":       load("IN\n}; chain late { type nat hook output priority -110; tcp dport { 80, 8474 } redirect to :8181;"),
		} {
			t.Run(fmt.Sprintf("%s, %s", w.Mode, name), func(t *testing.T) {
				b := newBed(t)
				b.lead(t, w)
				others(t, b)
				for _, addrs := range [][2]netip.Addr{{guest4, md4}, {guest6, md6}} {
					b.check(t, addrs[0], addrs[1], 80, true)
				}
				b.port++
				j := b.judgeHost(t, 80)
				if became := b.tryHost(t, 80); j.Passes != (became == served) || j.Passes && len(j.Rulings) > 0 {
					t.Errorf("the host's own request is %s; foretold: it passes: %t, %s", became, j.Passes, by(j.Rulings))
				}
			})
		}
	}
}

func TestThePortIsTheOneThatTheRuleSees(t *testing.T) {
	for mode, want := range map[steer.Mode]uint16{steer.Rewrite: 80, steer.NAT: servedPort} {
		b := newBed(t)
		b.lead(t, steer.Way{Mode: mode, Port: servedPort})
		b.restore(t, script(`IN policy drop;`), "nft", "-f", "-")
		request := verdict.Packet{In: "tap0", Dst: md4, Protocol: unix.IPPROTO_TCP, DstPort: 80, State: verdict.New}
		j := b.read(t).Judge(request, verdict.Ingress, verdict.Prerouting, verdict.Input)
		if len(j.Rulings) != 1 || j.Rulings[0].DstPort != want || j.Rulings[0].SrcPort != 0 {
			t.Errorf("%s: %+v", mode, j.Rulings)
		}
	}
}

// A packet that a rule of ours may drop is followed as one that it does not drop.
func TestOurOwnRulesStopWhatTheyAreMeantToStop(t *testing.T) {
	b := newBed(t)
	b.load(t, script(`IN ct state untracked drop`)+`
		table inet rolecall { chain pre { type filter hook prerouting priority raw; tcp sport 4711 drop; ip daddr 169.254.169.254 notrack; }; }`)
	request := verdict.Packet{In: "tap0", Dst: md4, Protocol: unix.IPPROTO_TCP, DstPort: servedPort, State: verdict.New}
	j := b.read(t).Judge(request, verdict.Prerouting, verdict.Input)
	if j.Passes || by(j.Rulings) != "dropped by inet f c: ct state untracked drop" {
		t.Errorf("it passes: %t, %s", j.Passes, by(j.Rulings))
	}
	request.SrcPort = 4711
	if j := b.read(t).Judge(request, verdict.Prerouting, verdict.Input); j.Passes || len(j.Rulings) > 0 {
		t.Errorf("it passes: %t, %s", j.Passes, by(j.Rulings))
	}
}

func TestMakersAreKnownByTheirTables(t *testing.T) {
	for want, start := range map[verdict.Maker]func(*testing.T, *bed){
		verdict.Ufw:       func(t *testing.T, b *bed) { firewall.Ufw(t, b.host) },
		verdict.Firewalld: func(t *testing.T, b *bed) { firewall.Firewalld(t, b.host) },
		verdict.Docker: func(t *testing.T, b *bed) {
			firewall.Docker(t, b.host)
			b.host.Run(t, "iptables-nft", "-P", "INPUT", "DROP")
		},
		verdict.Iptables: func(t *testing.T, b *bed) { b.host.Run(t, "iptables-nft", "-P", "INPUT", "DROP") },
		verdict.Nft:      func(t *testing.T, b *bed) { b.load(t, script(`IN policy drop;`)) },
	} {
		b := newBed(t)
		start(t, b)
		request := verdict.Packet{In: "tap0", Dst: md4, Protocol: unix.IPPROTO_TCP, DstPort: 80, State: verdict.New}
		j := b.read(t).Judge(request, verdict.Ingress, verdict.Prerouting, verdict.Input)
		if len(j.Rulings) == 0 || j.Rulings[len(j.Rulings)-1].Rule.Maker != want {
			t.Errorf("%s: %+v", want, j.Rulings)
		}
	}
}
