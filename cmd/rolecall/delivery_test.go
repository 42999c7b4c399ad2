package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer"
)

// notByV1 is a role that web may assume, but not with what IMDSv1 hands out.
const notByV1 = `      - role_name: not-by-v1
        assume_role_policy_document:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:role/web"}, Action: sts:AssumeRole}
            - {Effect: Deny, Principal: "*", Action: sts:AssumeRole, Condition: {NumericLessThan: {"ec2:RoleDelivery": "2.0"}}}
    instance_profiles:
`

// TestPoliciesTellWhoAsksWithoutASessionToken lets an instance ask without session tokens
// while it runs. What it gets then is another session of its role, which policies refuse
// by ec2:RoleDelivery, and which the agent keeps over a restart as it does the first.
func TestPoliciesTellWhoAsksWithoutASessionToken(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", strings.Replace(guestRoles, "    instance_profiles:\n", notByV1, 1))
	up := h.up()
	guest := h.guest("tap1")
	put := func(tokens string) {
		h.write("guest.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {interface: tap1}\nmetadata_options: {http_tokens: "+tokens+"}\n")
		h.instance("put", "-f", h.path("guest.yaml"))
	}
	tokenless := func() (status int, key issuer.Secret, session string) {
		t.Helper()
		status, text, err := guest.request(http.MethodGet, metadata+"/latest/meta-data/iam/security-credentials/web")
		var document map[string]string
		if err != nil || status == http.StatusOK && json.Unmarshal([]byte(text), &document) != nil {
			t.Fatalf("without a token: %d %q %v", status, text, err)
		}
		h.secrets = append(h.secrets, document["SecretAccessKey"], document["Token"])
		return status, issuer.Secret{AccessKeyID: document["AccessKeyId"], SecretAccessKey: document["SecretAccessKey"]}, document["Token"]
	}
	assume := func(key issuer.Secret, session string) (string, error) {
		cmd := h.ns.Command(t.Context(), "/usr/bin/aws", "sts", "assume-role", "--role-arn", "arn:aws:iam::123456789012:role/not-by-v1",
			"--role-session-name", "web", "--query", "AssumedRoleUser.Arn", "--region", "us-east-1", "--endpoint-url", issuerURL)
		cmd.Env = append(emptyConfiguration(t), "AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_SESSION_TOKEN="+session)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	put("required")
	h.instance("wait", webGuest)
	before := guest.role()
	if status, _, _ := tokenless(); status != http.StatusUnauthorized {
		t.Errorf("tokens are required, and without one: %d", status)
	}
	put("optional")
	h.until("there are credentials for who has no token", func() bool { status, _, _ := tokenless(); return status == http.StatusOK })
	with := guest.role()
	_, v1, v1Session := tokenless()
	if v1.AccessKeyID == with["AccessKeyId"] || v1.AccessKeyID == before["AccessKeyId"] {
		t.Error("the credentials are the same with a token and without")
	}
	if out, err := assume(issuer.Secret{AccessKeyID: with["AccessKeyId"], SecretAccessKey: with["SecretAccessKey"]}, with["Token"]); err != nil {
		t.Errorf("by a token: %s", out)
	}
	if out, err := assume(v1, v1Session); err == nil || !strings.Contains(out, "AccessDenied") {
		t.Errorf("without a token: %s", out)
	}

	up.stop()
	h.startAgent("agent is ready")
	if _, again, _ := tokenless(); again.AccessKeyID != v1.AccessKeyID || guest.role()["AccessKeyId"] != with["AccessKeyId"] {
		t.Error("after a restart without the core the credentials are others")
	}
}
