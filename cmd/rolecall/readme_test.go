package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheExampleInTheReadmeWorks starts `up` with the core.yaml that the README
// shows, and lets the machine assume the role that it says it may.
func TestTheExampleInTheReadmeWorks(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("the README shows no core.yaml")
	}
	h := newHouse(t)
	h.write("core.yaml", string(example[1]))
	h.up()
	assume := func(role string) (string, error) {
		cmd := h.ns.Command(t.Context(), "/usr/bin/aws", "sts", "assume-role", "--role-session-name", "test",
			"--role-arn", "arn:aws:iam::123456789012:role/"+role, "--region", "us-east-1", "--endpoint-url", issuerURL,
			"--query", "AssumedRoleUser.Arn", "--output", "text")
		cmd.Env = emptyConfiguration(t)
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if arn, err := assume("reports"); err != nil || arn != "arn:aws:sts::123456789012:assumed-role/reports/test" {
		t.Errorf("assume-role says %q (%v)", arn, err)
	}
	for _, role := range []string{"default", "rolecall-administrator", "no-such-role"} {
		if out, err := assume(role); err == nil || !strings.Contains(out, "AccessDenied") {
			t.Errorf("assuming %s: %q (%v), want AccessDenied", role, out, err)
		}
	}
}
