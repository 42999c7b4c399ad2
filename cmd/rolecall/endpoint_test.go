package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore/issuer"
)

const privateYAML = `
issuer_domain: cloud.example
accounts:
  - id: "123456789012"
    roles:
      - role_name: reports
        assume_role_policy_document: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "123456789012"}, Action: sts:AssumeRole}]}
      - role_name: inside
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {AWS: "123456789012"}, Action: sts:AssumeRole, Condition: {StringEquals: {aws:SourceVpce: vpce-0123456789abcdef0}}}]
vpc_endpoints:
  - vpc_endpoint_id: vpce-0123456789abcdef0
    listen: 10.9.8.1:443
    device: private
    policy_document:
      Version: "2012-10-17"
      Statement:
        - {Effect: Allow, Principal: "*", Action: sts:GetCallerIdentity, Resource: "*"}
        - {Effect: Allow, Principal: {AWS: "123456789012"}, Action: sts:AssumeRole, Resource: "arn:aws:iam::123456789012:role/inside"}
`

// TestAPrivateEndpoint is reached from a network without any other way out, by the core's
// own names and by those of AWS's, and lets through what its policy says.
func TestAPrivateEndpoint(t *testing.T) {
	h, guest := newHouse(t), nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: h.ns, Device: "private", Addrs: []string{"10.9.8.1/24"}}, nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.9.8.2/24"}})
	stranger := nettest.New(t)
	nettest.Veth(t, nettest.End{Namespace: h.ns, Device: "other", Addrs: []string{"10.9.7.1/24"}}, nettest.End{Namespace: stranger, Device: "eth0", Addrs: []string{"10.9.7.2/24"}})
	stranger.Route(t, "10.9.8.1/32", "10.9.7.1")
	h.write("core.yaml", privateYAML)
	h.write("hosts", "127.0.0.1 localhost\n10.9.8.1 sts.cloud.example sts.eu-central-1.cloud.example sts.eu-central-1.amazonaws.com iam.cloud.example\n")
	p := h.start(nil, "core", "--tls-auto")
	p.waitFor("core is ready")
	out, errs, ok := h.run("core credentials", "--process")
	var admin issuer.Session
	if err := json.Unmarshal([]byte(out), &admin); !ok || err != nil {
		t.Fatalf("core credentials: %v %s", err, errs)
	}
	h.secrets = append(h.secrets, admin.SecretAccessKey, admin.SessionToken)

	// aws has the hosts file in a mount namespace of its own, and nothing else of the core's
	// but its authority's certificate.
	aws := func(from *nettest.Namespace, args ...string) (string, bool) {
		script := `mount --bind "$1" /etc/hosts && shift && exec /usr/bin/aws "$@"`
		cmd := from.Command(t.Context(), "unshare", append([]string{"--mount", "sh", "-c", script, "sh", h.path("hosts")}, args...)...)
		cmd.Env = append(emptyConfiguration(t), "AWS_ACCESS_KEY_ID="+admin.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+admin.SecretAccessKey, "AWS_SESSION_TOKEN="+admin.SessionToken,
			"AWS_CA_BUNDLE="+h.path("run/core-ca.pem"), "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true", "AWS_STS_REGIONAL_ENDPOINTS=regional")
		text, err := cmd.CombinedOutput()
		return string(text), err == nil
	}
	const arn = "arn:aws:sts::123456789012:assumed-role/rolecall-administrator/"
	identity := []string{"sts", "get-caller-identity", "--region", "eu-central-1"}
	for _, endpoint := range []string{"", "https://sts.eu-central-1.cloud.example"} {
		args := identity
		if endpoint != "" {
			args = append(args, "--endpoint-url", endpoint)
		}
		if text, ok := aws(guest, args...); !ok || !strings.Contains(text, arn) {
			t.Errorf("%q: %s", endpoint, text)
		}
	}
	if text, ok := aws(guest, "sts", "get-caller-identity", "--region", "us-east-1", "--endpoint-url", "https://sts.cloud.example"); !ok || !strings.Contains(text, arn) {
		t.Errorf("the global endpoint: %s", text)
	}
	if text, ok := aws(guest, "sts", "get-caller-identity", "--region", "eu-west-1", "--endpoint-url", "https://sts.eu-central-1.cloud.example"); ok || !strings.Contains(text, "Credential should be scoped to a valid region") {
		t.Errorf("signed for another region: %s", text)
	}
	assume := func(role string) []string {
		return []string{"sts", "assume-role", "--region", "eu-central-1", "--role-arn", "arn:aws:iam::123456789012:role/" + role, "--role-session-name", "me", "--query", "AssumedRoleUser.Arn"}
	}
	if text, ok := aws(guest, assume("inside")...); !ok || !strings.Contains(text, "assumed-role/inside/me") {
		t.Errorf("what the endpoint lets through: %s", text)
	}
	if text, ok := aws(guest, assume("reports")...); ok || !strings.Contains(text, "because no VPC endpoint policy allows the sts:AssumeRole action") {
		t.Errorf("what it does not: %s", text)
	}
	if text, ok := aws(guest, "iam", "list-roles", "--endpoint-url", "https://iam.cloud.example", "--region", "us-east-1"); ok || !strings.Contains(text, "because no VPC endpoint policy allows the iam:ListRoles action") {
		t.Errorf("IAM: %s", text)
	}
	if text, ok := aws(h.ns, append(assume("reports"), "--endpoint-url", "https://127.0.0.1:8473")...); !ok {
		t.Errorf("elsewhere: %s", text)
	}
	if text, ok := aws(h.ns, append(assume("inside"), "--endpoint-url", "https://127.0.0.1:8473")...); ok {
		t.Errorf("what is for the endpoint alone, elsewhere: %s", text)
	}
	if text, ok := aws(stranger, append(identity, "--cli-connect-timeout", "2")...); ok {
		t.Errorf("by a route from another network: %s", text)
	}
	if out := guest.Run(t, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", h.path("run/core-ca.pem"), "https://10.9.8.1/rolecall/v1/identity-certificates"); strings.TrimSpace(out) != "404" {
		t.Errorf("what hosts ask for: %s", out)
	}
}

func TestAnEndpointThatCannotBe(t *testing.T) {
	h := newHouse(t)
	for want, change := range map[string][]string{
		"device is missing":       {"    device: private\n", ""},
		"want ADDRESS:PORT":       {"10.9.8.1:443", "here"},
		"vpc_endpoint_id":         {"  - vpc_endpoint_id: vpce-0123456789abcdef0", "  - vpc_endpoint_id: mine"},
		"policy_document":         {`Principal: "*", `, ""},
		"has no TLS certificate":  {"", ""},
		`unknown key "vpc"`:       {"vpc_endpoints", "vpc"},
		"want a list":             {"vpc_endpoints:", "vpc_endpoints: 1\nx:"},
		"--issuer-domain":         {"cloud.example", "Cloud"},
		`unknown key "interface"`: {"    device", "    interface"},
	} {
		h.write("core.yaml", strings.Replace(privateYAML, change[0], change[1], 1))
		args := []string{"--tls-auto"}
		if strings.Contains(want, "TLS") {
			args = nil
		}
		if _, errs, ok := h.run("core", args...); ok || !strings.Contains(errs, want) {
			t.Errorf("%s: %s", want, errs)
		}
	}
}
