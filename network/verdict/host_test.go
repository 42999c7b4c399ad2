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
		{"it is exempted once", rules("IN ct state untracked tcp dport 8474 reject with tcp reset\n}; chain out { type filter hook output priority -300; notrack;"), servedPort, refused,
			"rejected by inet f c: ct state untracked tcp dport 8474 reject"},
		{"a mark stays", rules("IN meta mark 7 tcp dport 8474 reject with tcp reset\n}; chain out { type filter hook output priority 0; meta mark set 7;"), servedPort, refused,
			"rejected by inet f c: meta mark 0x7 tcp dport 8474 reject"},
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

// judgeHost judges a request of the host, and the listener's answer.
func (b *bed) judgeHost(t *testing.T, port uint16) verdict.Judgement {
	t.Helper()
	rules := b.read(t)
	request := verdict.Packet{In: "lo", Out: "lo", Src: md4, Dst: md4, Protocol: unix.IPPROTO_TCP, SrcPort: b.port, DstPort: port, State: verdict.New}
	answer := request
	answer.SrcPort, answer.DstPort, answer.State = b.from, b.port, verdict.Established
	answer.Restored = b.restored
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

// tryHost has the host connect to itself, and says what became of it when all that
// this led to has happened.
func (b *bed) tryHost(t *testing.T, port uint16) string {
	t.Helper()
	defer onOneProcessor(t)()
	sender, _ := packets(t, b.host, "lo")
	heard, _ := packets(t, b.host, "lo")
	client := -1
	b.host.Do(func() {
		var err error
		if client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(client, &unix.SockaddrInet4{Addr: md4.As4(), Port: int(b.port)}); err != nil {
			t.Fatal(err)
		}
		err = unix.Connect(client, &unix.SockaddrInet4{Addr: md4.As4(), Port: int(port)})
		// Who is dropped on the way out is told so, and so is who has no way any more.
		if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENETUNREACH) {
			t.Fatal(err)
		}
	})
	defer func() { _ = unix.Close(client) }()
	b.passes(t, sender, heard, make(net.HardwareAddr, 6), make(net.HardwareAddr, 6))
	failed, err := unix.GetsockoptInt(client, unix.SOL_SOCKET, unix.SO_ERROR)
	info, infoErr := unix.GetsockoptTCPInfo(client, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err := errors.Join(err, infoErr); err != nil {
		t.Fatal(err)
	}
	const established = 1 // TCP_ESTABLISHED
	switch {
	case failed != 0:
		return refused
	case info.State != established:
		return silent
	case info.Snd_mss > servedMSS:
		return taken
	}
	return served
}
