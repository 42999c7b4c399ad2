package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const remoteURL = "https://10.9.0.1:8473"

// site is a core on one machine, and hosts on others: each is a namespace.
type site struct {
	*house // the core's
	hosts  []*house
}

// newSite starts a core that answers over TLS on its own authority, and connects as
// many hosts to it by a bridge.
func newSite(t *testing.T, hosts int, more ...string) (*site, *process) {
	t.Helper()
	s := &site{house: newHouse(t)}
	s.write("core.yaml", guestRoles)
	s.ns.Run(t, "ip", "link", "add", "lan", "type", "bridge")
	s.ns.Run(t, "ip", "addr", "add", "10.9.0.1/24", "dev", "lan")
	s.ns.Run(t, "ip", "link", "set", "lan", "up")
	for n := range hosts {
		h := newHouse(t)
		port := string(rune('a'+n)) + "0"
		nettest.Veth(t, nettest.End{Namespace: s.ns, Device: port}, nettest.End{Namespace: h.ns, Device: "eth9", Addrs: []string{"10.9.0." + string(rune('2'+n)) + "/24"}})
		s.ns.Run(t, "ip", "link", "set", port, "master", "lan")
		s.hosts = append(s.hosts, h)
	}
	return s, s.startCore(more...)
}

func (s *site) startCore(more ...string) *process {
	s.t.Helper()
	p := s.start(nil, "core", append([]string{"--issuer-listen", "0.0.0.0:8473", "--tls-auto"}, more...)...)
	p.waitFor("core is ready")
	return p
}

// core runs `rolecall core ...`, which must succeed.
func (s *site) core(args ...string) string {
	s.t.Helper()
	out, errs, ok := s.run("core "+args[0], append(args[1:], "--core-socket", s.path("run/core.sock"))...)
	if !ok {
		s.t.Fatalf("core %v: %s%s", args, out, errs)
	}
	return out
}

// says decodes what a command of the core prints as JSON.
func answer[T any](s *site, args ...string) (out T) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.core(append(args, "-o", "json")...)), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *site) token(account string) string {
	s.t.Helper()
	return answer[issuer.JoinToken](s, "token", "create", "--account", account).Token
}

// join has the house join, which must succeed, and returns its id.
func (h *house) join(token string) string {
	h.t.Helper()
	h.secrets = append(h.secrets, token)
	out, errs, ok := h.tryJoin(remoteURL, token)
	if !ok {
		h.t.Fatalf("join: %s%s", out, errs)
	}
	return hostIDs.FindString(out)
}

var hostIDs = regexp.MustCompile(`h-[0-9a-f]{17}`)

func (h *house) tryJoin(url, token string, more ...string) (string, string, bool) {
	h.t.Helper()
	return h.run("join", append([]string{url, "--token", token, "--state-dir", h.path("state"), "--keys", h.path("etc/keys")}, more...)...)
}

// agent starts the agent of a house that has joined.
func (h *house) agent() *process {
	h.t.Helper()
	p := h.start(nil, "agent")
	p.waitFor("agent is ready")
	p.waitFor("the core tells at once")
	return p
}

// knows asks the core, over TLS and by an unmodified client, whose credentials a
// guest has.
func (s *site) knows(role map[string]string) (string, bool) {
	s.t.Helper()
	cmd := s.ns.Command(s.t.Context(), "/usr/bin/aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--region", "us-east-1",
		"--endpoint-url", remoteURL, "--ca-bundle", s.path("run/core-ca.pem"))
	cmd.Env = append(emptyConfiguration(s.t), "AWS_ACCESS_KEY_ID="+role["AccessKeyId"], "AWS_SECRET_ACCESS_KEY="+role["SecretAccessKey"], "AWS_SESSION_TOKEN="+role["Token"])
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err == nil
}

