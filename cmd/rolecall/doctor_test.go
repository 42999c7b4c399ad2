package main

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/doctor"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/nettest/firewall"
)

// examine runs `rolecall doctor`, whose exit status must fit what it finds.
func (h *house) examine() []doctor.Finding {
	h.t.Helper()
	out, errs, ok := h.run("doctor", "-o", "json")
	var found struct{ Findings []doctor.Finding }
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		h.t.Fatalf("doctor: %v in %s%s", err, out, errs)
	}
	if wrong := len(of(doctor.Error, found.Findings)) > 0; ok == wrong {
		h.t.Errorf("doctor succeeds: %t; it finds %+v", ok, found.Findings)
	}
	return found.Findings
}

func of(severity doctor.Severity, all []doctor.Finding) []doctor.Finding {
	var some []doctor.Finding
	for _, f := range all {
		if f.Severity == severity {
			some = append(some, f)
		}
	}
	return some
}

// reaches reports whether a connection to the metadata address comes about. It is the
// listener's: a container or a thief does not answer as we do.
func (h *house) reaches() bool {
	h.t.Helper()
	var conn net.Conn
	var err error
	h.ns.Do(func() {
		// Where it does not, nothing tells; more time would change nothing.
		conn, err = (&net.Dialer{Timeout: time.Second}).DialContext(h.t.Context(), "tcp4", "169.254.169.254:80")
	})
	if err != nil {
		return false
	}
	_ = conn.Close()
	return h.tryToken()
}

func (h *house) tryToken() bool {
	status, _, err := h.request("PUT", metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	return err == nil && status == 200
}

// street is a house with the machine itself, a guest on tap1, one on a bridge, and a
// container as instances.
type street struct {
	*house
	who map[string]*house
}

func newStreet(t *testing.T, more ...string) *street {
	t.Helper()
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up(more...)
	s := &street{house: h, who: map[string]*house{"the machine itself": h, "tap1": h.guest("tap1")}}
	h.ns.Run(t, "ip", "addr", "add", "10.0.0.1/24", "dev", "tap1")
	h.ns.Run(t, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
	h.ns.Run(t, "ip", "addr", "add", "10.0.1.1/24", "dev", "br0")
	h.ns.Run(t, "ip", "link", "set", "br0", "up")
	member := nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: h.ns, Device: "veth1"}, nettest.End{Namespace: member, Device: "eth0", Addrs: []string{"10.0.1.5/24"}})
	h.ns.Run(t, "ip", "link", "set", "veth1", "master", "br0")
	member.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
	member.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	s.who["veth1@br0"] = &house{t: t, ns: member, dir: h.dir}

	container := nettest.New(t)
	s.who["a container"] = &house{t: t, ns: container, dir: h.dir}

	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("put", "--id", dbGuest, "--profile", "db", "--bridge", "br0", "--port", "veth1", "--mac", "02:00:00:00:00:05", "--address", "10.0.1.5")
	h.instance("put", "--id", "i-00000000000000003", "--profile", "db", "--netns", container.Path())
	for _, id := range []string{webGuest, dbGuest, "i-00000000000000003"} {
		h.instance("wait", id)
	}
	return s
}

// served are those who reach us.
func (s *street) served() map[string]bool {
	s.t.Helper()
	all := map[string]bool{}
	for name, h := range s.who {
		all[name] = h.reaches()
	}
	return all
}

func (s *street) nft(script string) {
	s.t.Helper()
	cmd := s.ns.Command(s.t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("nft: %v\n%s", err, out)
	}
}

func (s *street) iptables(lines ...string) {
	s.t.Helper()
	for _, line := range lines {
		s.ns.Run(s.t, "iptables-nft", strings.Fields(line)...)
	}
}

// shell runs a command in the street, where a firewall may be.
type shell interface {
	Run(t testing.TB, name string, args ...string) string
}

// policies drop whatever no rule allows, in and out.
const policies = "table inet f {\n chain in {\n type filter hook input priority 0; policy drop;\n }\n chain out {\n type filter hook output priority 0; policy drop;\n }\n}"

