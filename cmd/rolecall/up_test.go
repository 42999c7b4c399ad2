package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// addresses are what lo has besides its own.
func (h *house) addresses() string {
	h.t.Helper()
	return h.ns.Run(h.t, "ip", "-o", "address", "show", "dev", "lo")
}

func (h *house) metadataAddresses() bool {
	h.t.Helper()
	text := h.addresses()
	return strings.Contains(text, "169.254.169.254") || strings.Contains(text, "fd00:ec2::254")
}

// TestWhatUpPrintsWorksWhenPasted pastes each command into a shell.
func TestWhatUpPrintsWorksWhenPasted(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	p.pasteCommands()
	if !strings.Contains(p.output.String(), "real AWS refuses them") {
		t.Error("up does not say that real AWS refuses these credentials")
	}
}

func (p *process) pasteCommands() {
	t := p.t
	t.Helper()
	commands := regexp.MustCompile(`(?m)^  (\S.*)$`).FindAllStringSubmatch(p.output.String(), -1)
	if len(commands) != 3 {
		t.Fatalf("up prints %d commands, want 3:\n%s", len(commands), p.output)
	}
	for i, want := range []string{`"Code" : "Success"`, "assumed-role/default/i-", "arn:aws:iam::"} {
		cmd := p.ns.Command(t.Context(), "/bin/sh", "-c", commands[i][1])
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), roleVariable + "=" + roleMain}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s\nprints %s (%v), want %s", commands[i][1], out, err, want)
		}
	}
}

func TestUpServesOverIPv6(t *testing.T) {
	h := newHouse(t)
	h.up()
	status, _, err := h.request("PUT", "http://[fd00:ec2::254]/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil || status != 200 {
		t.Errorf("PUT over IPv6: %d, %v", status, err)
	}
}

func TestAKernelWithoutIPv6IsNoError(t *testing.T) {
	h := newHouse(t)
	h.ns.Sysctl(t, "net/ipv6/conf/all/disable_ipv6", "1")
	h.up()
	h.role()
}

func TestTheEndLeavesNoAddressBehind(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			h := newHouse(t)
			p := h.up()
			if !h.metadataAddresses() {
				t.Fatal("up brought no address")
			}
			p.signal(s)
			if h.metadataAddresses() {
				t.Errorf("after %s there is still an address:\n%s", s, h.addresses())
			}
			if p.err != nil {
				t.Errorf("rolecall ended with %v:\n%s", p.err, p.output)
			}
		})
	}
}

func TestAServiceKeepsItsAddresses(t *testing.T) {
	h := newHouse(t)
	p := h.up("--keep-network")
	p.signal(syscall.SIGTERM)
	if !h.metadataAddresses() {
		t.Error("--keep-network did not keep the addresses")
	}
}

// cloud has another host answer at the metadata address, from now on.
func (h *house) cloud() {
	h.t.Helper()
	cloud := newNeighbour(h.t, h.ns)
	cloud.Run(h.t, "ip", "address", "add", "169.254.169.254/32", "dev", "lo")
	h.ns.Route(h.t, "169.254.169.254/32", "10.0.0.2")
	server := cloud.Command(h.t.Context(), "/usr/bin/python3", "-m", "http.server", "80")
	server.Stderr, server.Dir = &output{}, h.t.TempDir()
	if err := server.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for status := 0; status != 200; { // until it listens
		status, _, _ = h.request("GET", metadata+"/")
	}
}

// TestACloudsOwnMetadataIsNotShadowed runs on a machine whose cloud answers at the
// address already, from another host.
func TestACloudsOwnMetadataIsNotShadowed(t *testing.T) {
	h := newHouse(t)
	h.cloud()
	expect(t, h.refused("up"), "another service answers at 169.254.169.254:80", "--take-over")
	p := h.up("--take-over")
	h.role()
	p.stop()
	if status, _, err := h.request("GET", metadata+"/"); err != nil || status != 200 {
		t.Errorf("after the end the cloud answers %d (%v)", status, err)
	}
}

// TestAddressesThatOthersRemoveComeBack does what network managers and people do.
func TestAddressesThatOthersRemoveComeBack(t *testing.T) {
	h := newHouse(t)
	h.ns.Run(t, "ip", "address", "add", "10.9.8.7/32", "dev", "lo")
	p := h.up()
	for _, undo := range [][]string{
		{"ip", "address", "del", "169.254.169.254/32", "dev", "lo"},
		{"ip", "address", "del", "fd00:ec2::254/128", "dev", "lo"},
		{"ip", "address", "flush", "dev", "lo", "scope", "host"},
		{"ip", "address", "del", "10.9.8.7/32", "dev", "lo"}, // not ours: it stays away
	} {
		h.ns.Run(t, undo[0], undo[1:]...)
		deadline := time.Now().Add(patience)
		for text := h.addresses(); !strings.Contains(text, "169.254.169.254/32") || !strings.Contains(text, "fd00:ec2::254/128"); text = h.addresses() {
			if time.Now().After(deadline) {
				t.Fatalf("after %q lo has\n%s", undo, text)
			}
		}
		h.role()
	}
	if text := h.addresses(); strings.Contains(text, "10.9.8.7") {
		t.Errorf("an address of others was put back:\n%s", text)
	}
	if mended := h.status().Mended; mended["addresses"] < 3 {
		t.Errorf("counted as mended: %v", mended)
	}
	p.stop()
	if h.metadataAddresses() {
		t.Errorf("the end left an address:\n%s", h.addresses())
	}
}

