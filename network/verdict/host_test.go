package verdict_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest/firewall"
	"github.com/rolecall/rolecall/network/verdict"
)

// The whole way of a request that a machine makes of itself, and back.
var around = []verdict.Hook{verdict.Output, verdict.Postrouting, verdict.Egress, verdict.Ingress, verdict.Prerouting, verdict.Input}

// TestTheHostsOwnRequests is packets that leave by lo and come back by it.
func TestTheHostsOwnRequests(t *testing.T) {
	accept := func(*testing.T, *bed) {}
	rules := func(text string) func(*testing.T, *bed) {
		return func(t *testing.T, b *bed) { b.load(t, script(text)) }
	}
	for _, test := range []struct {
		name    string
		make    func(*testing.T, *bed)
		port    uint16
		becomes string
		by      string
	}{
		{"no rules", accept, servedPort, served, ""},
		{"ufw", func(t *testing.T, b *bed) { firewall.Ufw(t, b.host) }, servedPort, served, ""},
		{"firewalld", func(t *testing.T, b *bed) { firewall.Firewalld(t, b.host) }, servedPort, served, ""},
		{"a policy on the way out", rules("OUT policy drop;"), servedPort, silent, "dropped by inet f c: policy drop"},
		{"a policy on the way in", rules("IN policy drop; ct state established accept"), servedPort, silent, "dropped by inet f c: policy drop"},
		{"it is tracked once", rules("PRE\n}; chain early { type filter hook prerouting priority -350; ct state invalid drop;"), servedPort, served, ""},
		{"it is exempted once", rules("IN ct state untracked reject\n}; chain out { type filter hook output priority -300; notrack;"), servedPort, refused,
			"rejected by inet f c: ct state untracked reject"},
		{"a mark stays", rules("IN meta mark 7 reject\n}; chain out { type filter hook output priority 0; meta mark set 7;"), servedPort, refused,
			"rejected by inet f c: meta mark 0x7 reject"},
		{"the answer", rules("OUT tcp sport 8474 drop"), servedPort, silent, "dropped by inet f c: tcp sport 8474 drop"},
		{"docker, on another port", func(t *testing.T, b *bed) { firewall.Docker(t, b.host) }, servedPort, served, ""},
		// Here our own rules come too late: they are on the device.
		{"docker, on port 80", func(t *testing.T, b *bed) { firewall.Docker(t, b.host); b.rewrite(t) }, 80, silent,
			"readdressed by ip nat DOCKER: iifname != \"docker0\" tcp dport 80 counter dnat to 172.17.0.2:80"},
		{"port 80", func(t *testing.T, b *bed) { b.rewrite(t) }, 80, served, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			b.host.Run(t, "ip", "addr", "del", md4.String()+"/32", "dev", "tap0")
			b.host.Run(t, "ip", "addr", "add", md4.String()+"/32", "dev", "lo")
			b.listenOn(t, "lo", netip.AddrPortFrom(md4, servedPort), servedMSS)
			test.make(t, b)
			judged := b.judgeHost(t, test.port)
			if became := b.tryHost(t, test.port); became != test.becomes || by(judged.Rulings) != test.by || judged.Passes != (test.by == "") {
				t.Errorf("it is %s, and was to be %s; judged to pass: %t, %s", became, test.becomes, judged.Passes, by(judged.Rulings))
			}
		})
	}
}

// judgeHost judges a request of the host, and its answer.
func (b *bed) judgeHost(t *testing.T, port uint16) verdict.Judgement {
	t.Helper()
	rules := b.read(t)
	request := verdict.Packet{In: "lo", Out: "lo", Src: md4, Dst: md4, Protocol: unix.IPPROTO_TCP, SrcPort: b.port, DstPort: port, State: verdict.New}
	answer := request
	answer.SrcPort, answer.DstPort, answer.State = servedPort, b.port, verdict.Established
	j := rules.Judge(request, around...)
	if !j.Passes {
		return j
	}
	k := rules.Judge(answer, around...)
	return verdict.Judgement{Passes: k.Passes, Rulings: slices.Concat(j.Rulings, k.Rulings)}
}

// rewrite has port 80 of the metadata address served elsewhere, on lo.
func (b *bed) rewrite(t *testing.T) {
	t.Helper()
	b.restore(t, `table netdev rolecall {
		chain in { type filter hook ingress device lo priority -450; ip daddr 169.254.169.254 tcp dport 80 tcp dport set 8474; }
		chain out { type filter hook egress device lo priority -450; ip saddr 169.254.169.254 tcp sport 8474 tcp sport set 80; }
	}`, "nft", "-f", "-")
}

// tryHost sends the host's first packet of a connection to itself.
func (b *bed) tryHost(t *testing.T, port uint16) string {
	t.Helper()
	defer onOneProcessor(t)()
	heard, _ := packets(t, b.host, "lo")
	sender, _ := packets(t, b.host, "lo")
	mac := make(net.HardwareAddr, 6)
	b.host.Do(func() {
		raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(raw) }()
		err = unix.Sendto(raw, segment(md4, md4, b.port, port), 0, &unix.SockaddrInet4{Addr: md4.As4()})
		// The sender is told of a packet that is dropped, or has no way any more.
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENETUNREACH) {
			t.Fatal(err)
		}
	})
	for _, frame := range b.passes(t, sender, heard, mac, mac) {
		if fate := fateOf(frame, b.port); fate != "" {
			return fate
		}
	}
	return silent
}
