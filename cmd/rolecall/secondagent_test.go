package main

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// TestTwoAgentsInOneNamespace have all of their own but that: the second serves what is not
// the first's, and takes over when that is killed.
func TestTwoAgentsInOneNamespace(t *testing.T) {
	first := newHouse(t)
	first.write("core.yaml", guestRoles)
	p := first.up("--listen", "127.0.0.1:1338")
	web, db := first.guest("tap1"), first.guest("tap2")
	first.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	first.instance("wait", webGuest)

	second := &house{t: t, ns: first.ns, dir: t.TempDir()}
	container := &house{t: t, ns: nettest.New(t), dir: second.dir}
	second.write("core.yaml", guestRoles)
	second.up("--listen", "127.0.0.1:1339", "--issuer-listen", "127.0.0.1:8475", "--port", "8476")
	other := fmt.Sprintf("(pid %d), and two would undo each other's work: stop that one first", p.cmd.Process.Pid)
	socket := second.path("run/agent.sock")
	put := []string{"put", "--id", dbGuest, "--profile", "db", "--interface", "tap2", "--admin-socket", socket}
	expect(t, second.refused("instance", put...), "the agent's own network namespace is looked after by another agent", other)
	second.instance("put", "--id", "i-00000000000000003", "--profile", "db", "--netns", container.ns.Path())
	second.instance("wait", "i-00000000000000003")
	if got := container.roleName(); got != "db" {
		t.Errorf("the container of the second has %q", got)
	}
	expect(t, first.refused("cleanup", "--admin-socket", first.path("nowhere.sock")), other)
	if got := web.roleName(); got != "web" {
		t.Errorf("the guest of the first has %q", got)
	}

	p.remember()
	p.signal(syscall.SIGKILL)
	second.instance(put[:len(put)-2]...)
	second.instance("wait", dbGuest)
	if got := db.roleName(); got != "db" {
		t.Errorf("the guest of the second has %q", got)
	}
}