// TestAHostJoinsACoreOnAnotherMachine goes the whole way: token, join, grant, role;
// and back.
func TestAHostJoinsACoreOnAnotherMachine(t *testing.T) {
	s, core := newSite(t, 2)
	one, two := s.hosts[0], s.hosts[1]
	token := s.token("123456789012")
	id := one.join(token)
	if out, errs, ok := two.tryJoin(remoteURL, token); ok || !strings.Contains(errs, "unknown, used or expired") {
		t.Errorf("a second host joins with the token: %s%s", out, errs)
	}
	agent := one.agent()
	guest := one.guest("tap1")
	if _, errs, ok := one.run("instance", "put", "--id", webGuest, "--profile", "web", "--interface", "tap1", "--admin-socket", one.path("run/agent.sock")); ok || !strings.Contains(errs, "rolecall core grant put") {
		t.Errorf("without a grant, put says %q", errs)
	}
	s.core("grant", "put", "one", "--host", id, "--profile", "web", "--instance-id", "i-*", "--tag", "team=blue")
	one.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	one.instance("wait", webGuest)
	role := guest.role()
	if arn, ok := s.knows(role); !ok || arn != "arn:aws:sts::123456789012:assumed-role/web/"+webGuest {
		t.Errorf("the core knows the guest as %q", arn)
	}
	hosts := answer[[]issuer.HostStatus](s, "host", "list")
	if len(hosts) != 1 || hosts[0].ID != id || hosts[0].Account != "123456789012" || !hosts[0].Listening || hosts[0].Leases != 1 || len(hosts[0].Grants) != 1 {
		t.Errorf("the hosts are %+v", hosts)
	}
	leases := answer[[]directory.Lease](s, "lease", "list")
	if len(leases) != 1 || leases[0].InstanceID != webGuest || leases[0].Host != id {
		t.Errorf("the leases are %+v", leases)
	}
	if status := answer[issuer.Status](s, "status"); status.Hosts != 1 || status.Leases != 1 || status.HostTokens["accepted"] < 3 {
		t.Errorf("the core's status is %+v", status)
	}

	// The core is away and comes back: nothing is lost, and it is heard again.
	core.signal(syscall.SIGKILL)
	one.until("the loss to be noted", func() bool { return strings.Contains(strings.Join(one.status().Notes, " "), "not heard of at once") })
	if got := guest.role(); got["AccessKeyId"] != role["AccessKeyId"] {
		t.Error("without the core the guest has other credentials")
	}
	core = s.startCore()
	one.until("the core to be heard again", func() bool { return !strings.Contains(strings.Join(one.status().Notes, " "), "not heard of at once") })
	if _, ok := s.knows(guest.role()); !ok {
		t.Error("after the core's restart it does not know the guest")
	}
	agent.stop()
	agent = one.agent()
	if got := guest.role(); got["AccessKeyId"] != role["AccessKeyId"] {
		t.Error("after the agent's restart the guest has other credentials")
	}

	s.core("host", "rm", id)
	one.until("the end of the role", func() bool { return guest.tryRole() == nil })
	agent.waitFor("does not know this host any more")
	if text, ok := s.knows(role); ok || !strings.Contains(text, "InvalidClientTokenId") {
		t.Errorf("the credentials of a host that was removed: %s", text)
	}
	if strings.Contains(core.output.String(), token) {
		t.Error("the core's log shows the join token")
	}
}

var fingerprints = regexp.MustCompile(`[0-9a-f]{64}`)

// TestAGrantOfTheFile gives a host a role by core.yaml alone, and takes it away so.
func TestAGrantOfTheFile(t *testing.T) {
	s, core := newSite(t, 1)
	h := s.hosts[0]
	token := s.token("123456789012")
	h.secrets = append(h.secrets, token)
	out, errs, ok := h.tryJoin(remoteURL, token)
	id, key := hostIDs.FindString(out), fingerprints.FindString(out)
	if shown := s.core("host", "show", id); !ok || key == "" || !strings.Contains(shown, key) {
		t.Fatalf("join says %s%s, and the core %s", out, errs, shown)
	}
	s.write("core.yaml", grantYAML(id, key, "web"))
	core.waitFor("grant 123456789012/web created: host " + id + " may have arn:aws:iam::123456789012:instance-profile/web for i-*")
	h.agent()
	guest := h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	if arn, ok := s.knows(guest.role()); !ok || arn != "arn:aws:sts::123456789012:assumed-role/web/"+webGuest {
		t.Errorf("the core knows the guest as %q", arn)
	}
	if out, errs, ok := s.run("why", "--instance", webGuest, "--core-socket", s.path("run/core.sock")); !ok || !strings.HasPrefix(out, "Allow\n") || !strings.Contains(out, "since ") || !strings.Contains(out, id) {
		t.Errorf("why says %s%s", out, errs)
	}
	out, errs, ok = s.run("core grant", "rm", "web", "--core-socket", s.path("run/core.sock"))
	if ok || !strings.Contains(errs, "it is defined in a file: change it in "+s.path("core.yaml")) {
		t.Errorf("its removal: %s%s", out, errs)
	}
	s.write("core.yaml", strings.Replace(grantYAML(id, key, "web"), "instance_profiles: [web]", "instance_profiles: [nobody]", 1))
	core.waitFor(s.path("core.yaml") + `:11: account 123456789012: grant web: instance profile \"nobody\" is not defined in this account`)
	if guest.tryRole() == nil {
		t.Error("a broken file took the role away")
	}
	s.write("core.yaml", strings.Replace(grantYAML(id, key, "web"), "[\"i-*\"]", "[\"i-f*\"]", 1))
	core.waitFor("grant 123456789012/web updated: instance_ids; host " + id + " may have arn:aws:iam::123456789012:instance-profile/web for i-f*")
	h.until("the end of the role", func() bool { return guest.tryRole() == nil })
	if out, errs, ok := s.run("why", "--instance", webGuest, "--core-socket", s.path("run/core.sock")); !ok || !strings.Contains(out, "ImplicitDeny because denied: host "+id+" is not granted instance "+webGuest) {
		t.Errorf("why says %s%s", out, errs)
	}
}

