package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// knock sends one request by hand, as SDKs send several until one is answered, and
// prints its argument and the status: first=200, or first= without an answer in the
// seconds that it waits for one.
const knock = `#!/bin/sh
status=$(printf 'PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\nConnection: close\r\n\r\n' |
	nc -w ${2-5} 169.254.169.254 80 2>/dev/null | sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p')
echo "$1=$status"
`

// ask is the program of a container: it knocks before it does anything else, and lets
// an unmodified SDK say what it finds.
const ask = `#!/bin/sh
knock first
exec client
`

// root makes the root of a container, which knows nothing of its surroundings:
// busybox, a program that uses an SDK, and the scripts above.
func root(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs busybox, a static one: .ci/deps installs it")
	}
	dir := t.TempDir()
	for _, name := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tools, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"bin/busybox": tools, "bin/client": staticClient(t), "bin/knock": []byte(knock), "bin/ask": []byte(ask),
		"etc/passwd": []byte("root:x:0:0:root:/:/bin/sh\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "ip", "nc", "sed", "sleep", "httpd", "true"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program makes a directory with a program of this name that is rolecall, and whose
// usual socket is this house's. Runtimes find it there as a plugin, too.
func (h *house) program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The race detector would make each end of the program a second longer.
	text := fmt.Sprintf("#!/bin/sh\nexport %s=%s GORACE=atexit_sleep_ms=0\nexec %q \"$@\" --admin-socket %q\n",
		roleVariable, roleMain, self, h.path("run/agent.sock"))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rolecall"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shortDir is a directory for programs that take no path of over 50 characters, or
// make sockets below it. What is still mounted there when the test ends is an error.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// needs skips a test of software that is not there.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s: .ci/deps installs it", name)
		}
	}
}
