package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// plugins are Debian's (containernetworking-plugins).
const plugins = "/usr/lib/cni"

// conflist is a network as a runtime's administrator writes it: Debian's bridge, and
// Rolecall chained behind it.
const conflist = `{"cniVersion": "1.0.0", "name": "rolecall", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true,
   "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": "10.88.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "rolecall", "adminSocket": %q, "profile": %q}]}`

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
// the reference runtime. The plugin is this program, by a link in the plugin directory.
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
	call := func(ns *nettest.Namespace, profile, command string) (string, error) {
		conf := t.TempDir()
		text := fmt.Sprintf(conflist, h.path("ipam"), h.path("run/agent.sock"), profile)
		if err := os.WriteFile(filepath.Join(conf, "10-rolecall.conflist"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := h.ns.Command(t.Context(), tool, command, "rolecall", ns.Path())
		cmd.Env = append(os.Environ(), "CNI_PATH="+plugins+":"+bin, "NETCONFPATH="+conf, roleVariable+"="+roleMain)
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
