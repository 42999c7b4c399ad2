package main

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// container is one that runs.
type container struct {
	*process
	engine engine
	name   string
}

// contain runs a container, and kills it with the test.
func (h *house) contain(e engine, name, profile string, program ...string) *container {
	h.t.Helper()
	c := &container{h.startCommand(name, e.run(name, profile, program...)), e, name}
	h.t.Cleanup(func() {
		select {
		case <-c.done:
		default:
			c.kill()
		}
	})
	return c
}

// kill kills the program, and waits until the container is removed.
func (c *container) kill() {
	c.t.Helper()
	if out, err := c.engine.kill(c.name).CombinedOutput(); err != nil {
		c.t.Errorf("kill container %s: %v\n%s", c.name, err, out)
	}
	<-c.done
}

// has wants the program to have had the profile's role from its first request on, and
// returns its instance.
func (c *container) has(profile string) admin.Instance {
	c.t.Helper()
	c.waitFor("iam/security-credentials/=")
	i := c.find(vmtest.Answer(c.t, c.output.String(), "instance-id"))
	for key, want := range map[string]string{
		"first": "200", "source": "EC2RoleProvider", "iam/security-credentials/": profile, "access_key_id": i.AccessKeyID,
	} {
		if got := vmtest.Answer(c.t, c.output.String(), key); got != want {
			c.t.Errorf("container %s has %s %q, want %q", c.name, key, got, want)
		}
	}
	return i
}

// gone wants nothing to be left of an instance that was on the bridge.
func (h *house) gone(i admin.Instance) {
	h.t.Helper()
	at := i.AttachmentDetails
	h.until("the end of port "+at.Port, func() bool {
		return !strings.Contains(h.ns.Run(h.t, "ip", "-o", "link"), at.Port)
	})
	if found := h.find(i.ID); found.ID != "" {
		h.t.Errorf("an instance is left: %+v", found)
	}
	for what, list := range map[string]string{
		"a neighbour": h.ns.Run(h.t, "ip", "neigh", "show", "nud", "permanent"),
		"a member":    h.ns.Run(h.t, "nft", "list", "set", "bridge", "rolecall", "members4"),
		"an owner":    h.ns.Run(h.t, "nft", "list", "set", "bridge", "rolecall", "owners"),
	} {
		if strings.Contains(list, at.Address+" ") || strings.Contains(list, at.MAC) {
			h.t.Errorf("%s is left of %s:\n%s", what, at, list)
		}
	}
}

// TestContainersOfRealRuntimesHaveTheirRoles runs two at a time on one bridge, and a
// third that is given the address of the first.
func TestContainersOfRealRuntimesHaveTheirRoles(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *house, string) engine{
		"podman": newPodman, "containerd": newContainerd,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.write("core.yaml", guestRoles)
			h.up()
			e := start(t, h, root(t))
			stay := []string{"sh", "-c", "ask; sleep infinity"}
			web, db := h.contain(e, "web", "web", stay...), h.contain(e, "db", "db", stay...)
			first, second := web.has("web"), db.has("db")
			web.kill()
			h.gone(first)
			next := h.contain(e, "next", "db", stay...)
			third := next.has("db")
			if was, is := first.AttachmentDetails.Address, third.AttachmentDetails.Address; was == "" || is != was {
				t.Errorf("the next container has the address %q, and not the first's %q", is, was)
			}
			next.kill()
			h.gone(third)
			db.kill()
			h.gone(second)
			if left := h.status().Instances; len(left) != 1 {
				t.Errorf("left are %+v", left)
			}
		})
	}
}

// TestPodmanPassesOnAProfileForAsLongAsTheContainerRuns names one in CNI_ARGS, and does
// not when the container is started again: then it has that of the network.
func TestPodmanPassesOnAProfileForAsLongAsTheContainerRuns(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	p := newPodman(t, h, root(t)).(*podman)
	call := func(profile string, args ...string) string {
		t.Helper()
		cmd := p.command(args...)
		cmd.Env = append(cmd.Env, "CNI_ARGS=ROLECALL_PROFILE="+profile)
		out, err := cmd.CombinedOutput()
		if profile == "nowhere" != (err != nil) {
			t.Fatalf("podman %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run := []string{"run", "-d", "--name", "one", "--network", "rolecall", "--rootfs", p.root, "sleep", "infinity"}
	if out := call("nowhere", run...); !strings.Contains(out, `no instance profile "nowhere"`) {
		t.Errorf("with an unknown profile: %s", out)
	}
	t.Cleanup(func() { call("", "rm", "-f", "-t", "0", "one") })
	call("", "rm", "-f", "one")
	call("db", run...)
	for _, next := range []string{"", "db"} {
		want := next
		if next == "" {
			want = "web"
		}
		id := vmtest.Answer(t, call("", "exec", "one", "ask"), "instance-id")
		call("", "kill", "one")
		h.until("the end of the instance", func() bool { return h.find(id).ID == "" })
		call(next, "start", "one")
		if got := vmtest.Answer(t, call("", "exec", "one", "ask"), "iam/security-credentials/"); got != want {
			t.Errorf("started with the profile %q it has the role %q, want %q", next, got, want)
		}
	}
}