func TestCleanupMendsWhatAKillLeft(t *testing.T) {
	h := newHouse(t)
	foreign := "10.9.8.7/32"
	h.ns.Run(t, "ip", "address", "add", foreign, "dev", "lo")
	p := h.up()
	if _, errs, ok := h.run("cleanup"); ok || !strings.Contains(errs, "stop it first") {
		t.Errorf("cleanup under a running agent: %t, %s", ok, errs)
	}
	p.remember()
	p.signal(syscall.SIGKILL)
	if !h.metadataAddresses() {
		t.Fatal("kill -9 left nothing to clean up")
	}
	out, errs, ok := h.run("cleanup")
	if !ok || !strings.Contains(out, "removed: ip addr del 169.254.169.254") {
		t.Errorf("cleanup: %t\n%s%s", ok, out, errs)
	}
	if text := h.addresses(); h.metadataAddresses() || !strings.Contains(text, foreign) {
		t.Errorf("after cleanup lo has\n%s", text)
	}
}

// TestCleanupBesideACloud is not held up by what is no agent: the metadata of the cloud
// that the machine runs in.
func TestCleanupBesideACloud(t *testing.T) {
	h := newHouse(t)
	h.cloud()
	fresh := h.ns.Run(t, "ip", "rule") + h.addresses()
	p := h.up("--listen", "127.0.0.1:1338")
	h.guest("tap1")
	h.instance("put", "--interface", "tap1")
	if status, _, err := h.request("GET", metadata+"/"); err != nil || status != 200 {
		t.Errorf("beside the guest the cloud answers %d (%v)", status, err)
	}
	p.signal(syscall.SIGKILL)
	if out, errs, ok := h.run("cleanup"); !ok || !strings.Contains(out, "the host's own way") {
		t.Errorf("cleanup: %t\n%s%s", ok, out, errs)
	}
	if got := h.ns.Run(t, "ip", "rule") + h.addresses(); got != fresh {
		t.Errorf("there are\n%swere\n%s", got, fresh)
	}
	if rules := h.ns.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("left over:\n%s", rules)
	}
}

func TestARestartAfterAKillGoesOn(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	before, id := h.role(), h.status().Instances[0].ID
	token := h.token()
	p.signal(syscall.SIGKILL)

	h.up()
	if after := h.status().Instances[0].ID; after != id {
		t.Errorf("the instance id was %s and is %s", id, after)
	}
	if after := h.role(); after["AccessKeyId"] != before["AccessKeyId"] {
		t.Errorf("the restart threw good credentials away: %s, then %s", before["AccessKeyId"], after["AccessKeyId"])
	}
	if status, _, err := h.request("GET", metadata+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); err != nil || status != 200 {
		t.Errorf("a session token of before the restart: %d, %v", status, err)
	}
}

// TestACloneIsAnotherMachine starts from a copy of the state on a machine of
// another machine-id.
func TestACloneIsAnotherMachine(t *testing.T) {
	h := newHouse(t)
	p := h.up()
	id := h.status().Instances[0].ID
	before := h.role()
	p.stop()

	other := filepath.Join(t.TempDir(), "machine-id")
	if err := os.WriteFile(other, []byte("00112233445566778899aabbccddeeff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// In a mount namespace of its own, where /etc/machine-id is another.
	script := []string{"-m", "/bin/sh", "-c", `mount --bind "$1" /etc/machine-id && shift && exec "$@"`, "sh", other}
	cmd := h.ns.Command(t.Context(), "unshare", append(append(script, os.Args[0]), h.args("up")...)...)
	cmd.Env = append(os.Environ(), roleVariable+"="+roleMain)
	clone := h.startCommand("up", cmd)
	clone.waitFor("Rolecall is ready")
	if now := h.status().Instances[0].ID; now == id {
		t.Errorf("the clone is %s too", now)
	}
	if after := h.role(); after["AccessKeyId"] == before["AccessKeyId"] {
		t.Error("the clone serves its original's credentials")
	}
}

// TestANeighbourGetsNothing asks from a namespace that routes the address by way
// of the host: it must not even be listened to.
func TestANeighbourGetsNothing(t *testing.T) {
	h := newHouse(t)
	neighbour := newNeighbour(t, h.ns)
	neighbour.Route(t, "169.254.169.254/32", "10.0.0.1")
	h.ns.Sysctl(t, "net/ipv4/ip_forward", "1")
	h.up()
	h.role() // the host itself is served
	out, err := neighbour.Command(t.Context(), "curl", "-sS", "--max-time", "2", "-X", "PUT",
		"-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", metadata+"/latest/api/token").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != curlRefused && exit.ExitCode() != curlTimeout {
		t.Errorf("curl says %q (%v), want that nobody answers", out, err)
	}
}

// The exit codes of curl(1) for a connection that was refused, and for none.
const (
	curlRefused = 7
	curlTimeout = 28
)
