package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer"
	"github.com/rolecall/rolecall/rolestore/issuer/sts"
)

// aws runs the AWS CLI against the core with a user's key.
func (h *house) aws(key issuer.Secret, arguments ...string) (string, error) {
	h.t.Helper()
	cmd := h.ns.Command(h.t.Context(), "/usr/bin/aws", append(arguments, "--region", "us-east-1", "--endpoint-url", issuerURL)...)
	cmd.Env = append(emptyConfiguration(h.t), "AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// What the CLI is refused, `why` explains; and what is changed in core.yaml for it,
// the CLI sees.
func TestWhyExplainsWhatAUserIsRefused(t *testing.T) {
	const reports = "arn:aws:iam::123456789012:role/reports"
	h := newHouse(t)
	guarded := strings.Replace(peopleYAML, `Principal: {AWS: "123456789012"}, Action: sts:AssumeRole}`,
		`Principal: {AWS: "arn:aws:iam::123456789012:user/alice"}, Action: sts:AssumeRole, Condition: {StringEquals: {sts:ExternalId: x1}}}`, 1)
	h.write("core.yaml", guarded)
	p := h.start(nil, "core")
	p.waitFor("core is ready")
	alice := h.madeSecrets()[0]
	assume := func(more ...string) (string, error) {
		return h.aws(alice, append([]string{"sts", "assume-role", "--role-arn", reports, "--role-session-name", "alice", "--query", "AssumedRoleUser.Arn"}, more...)...)
	}
	if out, err := assume(); err == nil || !strings.Contains(out, "AccessDenied") {
		t.Errorf("without an external id: %s", out)
	}
	question := []string{"--principal", "arn:aws:iam::123456789012:user/alice", "--action", "sts:AssumeRole", "--resource", reports}
	out, errs, ok := h.run("why", question...)
	if !ok || !strings.Contains(out, "ImplicitDeny because no resource-based policy allows the sts:AssumeRole action\nThe request lacks sts:ExternalId\n") ||
		!strings.Contains(out, "does not hold: StringEquals sts:ExternalId x1") || !strings.Contains(out, "arn:aws:iam::123456789012:policy/assume") {
		t.Errorf("why says %s %s", out, errs)
	}
	out, errs, ok = h.run("why", append(question, "--context", "sts:ExternalId=x1", "-o", "json")...)
	var answer sts.Answer
	if !ok || json.Unmarshal([]byte(out), &answer) != nil || answer.Effect != "Allow" || !answer.Statements[0].Decided {
		t.Errorf("why says %s %s", out, errs)
	}
	if out, err := assume("--external-id", "x1"); err != nil || !strings.Contains(out, "assumed-role/reports/alice") {
		t.Errorf("with it: %s", out)
	}
	h.write("core.yaml", strings.Replace(guarded, "x1", "x2", 1))
	p.waitFor("role 123456789012/reports updated")
	if out, err := assume("--external-id", "x1"); err == nil {
		t.Errorf("after the file changed: %s", out)
	}

	for _, test := range []struct{ args, words string }{
		{"--principal arn:aws:iam::123456789012:user/bob --action sts:AssumeRole --resource " + reports, "there is no such user, role or account"},
		{"--principal ec2.amazonaws.com --action sts:AssumeRole --resource " + reports + "x", "there is no such role"},
		{"--principal ec2.amazonaws.com --action AssumeRole --resource " + reports, "want service:Name"},
		{"--principal ec2.amazonaws.com --action a:b --context x", "want key=value"},
	} {
		if _, errs, ok := h.run("why", strings.Fields(test.args)...); ok || !strings.Contains(errs, test.words) {
			t.Errorf("%s: %s", test.args, errs)
		}
	}
}
