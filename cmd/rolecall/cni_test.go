package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// plugins are Debian's (containernetworking-plugins).
const plugins = "/usr/lib/cni"

// conflist is a network as a runtime's administrator writes it: Debian's bridge with
// addresses for two containers at a time, and Rolecall chained behind it.
const conflist = `{"cniVersion": "1.0.0", "name": "rolecall", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true,
   "ipam": {"type": "host-local", "dataDir": %q, "routes": [{"dst": "0.0.0.0/0"}],
     "ranges": [[{"subnet": "10.88.0.0/24", "rangeStart": "10.88.0.2", "rangeEnd": "10.88.0.3"}]]}},
  {"type": "rolecall", "adminSocket": %q, "profile": %q, "capabilities": {"rolecall": true}}]}`

// cnitool builds the reference runtime of the CNI project.
func cnitool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cnitool")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/containernetworking/cni/cnitool")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestContainersOnABridgeGetTheirRolesByCNI adds two containers to Debian's bridge by
// the reference runtime, which passes on the profile of each in two ways. The plugin is
// this program, by a link in the plugin directory.
func TestContainersOnABridgeGetTheirRolesByCNI(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	tool, bin := cnitool(t), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "rolecall")); err != nil {
		t.Fatal(err)
	}
	network := h.network(t, "default")
	passed := map[string]string{
		"web": `CAP_ARGS={"rolecall": {"profile": "web"}}`, "db": "CNI_ARGS=IgnoreUnknown=1;ROLECALL_PROFILE=db",
		"nowhere": "CNI_ARGS=IgnoreUnknown=1;ROLECALL_PROFILE=nowhere",
	}
	call := func(ns *nettest.Namespace, profile, command string) (string, error) {
		cmd := h.ns.Command(context.Background(), tool, command, "rolecall", ns.Path())
		cmd.Env = append(os.Environ(), "CNI_PATH="+plugins+":"+bin, "NETCONFPATH="+network, passed[profile], roleVariable+"="+roleMain, "GORACE=atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	containers := map[string]*house{}
	for _, profile := range []string{"web", "db"} {
		c := &house{t: t, ns: nettest.New(t), dir: h.dir}
		containers[profile] = c
		if out, err := call(c.ns, profile, "add"); err != nil {
			t.Fatalf("add: %v\n%s", err, out)
		}
		t.Cleanup(func() { _, _ = call(c.ns, profile, "del") })
	}
	for profile, c := range containers {
		if got := c.roleName(); got != profile {
			t.Errorf("the container with profile %s has the role %q", profile, got)
		}
		if out, err := call(c.ns, profile, "check"); err != nil {
			t.Errorf("check: %v\n%s", err, out)
		}
	}
	if out, err := call(containers["web"].ns, "web", "del"); err != nil {
		t.Errorf("del: %v\n%s", err, out)
	}
	if n := len(h.status().Instances); n != 2 { // the machine and the other one
		t.Errorf("after del %d instances are registered", n)
	}
	if got := containers["db"].roleName(); got != "db" {
		t.Errorf("the other container has the role %q", got)
	}
	stranger := &house{t: t, ns: nettest.New(t), dir: h.dir}
	if out, err := call(stranger.ns, "nowhere", "add"); err == nil || !strings.Contains(out, "nowhere") {
		t.Errorf("add with a profile that is not there: %v\n%s", err, out)
	}
	_, _ = call(stranger.ns, "nowhere", "del")
}
