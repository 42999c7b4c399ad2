package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asNobody is a house of an ordinary user.
func asNobody(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	dir, err := os.MkdirTemp("", "rolecall") // t.TempDir lies below a directory of root's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h.dir = dir
	h.write("core.yaml", "")
	h.ns.Run(t, "cp", os.Args[0], h.path("rolecall"))
	h.ns.Run(t, "chmod", "0755", h.path("rolecall"))
	h.ns.Run(t, "chown", "-R", "nobody", dir)
	return h
}

// startAsNobody starts `up` as the user nobody, who has no capability.
func (h *house) startAsNobody(more ...string) *process {
	h.t.Helper()
	args := append([]string{"--reuid", "nobody", "--regid", "nogroup", "--clear-groups", h.path("rolecall")}, h.args("up", more...)...)
	cmd := h.ns.Command(h.t.Context(), "setpriv", args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + h.dir, roleVariable + "=" + roleMain}
	return h.startCommand("up", cmd)
}

func TestWithoutPrivilegeUpSaysWhatIsMissing(t *testing.T) {
	h := asNobody(t)
	p := h.startAsNobody()
	<-p.done
	expect(t, p.output.String(), "CAP_NET_ADMIN", "--listen 127.0.0.1:1338")
}

func TestListenNeedsNoPrivilege(t *testing.T) {
	h := asNobody(t)
	p := h.startAsNobody("--listen", "127.0.0.1:1338")
	p.waitFor("Rolecall is ready")
	if h.metadataAddresses() {
		t.Error("--listen put an address on lo")
	}
	script, err := filepath.Abs("../../testdata/clients/boto.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.ns.Command(t.Context(), "/usr/bin/python3", script, issuerURL, "1")
	cmd.Env = append(emptyConfiguration(t), "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338/")
	out, err := cmd.CombinedOutput()
	if err != nil || !hostARN.MatchString(printed(out)["arn"]) {
		t.Errorf("boto3 says %q (%v)", out, err)
	}
	p.pasteCommands()
}

// TestOnlyRootGetsAnAdministratorSession asks for one as an ordinary user, and
// then as root, whose session the core knows by the Unix user's name.
func TestOnlyRootGetsAnAdministratorSession(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	out, errs, ok := h.run("core credentials")
	if !ok {
		t.Fatalf("core credentials: %s", errs)
	}
	for line := range strings.Lines(out) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !strings.HasPrefix(value, "ASIA") {
			p.secrets = append(p.secrets, value)
		}
	}
	shell := h.ns.Command(t.Context(), "/bin/sh", "-c", out+"/usr/bin/aws sts get-caller-identity --region us-east-1 --query Arn --output text --endpoint-url "+issuerURL)
	shell.Env = emptyConfiguration(t)
	arn, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(arn), ":assumed-role/rolecall-administrator/root") {
		t.Errorf("the session is %q (%v)", arn, err)
	}

	h.ns.Run(t, "chmod", "-R", "a+rX", filepath.Dir(h.dir)) // the directories are not what keeps nobody out
	ask := []string{"curl", "-sS", "--unix-socket", h.path("run/core.sock"), "-d", "{}", "http://localhost/v1/credentials"}
	if answer := h.ns.Run(t, ask[0], ask[1:]...); !strings.Contains(answer, "SecretAccessKey") {
		t.Fatal("root gets no session by curl")
	}
	denied := h.ns.Command(t.Context(), "setpriv", append([]string{"--reuid", "nobody", "--regid", "nogroup", "--clear-groups"}, ask...)...)
	var exit *exec.ExitError
	if out, err := denied.CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != curlRefused {
		t.Errorf("nobody got %q (%v)", out, err)
	}
}