// TestEveryFirewallIsFoundAndMended has firewalls cut instances off, and pastes the
// remedies until no error is found: then everybody is served.
func TestEveryFirewallIsFoundAndMended(t *testing.T) {
	const guests, everybody = "tap1, veth1@br0", "the machine itself, tap1, veth1@br0"
	ufw := func(t *testing.T, s *street) shell { return firewall.Ufw(t, s.ns) }
	firewalld := func(t *testing.T, s *street) shell { return firewall.Firewalld(t, s.ns) }
	docker := func(t *testing.T, s *street) shell { firewall.Docker(t, s.ns); return s.ns }
	nft := func(script string) func(*testing.T, *street) shell {
		return func(_ *testing.T, s *street) shell { s.nft(script); return s.ns }
	}
	iptables := func(lines ...string) func(*testing.T, *street) shell {
		return func(_ *testing.T, s *street) shell { s.iptables(lines...); return s.ns }
	}
	for _, test := range []struct {
		name, mode string
		make       func(*testing.T, *street) shell
		cut        string // who is not served
		want       string // part of a finding
	}{
		{"ufw", "rewrite", ufw, guests, "A policy of ufw drops requests"},
		{"ufw, also what goes out", "rewrite", func(t *testing.T, s *street) shell {
			f := firewall.Ufw(t, s.ns)
			f.Run(t, "ufw", "default", "deny", "outgoing")
			return f
		}, guests, "A policy of ufw drops requests"},
		{"firewalld", "rewrite", firewalld, guests, "A rule of firewalld rejects requests"},
		{"firewalld, which lets pass what is readdressed", "nat", firewalld, "", ""},
		{"iptables", "rewrite", iptables("-P INPUT DROP", "-P OUTPUT DROP"), everybody, "A policy of iptables drops requests"},
		{"nft", "rewrite", nft(policies), everybody, "A policy of nft drops requests"},
		{"nft", "nat", nft(policies), everybody, "A policy of nft drops requests"},
		{"nft", "direct", nft(policies), everybody, "A policy of nft drops requests"},
		{"nft, on the way out", "rewrite", nft("table inet f {\n chain out {\n type filter hook output priority 0;\n ip saddr 169.254.0.0/16 counter drop\n }\n}"),
			everybody, "A rule of nft drops our answers from 169.254.169.254 to tap1, br0."},
		{"nft, on the bridge", "rewrite", nft("table bridge f {\n chain in {\n type filter hook input priority 0; policy drop;\n ether type arp accept\n }\n}"),
			"veth1@br0", "A policy of nft drops requests for 169.254.169.254 from br0."},
		{"bad states", "nat", iptables("-A INPUT -m conntrack --ctstate INVALID -j DROP", "-A OUTPUT -m conntrack --ctstate INVALID -j DROP"), "", ""},
		{"no state", "rewrite", iptables("-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP"), everybody, "A rule of iptables drops requests"},
		{"a proxy for metadata, as kube2iam makes it", "rewrite", iptables("-t nat -A PREROUTING -p tcp -d 169.254.169.254/32 --dport 80 -i tap1 -j DNAT --to-destination 10.0.0.1:8181",
			"-t nat -A OUTPUT -p tcp -d 169.254.169.254/32 --dport 80 -j DNAT --to-destination 10.0.0.1:8181"),
			"", ""},
		{"a proxy for metadata, as kube2iam makes it", "nat", iptables("-t nat -I PREROUTING -p tcp -d 169.254.169.254/32 --dport 80 -i tap1 -j DNAT --to-destination 10.0.0.1:8181"), "", ""},
		{"a proxy that comes first", "nat", nft("table ip f {\n chain p {\n type nat hook prerouting priority -150;\n iifname \"tap1\" ip daddr 169.254.169.254 tcp dport 80 dnat to 10.0.0.1:8181\n }\n}"),
			"tap1", "A rule of nft readdresses requests for 169.254.169.254 from tap1, to 10.0.0.1:8181."},
		{"a container with port 80", "rewrite", docker, "", ""},
		{"a container with port 80", "nat", docker, "", ""},
	} {
		t.Run(test.mode+", "+test.name, func(t *testing.T) {
			s := newStreet(t, "--port-mode", test.mode)
			if errors := of(doctor.Error, s.examine()); len(errors) > 0 {
				t.Fatalf("before there is a firewall: %+v", errors)
			}
			where := test.make(t, s)
			for name, reached := range s.served() {
				if reached == strings.Contains(test.cut, name) {
					t.Errorf("%s is served: %t", name, reached)
				}
			}
			s.mend(where, test.want)
			for name, reached := range s.served() {
				if !reached {
					t.Errorf("with all remedies, %s is not served", name)
				}
			}
		})
	}
}

