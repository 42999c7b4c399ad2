package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest"
)

// guestRoles are profiles for guests beside that of the machine itself.
const guestRoles = `accounts:
  - id: "123456789012"
    roles:
      - role_name: default
        assume_role_policy_document: &trust
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      - {role_name: web, assume_role_policy_document: *trust}
      - {role_name: db, assume_role_policy_document: *trust}
    instance_profiles:
      - {instance_profile_name: default, role: default}
      - {instance_profile_name: web, role: web}
      - {instance_profile_name: db, role: db}
`

const (
	webGuest = "i-00000000000000001"
	dbGuest  = "i-00000000000000002"
)

// guest is a namespace behind the host's device, always with the same addresses.
func (h *house) guest(device string) *house {
	h.t.Helper()
	ns := nettest.New(h.t)
	nettest.Veth(h.t, nettest.End{Namespace: h.ns, Device: device}, nettest.End{Namespace: ns, Device: "eth0", Addrs: []string{"10.0.0.5/24"}})
	ns.Run(h.t, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	return &house{t: h.t, ns: ns, dir: h.dir}
}

// instance runs `rolecall instance`, which must succeed.
func (h *house) instance(args ...string) string {
	h.t.Helper()
	out, errs, ok := h.run("instance", append(args, "--admin-socket", h.path("run/agent.sock"))...)
	if !ok {
		h.t.Fatalf("instance %v: %s%s", args, out, errs)
	}
	return out
}

// roleName is the name of the role that a guest is given.
func (h *house) roleName() string {
	h.t.Helper()
	h.role() // the document is there
	_, name := h.get("iam/security-credentials/")
	return name
}

// TestGuestsAndTheHostEachHaveTheirRole has two guests with the same addresses, a
// container and the machine itself on one agent, over a kill of it and a restart.
func TestGuestsAndTheHostEachHaveTheirRole(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	p := h.up()
	web, db := h.guest("tap1"), h.guest("tap2")
	container := &house{t: t, ns: nettest.New(t), dir: h.dir}
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("put", "--id", dbGuest, "--profile", "arn:aws:iam::123456789012:instance-profile/db", "--interface", "tap2")
	h.instance("put", "--id", "i-00000000000000003", "--profile", "db", "--netns", container.ns.Path())
	check := func() {
		t.Helper()
		for want, guest := range map[string]*house{"web": web, "db": db, "default": h} {
			if got := guest.roleName(); got != want {
				t.Errorf("who is to have the role %s has %q", want, got)
			}
		}
		if got := container.roleName(); got != "db" {
			t.Errorf("the container has %q", got)
		}
	}
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	h.instance("wait", "i-00000000000000003")
	check()
	token := web.token()
	p.remember()
	p.signal(syscall.SIGKILL)
	h.up()
	check()
	if status, _, err := web.request("GET", metadata+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); err != nil || status != 200 {
		t.Errorf("a session token of before the restart: %d, %v", status, err)
	}
	// The tokens of one guest are worth nothing to another.
	if status, _, err := db.request("GET", metadata+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); err != nil || status != 401 {
		t.Errorf("another guest's session token: %d, %v", status, err)
	}

	h.instance("rm", webGuest)
	if web.tryRole() != nil {
		t.Error("a guest that was removed still has a role")
	}
	h.instance("put", "--id", "i-00000000000000004", "--profile", "db", "--interface", "tap1") // the next owner of the device
	h.instance("wait", "i-00000000000000004")
	if got := web.roleName(); got != "db" {
		t.Errorf("the next owner of the device has %q", got)
	}
	if status, _, err := web.request("GET", metadata+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); err != nil || status != 401 {
		t.Errorf("the token of the owner before: %d, %v", status, err)
	}
}

// TestTheFirstRequestOfALifeSucceeds registers an instance before its device is there,
// and asks once, when `instance wait` says so.
func TestTheFirstRequestOfALifeSucceeds(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	out := h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	if !strings.Contains(out, "tap1") {
		t.Errorf("put says %q", out)
	}
	if _, errs, ok := h.run("instance", "wait", webGuest, "--timeout", "0s", "--admin-socket", h.path("run/agent.sock")); ok || !strings.Contains(errs, "tap1 is not there yet") {
		t.Errorf("wait says %q", errs)
	}
	guest := h.guest("tap1")
	h.instance("wait", webGuest)
	status, token, err := guest.request("PUT", metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil || status != 200 {
		t.Fatalf("the first request: %d, %v", status, err)
	}
	status, text, err := guest.request("GET", metadata+"/latest/meta-data/iam/security-credentials/web", "X-aws-ec2-metadata-token", token)
	if err != nil || status != 200 || !strings.Contains(text, "Success") {
		t.Errorf("the second request: %d, %v", status, err)
	}
}

// TestADeviceThatIsMadeAnewWhileTheAgentIsDown ends what was put through the API, and
// goes on for what a file defines.
func TestADeviceThatIsMadeAnewWhileTheAgentIsDown(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.writeInstance("db.yaml", dbGuest, "db", "tap2")
	p := h.up("--instances-dir", h.path("instances.d"))
	h.guest("tap1")
	h.guest("tap2")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	p.stop()
	for _, device := range []string{"tap1", "tap2"} {
		h.ns.Run(t, "ip", "link", "del", device)
	}
	web, db := h.guest("tap1"), h.guest("tap2")
	h.up("--instances-dir", h.path("instances.d"))
	h.instance("wait", dbGuest)
	if got := db.roleName(); got != "db" {
		t.Errorf("what the file defines has %q", got)
	}
	if web.tryRole() != nil {
		t.Error("another device of the same name has the role")
	}
	if i := h.find(webGuest); i.State != admin.StateEnded || !strings.Contains(i.StateReason, "put the instance again") {
		t.Errorf("status says %+v", i)
	}
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	if got := web.roleName(); got != "web" {
		t.Errorf("put again it has %q", got)
	}
}

// TestFilesComeAndGo changes the directory under a running agent.
func TestFilesComeAndGo(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.writeInstance("web.yaml", webGuest, "web", "tap1")
	h.up("--instances-dir", h.path("instances.d"))
	guest := h.guest("tap1")
	h.instance("wait", webGuest)
	h.writeInstance("web.yaml", webGuest, "db", "tap1")
	h.until("the other role", func() bool { return h.find(webGuest).RoleARN == "arn:aws:iam::123456789012:role/db" })
	if got := guest.roleName(); got != "db" {
		t.Errorf("the guest has %q", got)
	}
	h.write("instances.d/web.yaml", "instance_id: [")
	if err := unix.Mkfifo(h.path("instances.d/pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.until("status tells of a pipe among the files", func() bool { return strings.Contains(fmt.Sprint(h.status().Notes), "pipe.yaml: it is a pipe") })
	if err := os.Remove(h.path("instances.d/pipe.yaml")); err != nil {
		t.Fatal(err)
	}
	h.until("a note", func() bool { return strings.Contains(fmt.Sprint(h.status().Notes), "web.yaml") })
	if got := guest.roleName(); got != "db" {
		t.Errorf("with a broken file the guest has %q", got)
	}
	if _, errs, ok := h.run("instance", "rm", webGuest, "--admin-socket", h.path("run/agent.sock")); ok || !strings.Contains(errs, "instances.d") {
		t.Errorf("rm of what a file defines: %q", errs)
	}
	if err := os.Remove(h.path("instances.d/web.yaml")); err != nil {
		t.Fatal(err)
	}
	h.until("the end of the instance", func() bool { return h.find(webGuest).ID == "" })
	if guest.tryRole() != nil {
		t.Error("the guest still has a role")
	}
}

// TestFilesMayBeRenamedAndExchanged changes which file defines which instance, and no
// instance: nothing is at fault afterwards, and no session token is lost.
func TestFilesMayBeRenamedAndExchanged(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.writeInstance("db.yaml", dbGuest, "db", "tap2")
	h.writeInstance("web.yaml", webGuest, "web", "tap1")
	h.up("--instances-dir", h.path("instances.d"))
	guest := h.guest("tap1")
	h.instance("wait", webGuest)
	token := guest.token()
	path := func(name string) string { return h.path("instances.d/" + name) }
	// load has the directory read, as a third file shows that comes with the change.
	load := func(id string, moves ...string) {
		t.Helper()
		for n := 0; n < len(moves); n += 2 {
			if err := os.Rename(path(moves[n]), path(moves[n+1])); err != nil {
				t.Fatal(err)
			}
		}
		h.writeInstance("zz.yaml", id, "db", "tap3")
		h.until("the third instance", func() bool { return h.find(id).ID != "" })
		if notes := fmt.Sprint(h.status().Notes); strings.Contains(notes, "instances.d") {
			t.Errorf("at fault after %v: %s", moves, notes)
		}
		if status, _, err := guest.request("GET", metadata+"/latest/", "X-aws-ec2-metadata-token", token); err != nil || status != 200 {
			t.Errorf("a session token after %v: %d, %v", moves, status, err)
		}
	}
	load("i-00000000000000003", "web.yaml", "a.yaml")
	load("i-00000000000000004", "a.yaml", "b", "db.yaml", "a.yaml", "b", "db.yaml")
	h.writeInstance("zzz.yaml", webGuest, "web", "tap1")
	h.until("a note", func() bool {
		return strings.Contains(fmt.Sprint(h.status().Notes), "is defined in "+path("db.yaml")+" too")
	})
}

// TestWhatCannotBePut is refused with the reason, and changes nothing.
func TestWhatCannotBePut(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	guest := h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	for says, args := range map[string][]string{
		"belongs to another instance":    {"--id", dbGuest, "--profile", "db", "--interface", "tap1"},
		"has no instance profile":        {"--id", dbGuest, "--profile", "nowhere", "--interface", "tap2"},
		"want i- and 17":                 {"--id", "web", "--profile", "db", "--interface", "tap2"},
		"no network namespace":           {"--id", dbGuest, "--profile", "db", "--netns", "/etc/passwd"},
		"device tap1 belongs to another": {"--id", dbGuest, "--bridge", "tap1", "--port", "p", "--mac", "02:00:00:00:00:01", "--address", "10.0.0.9"},
		"known by its port, its mac and": {"--id", dbGuest, "--bridge", "br0"},
	} {
		args = append([]string{"put"}, append(args, "--admin-socket", h.path("run/agent.sock"))...)
		if out, errs, ok := h.run("instance", args...); ok || !strings.Contains(errs, says) {
			t.Errorf("%v: %s%s, want %q", args, out, errs, says)
		}
	}
	if got := guest.roleName(); got != "web" {
		t.Errorf("the guest has %q", got)
	}
	if n := len(h.status().Instances); n != 2 {
		t.Errorf("%d instances are registered, want 2", n)
	}
}

func (h *house) writeInstance(file, id, profile, device string) {
	h.t.Helper()
	if err := os.MkdirAll(h.path("instances.d"), 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.write("instances.d/"+file, fmt.Sprintf("instance_id: %s\niam_instance_profile: %s\nattachment: {interface: %s}\n", id, profile, device))
}

func (h *house) find(id string) admin.Instance {
	h.t.Helper()
	for _, i := range h.status().Instances {
		if i.ID == id {
			return i
		}
	}
	return admin.Instance{}
}

func (h *house) until(what string, done func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			h.t.Fatalf("this does not come: %s", what)
		}
	}
}
