package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest"
)

func newNeighbour(t testing.TB, host *nettest.Namespace) *nettest.Namespace {
	t.Helper()
	neighbour := nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: host, Device: "up0", Addrs: []string{"10.0.0.1/24"}},
		nettest.End{Namespace: neighbour, Device: "up1", Addrs: []string{"10.0.0.2/24"}})
	return neighbour
}

// startAgent starts the agent alone, on what `up` registered.
func (h *house) startAgent(ready string) *process {
	h.t.Helper()
	p := h.start(nil, "agent")
	p.waitFor(ready)
	return p
}

// TestARestartWithTheCoreStopped proves that an agent that is restarted while its
// core is away serves valid credentials at once, from the store.
func TestARestartWithTheCoreStopped(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	before := h.role()
	p.stop()

	h.startAgent("agent is ready")
	after := h.role()
	if after["AccessKeyId"] != before["AccessKeyId"] || after["SecretAccessKey"] != before["SecretAccessKey"] || after["Token"] != before["Token"] {
		t.Errorf("before the restart %s until %s, after it %s until %s", before["AccessKeyId"], before["Expiration"], after["AccessKeyId"], after["Expiration"])
	}

	core := h.start(nil, "core")
	core.waitFor("core is ready")
	cmd := h.ns.Command(t.Context(), "/usr/bin/aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--region", "us-east-1", "--endpoint-url", issuerURL)
	cmd.Env = emptyConfiguration(t)
	if arn, err := cmd.CombinedOutput(); err != nil || !hostARN.MatchString(strings.TrimSpace(string(arn))) {
		t.Errorf("the core, back again, knows the credentials as %q: %v", arn, err)
	}
}

// TestACoreThatIsAwayAtFirst proves that an agent without credentials says what
// it waits for, promises nothing it has not, and recovers by itself.
func TestACoreThatIsAwayAtFirst(t *testing.T) {
	h := newHouse(t)
	h.up().stop()
	if err := os.Remove(h.path("state/cache.db")); err != nil {
		t.Fatal(err)
	}

	agent := h.startAgent("credentials not refreshed")
	if status, list := h.get("iam/security-credentials/"); status != 200 || list != "default" {
		t.Errorf("role list: %d %q, want the role at once", status, list)
	}
	if status, body := h.get("iam/security-credentials/default"); status != 503 || body != "" {
		t.Errorf("role document: %d %q, want an empty 503", status, body)
	}
	i := h.status().Instances[0]
	if !strings.Contains(i.LastError, "the issuer does not answer") || !strings.Contains(i.LastError, h.path("state/issuer.sock")) {
		t.Errorf("status says %q, want the issuer and its address", i.LastError)
	}
	if i.LastRefusal == nil || i.LastRefusal.Status != 503 {
		t.Errorf("status tells of the refusal %+v, want the 503", i.LastRefusal)
	}

	h.start(nil, "core").waitFor("core is ready")
	agent.waitFor("credentials refreshed")
	h.role()
}

// TestARefusedRoleIsSaid takes the grant's ground away: the role's trust policy
// no longer names EC2. Until the credentials expire nothing changes for programs;
// without any, SDKs get EC2's error document.
func TestARefusedRoleIsSaid(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	account := strings.Split(h.status().Instances[0].RoleARN, ":")[4]
	p.stop()
	h.write("core.yaml", coreFileOf(account, "lambda.amazonaws.com"))
	if err := os.Remove(h.path("state/cache.db")); err != nil {
		t.Fatal(err)
	}
	p = h.start(nil, "up")
	p.waitFor("credentials not refreshed")
	status, body := h.get("iam/security-credentials/default")
	if status != 200 || !strings.Contains(body, `"Code" : "AssumeRoleUnauthorizedAccess"`) {
		t.Errorf("role document: %d %q, want EC2's error document", status, body)
	}
	if e := h.status().Instances[0].LastError; !strings.Contains(e, "refuses the role") {
		t.Errorf("status says %q", e)
	}
}

// TestANewCoreMeansNewCredentials moves core.db away, as the remedy for a damaged
// one says. The sessions of the old core are worth nothing to the new one, even
// where core.yaml gives the role its old name.
func TestANewCoreMeansNewCredentials(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", coreFileOf("123456789012", "ec2.amazonaws.com"))
	h.up().stop()
	if err := os.Remove(h.path("state/core.db")); err != nil {
		t.Fatal(err)
	}
	h.up()
	cmd := h.ns.Command(t.Context(), "/usr/bin/aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text", "--region", "us-east-1", "--endpoint-url", issuerURL)
	cmd.Env = emptyConfiguration(t)
	if arn, err := cmd.CombinedOutput(); err != nil || !hostARN.MatchString(strings.TrimSpace(string(arn))) {
		t.Errorf("the new core says %q (%v)", arn, err)
	}
}

// TestTheFileDecidesTheAccount writes core.yaml after a first start had made up an
// account, as whoever follows the README does.
func TestTheFileDecidesTheAccount(t *testing.T) {
	for _, account := range []string{"000000000001", "999999999999"} { // before and after the made-up one
		t.Run(account, func(t *testing.T) {
			h := newHouse(t)
			h.up().stop()
			h.write("core.yaml", coreFileOf(account, "ec2.amazonaws.com"))
			h.up()
			if arn := h.status().Instances[0].RoleARN; arn != "arn:aws:iam::"+account+":role/default" {
				t.Errorf("the role is %s", arn)
			}
			if _, errs, ok := h.run("core credentials"); !ok {
				t.Errorf("core credentials: %s", errs)
			}
		})
	}
}

// TestExpiredCredentialsAreServedButNotReady lets the core be away for longer than
// the credentials live: programs get them all the same, as on EC2, but nobody is
// told that the agent is ready.
func TestExpiredCredentialsAreServedButNotReady(t *testing.T) {
	h := newHouse(t)
	h.up("--session-duration", "15m").stop()
	const speed = 1000 // of a clock that was right two seconds ago
	agent := h.start([]string{clock(time.Now().Add(-2*time.Second), speed)}, "agent")
	agent.waitFor("credentials not refreshed")
	if document := h.role(); document["Code"] != "Success" {
		t.Errorf("the role document is %v", document)
	}
	if strings.Contains(agent.output.String(), "agent is ready") {
		t.Error("the agent says that it is ready")
	}
}

// coreFileOf is a core.yaml with the role that up takes, which a service may assume.
func coreFileOf(account, service string) string {
	return `
accounts:
  - id: "` + account + `"
    roles:
      - role_name: default
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ` + service + `}, Action: sts:AssumeRole}]
    instance_profiles: [{instance_profile_name: default, role: default}]
`
}
