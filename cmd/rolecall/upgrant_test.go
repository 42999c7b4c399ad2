package main

import (
	"strings"
	"testing"
)

// What IAM's API makes while `up` runs is for this host's instances at once, and what it
// empties for none.
func TestUpGrantsItselfWhatIAMsAPIAdds(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	iam := func(commands string) {
		t.Helper()
		out, errs, ok := h.run("core credentials")
		if !ok {
			t.Fatalf("core credentials: %s", errs)
		}
		for line := range strings.Lines(out) {
			if _, value, _ := strings.Cut(strings.TrimSpace(line), "="); !strings.HasPrefix(value, "ASIA") {
				p.secrets = append(p.secrets, value)
			}
		}
		aws := "set -e\n" + out + "iam() { /usr/bin/aws iam --region us-east-1 --endpoint-url " + issuerURL + ` "$@" >/dev/null; }` + "\n"
		shell := h.ns.Command(t.Context(), "/bin/sh", "-c", aws+commands)
		shell.Env = emptyConfiguration(t)
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	granted := func() string {
		out, errs, ok := h.run("core grant list", "--core-socket", h.path("run/core.sock"))
		if !ok {
			t.Fatalf("core grant list: %s", errs)
		}
		return out
	}
	iam("iam create-instance-profile --instance-profile-name web\n" +
		"iam add-role-to-instance-profile --instance-profile-name web --role-name default")
	h.until("the new profile is granted", func() bool { return strings.Contains(granted(), "web") })
	iam("iam remove-role-from-instance-profile --instance-profile-name default --role-name default")
	h.until("the empty profile is granted no more", func() bool { return !strings.Contains(granted(), "default") })
	p.stop()

	// The API that would fill it is behind `up`, which starts without.
	h.start(nil, "up").waitFor("this machine has no role")
	iam("iam add-role-to-instance-profile --instance-profile-name default --role-name default")
	h.until("it is granted again", func() bool { return strings.Contains(granted(), "default") })
}