// TestAnInstanceIsOneHostsAtATime moves an instance from one host to another.
func TestAnInstanceIsOneHostsAtATime(t *testing.T) {
	s, core := newSite(t, 2)
	var guests []*house
	for n, h := range s.hosts {
		id := h.join(s.token("123456789012"))
		s.core("grant", "put", "g"+string(rune('0'+n)), "--host", id, "--profile", "web", "--instance-id", "i-*")
		h.agent()
		guests = append(guests, h.guest("tap1"))
	}
	one, two := s.hosts[0], s.hosts[1]
	put := func(h *house) { h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1") }
	put(one)
	one.instance("wait", webGuest)
	role := guests[0].role()
	put(two)
	two.until("the refusal", func() bool { return two.find(webGuest).Failures > 0 })
	core.waitFor("the instance is leased to another host")
	if guests[1].tryRole() != nil {
		t.Error("both hosts have the instance")
	}
	one.instance("rm", webGuest)
	if text, ok := s.knows(role); ok {
		t.Errorf("the instance was removed, and its credentials are known as %s", text)
	}
	two.instance("wait", webGuest)
	// An administrator takes it away from the second, for the first.
	put(one)
	one.until("the refusal", func() bool { return one.find(webGuest).Failures > 0 })
	s.core("lease", "release", webGuest)
	one.instance("wait", webGuest)
	if guests[1].tryRole() != nil {
		t.Error("the second host still serves the instance")
	}
	if counts := answer[issuer.Status](s, "status").HostTokens; counts["leased_to_another"] < 2 {
		t.Errorf("the counts are %v", counts)
	}
}

// TestRevocationIsHeardAtOnce waits for each to take effect, by what the guest is
// served: the next refresh is an hour away.
func TestRevocationIsHeardAtOnce(t *testing.T) {
	s, _ := newSite(t, 1)
	h := s.hosts[0]
	id := h.join(s.token("123456789012"))
	grant := func(more ...string) {
		t.Helper()
		s.core(append([]string{"grant", "put", "g", "--host", id, "--profile", "web", "--instance-id", "i-*"}, more...)...)
	}
	grant()
	agent := h.agent()
	guest := h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	before := guest.role()
	replaced := func(what string) {
		t.Helper()
		var after map[string]string
		h.until(what, func() bool {
			after = guest.tryRole()
			return after != nil && after["AccessKeyId"] != before["AccessKeyId"]
		})
		if text, ok := s.knows(before); ok {
			t.Errorf("%s: the old credentials are still known as %s", what, text)
		}
		if text, ok := s.knows(after); !ok {
			t.Errorf("%s: the new credentials: %s", what, text)
		}
		before = after
	}
	h.instance("revoke", webGuest)
	replaced("the host revokes")
	s.core("lease", "revoke", webGuest)
	replaced("the core revokes")

	s.core("grant", "rm", "g", "--account", "123456789012")
	h.until("the end of the role", func() bool { return guest.tryRole() == nil })
	if text, ok := s.knows(before); ok {
		t.Errorf("without the grant the credentials are known as %s", text)
	}
	grant()
	h.until("the role, again", func() bool { return guest.tryRole() != nil })
	before = guest.role()

	// What is revoked while the agent is away is not served on its return.
	agent.stop()
	s.core("lease", "revoke", webGuest)
	h.agent()
	replaced("revoked while the agent was away")
}

// TestWhatIsRemovedWhileTheCoreIsAwayIsReleased removes an instance without the core.
func TestWhatIsRemovedWhileTheCoreIsAwayIsReleased(t *testing.T) {
	s, core := newSite(t, 1)
	h := s.hosts[0]
	id := h.join(s.token("123456789012"))
	s.core("grant", "put", "g", "--host", id, "--profile", "web", "--instance-id", "i-*")
	h.agent()
	h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	core.signal(syscall.SIGKILL)
	h.instance("rm", webGuest)
	s.startCore()
	s.until("the release", func() bool { return len(answer[[]directory.Lease](s, "lease", "list")) == 0 })
}

// TestJoinRefuses has what cannot be joined, and sends no secret to a stranger.
func TestJoinRefuses(t *testing.T) {
	s, core := newSite(t, 1)
	h := s.hosts[0]
	token := s.token("123456789012")
	short := answer[issuer.JoinToken](s, "token", "create", "--ttl", "1s").Token
	core.stop()
	// Another core takes the first one's place: another authority, another id.
	if err := os.RemoveAll(s.path("state")); err != nil {
		t.Fatal(err)
	}
	other := s.startCore()
	if _, errs, ok := h.tryJoin(remoteURL, token); ok || !strings.Contains(errs, "is not the core that made the join token") {
		t.Errorf("at another core: %q", errs)
	}
	for _, test := range []struct{ url, token, say string }{
		{"http://10.9.0.1:8473", token, "use https"},
		{"http://127.0.0.1:8473", token, "use its https URL"},
		{remoteURL, "rolecall-join-1-x", "no join token"},
		{"https://10.9.0.1:1", token, "does not answer"},
		{remoteURL, short, "is not the core"},
	} {
		if out, errs, ok := h.tryJoin(test.url, test.token); ok || !strings.Contains(errs, test.say) || strings.Contains(errs, test.token) {
			t.Errorf("join %s: %s%s, want %q", test.url, out, errs, test.say)
		}
	}
	if strings.Contains(other.output.String(), "host refused") {
		t.Error("the other core was sent a request")
	}
}