// mend pastes the remedies of all errors, as often as there are new ones.
func (s *street) mend(where shell, want string) {
	s.t.Helper()
	const rounds = 8
	for round := range rounds {
		errors := of(doctor.Error, s.examine())
		if round == 0 && !strings.Contains(saying(errors), want) {
			s.t.Errorf("doctor does not say %q:\n%s", want, saying(errors))
		}
		if len(errors) == 0 {
			return
		}
		for _, e := range errors {
			where.Run(s.t, "sh", "-c", e.Remedy)
		}
	}
	s.t.Errorf("after %d rounds there are still errors:\n%s", rounds, saying(s.examine()))
}

func saying(all []doctor.Finding) string {
	var text []string
	for _, f := range all {
		text = append(text, f.What+" | "+f.Where+" | "+f.Remedy)
	}
	return strings.Join(text, "\n")
}

// TestTheFirewallInsideAContainerIsFoundAndMended has rules in another namespace.
func TestTheFirewallInsideAContainerIsFoundAndMended(t *testing.T) {
	s := newStreet(t)
	container := s.who["a container"]
	inside := &street{house: container}
	inside.nft(policies)
	if container.reaches() {
		t.Error("the container is served")
	}
	if text := saying(of(doctor.Error, s.examine())); !strings.Contains(text, "from the programs of network namespace "+container.ns.Path()) {
		t.Errorf("doctor says\n%s", text)
	}
	s.mend(s.ns, "nsenter --net="+container.ns.Path()+" nft insert rule inet f out")
	if !container.reaches() {
		t.Error("with all remedies the container is not served")
	}
}

// TestWhatCannotBeLookedAtIsSaid is iptables without nf_tables, and a user who may not
// see the rules.
func TestWhatCannotBeLookedAtIsSaid(t *testing.T) {
	h := newHouse(t)
	h.up()
	h.ns.Run(t, "iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP")
	warnings := of(doctor.Warning, h.examine())
	if len(warnings) != 1 || !strings.Contains(warnings[0].What, "iptables-legacy has rules in table filter") ||
		!strings.Contains(h.ns.Run(t, "sh", "-c", warnings[0].Remedy), "-A INPUT -p tcp") {
		t.Errorf("%+v", warnings)
	}
	cmd := h.command(h.args("doctor")...)
	cmd.Args = append([]string{"setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"}, cmd.Args...)
	cmd.Path = "/usr/bin/setpriv"
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "The rules of the firewall cannot be read") || !strings.Contains(string(out), "remedy: sudo ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDoctorSpeaksToPeople is the table, and the exit status.
func TestDoctorSpeaksToPeople(t *testing.T) {
	h := newHouse(t)
	out, errs, ok := h.run("doctor")
	if ok || !strings.Contains(out, "ERROR: The agent does not answer: nothing listens on "+h.path("run/agent.sock")) ||
		!strings.Contains(out, "  remedy: systemctl start rolecall || ") || errs != "rolecall: 1 error is to be mended: see above\n" {
		t.Errorf("without an agent: %t\n%s%s", ok, out, errs)
	}
	h.up()
	out, errs, ok = h.run("doctor")
	if !ok || errs != "" || !strings.Contains(out, "nothing is hops away") || !strings.HasSuffix(out, "\nNothing is wrong.\n") {
		t.Errorf("with one: %t\n%s%s", ok, out, errs)
	}
	if out, errs, ok = h.run("doctor", "-o", "yaml"); ok || errs != "rolecall: -o yaml: want json or table\n" {
		t.Errorf("%t %s%s", ok, out, errs)
	}
	cmd := h.command(h.args("doctor")...)
	cmd.Env = append(cmd.Env, "HTTP_PROXY=http://proxy:3128")
	text, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "WARNING: HTTP_PROXY is set") || strings.Contains(string(text), "Nothing is wrong") {
		t.Errorf("%v\n%s", err, text)
	}
}
