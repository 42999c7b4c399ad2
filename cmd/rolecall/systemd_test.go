package main

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is a booted systemd in a container, on an overlay of this machine's
// root: nothing that happens inside is left behind.
type machine struct {
	t      *testing.T
	root   string
	leader string // pid of the systemd inside
}

// newMachine prepares the root. systemd-nspawn does not boot the host's root
// itself with --volatile=overlay, so the overlay is made here.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: boots a systemd in a container")
	}
	base := t.TempDir()
	mount := func(source, target, kind, options string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, 0, options); err != nil {
			t.Fatalf("mount %s: %v", kind, err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	mount("tmpfs", base, "tmpfs", "")
	for _, dir := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(base, "root")
	mount("overlay", root, "overlay", fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", base, base))
	return &machine{t: t, root: root}
}

// install puts a file into the machine that is not yet booted.
func (m *machine) install(from, to string, mode os.FileMode) {
	m.t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(filepath.Join(m.root, to)), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(m.root, to), text, mode)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// boot starts systemd and waits until it has started what every machine has.
func (m *machine) boot() {
	m.t.Helper()
	name := fmt.Sprintf("rolecall%d", os.Getpid())
	var log bytes.Buffer
	nspawn := exec.CommandContext(context.Background(), "systemd-nspawn", "-q", "-D", m.root, "--boot", "--register=no", "--keep-unit",
		"--machine="+name, "--private-network", "--", "--unit=basic.target") // and none of the services that this machine has
	nspawn.Stdout, nspawn.Stderr = &log, &log
	if err := nspawn.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = nspawn.Wait() // what it says is in the log
		close(ended)
	}()
	m.t.Cleanup(func() {
		if err := exec.CommandContext(context.Background(), "nsenter", "-t", m.leader, "-a", "systemctl", "poweroff").Run(); err != nil {
			_ = nspawn.Process.Signal(syscall.SIGTERM) // which nspawn passes on as a request to halt
		}
		select {
		case <-ended:
		case <-time.After(patience):
			_ = nspawn.Process.Kill()
			<-ended
		}
	})
	deadline := time.Now().Add(patience)
	for {
		select {
		case <-ended:
			m.t.Fatalf("the machine does not boot:\n%s", &log)
		case <-time.After(50 * time.Millisecond): // systemd tells nobody outside
		}
		children, _ := exec.CommandContext(m.t.Context(), "pgrep", "-P", fmt.Sprint(nspawn.Process.Pid), "-x", "systemd").Output()
		m.leader = strings.TrimSpace(string(children))
		if m.leader == "" {
			continue
		}
		state, _ := m.run("systemctl", "is-system-running")
		if state = strings.TrimSpace(state); state == "running" || state == "degraded" {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("the machine is %q after %s\n%s", state, patience, &log)
		}
	}
}

func (m *machine) run(args ...string) (string, error) {
	out, err := exec.CommandContext(m.t.Context(), "nsenter", append([]string{"-t", m.leader, "-a"}, args...)...).CombinedOutput()
	return string(out), err
}

// must runs a command that must succeed and print want.
func (m *machine) must(want string, args ...string) string {
	m.t.Helper()
	out, err := m.run(args...)
	if err != nil || !strings.Contains(out, want) {
		journal, _ := m.run("journalctl", "-u", "rolecall", "--no-pager")
		m.t.Fatalf("%v: %v\n%s\nwant %q\n%s", args, err, out, want, journal)
	}
	return out
}

// TestTheUnitRuns boots a systemd with the unit as it is shipped and a static
// binary, and does to the service what happens to services.
func TestTheUnitRuns(t *testing.T) {
	m := newMachine(t)
	binary := filepath.Join(t.TempDir(), "rolecall")
	build := exec.CommandContext(t.Context(), "make", "-C", "../..", "build", "BIN="+binary, "VERSION=v0.0.0-test")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkStatic(t, binary)
	m.install(binary, "/usr/bin/rolecall", 0o755)
	m.install("../../systemd/rolecall.service", "/etc/systemd/system/rolecall.service", 0o644)
	m.boot()

	m.must("", "systemctl", "start", "rolecall") // returns once it is ready
	status := m.must("role/default", "rolecall", "status")
	id := status[strings.Index(status, "i-"):][:19]
	m.must("state=active", "sh", "-c", "echo state=$(systemctl is-active rolecall)")
	m.must("700 600 600 600", "sh", "-c", "cd /var/lib/rolecall && echo $(stat -c %a . agent.db cache.db core.db)")

	m.must("", "systemctl", "restart", "rolecall")
	m.must(id, "rolecall", "status")
	m.must("", "sh", "-c", "kill -9 $(systemctl show -P MainPID rolecall) && timeout 30 sh -c "+
		"'until [ $(systemctl show -P NRestarts rolecall) -ge 1 ] && systemctl is-active -q rolecall; do sleep 0.1; done'")
	m.must(id, "rolecall", "status")

	m.must("", "systemctl", "stop", "rolecall")
	m.must("169.254.169.254/32", "ip", "-o", "address", "show", "dev", "lo")
	m.must("removed: ip addr del 169.254.169.254", "rolecall", "cleanup")

	// The key from a credential in place of the file.
	m.must("", "sh", "-c", "mv /etc/rolecall/keys /root/rolecall.keys && mkdir -p /etc/systemd/system/rolecall.service.d && "+
		"printf '[Service]\\nLoadCredential=rolecall.keys:/root/rolecall.keys\\n' >/etc/systemd/system/rolecall.service.d/key.conf && systemctl daemon-reload")
	m.must("", "systemctl", "start", "rolecall")
	m.must(id, "rolecall", "status")

	m.must("OK", "sh", "-c", "systemd-analyze security --no-pager rolecall | grep 'Overall exposure level'")
	m.must("v0.0.0-test", "rolecall", "version")
}

// checkStatic reports a binary that needs a loader.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s is not static", path)
		}
	}
}
