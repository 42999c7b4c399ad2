package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// nginx is Debian's, on port 80 of all addresses of a namespace.
type nginx struct {
	*house
	cmd   *exec.Cmd
	ended chan struct{}
}

// startNginx waits until it answers; that nginx cannot start fails the test.
func (h *house) startNginx(name string) *nginx {
	h.t.Helper()
	dir := h.t.TempDir()
	h.write("nginx-"+name+".conf", fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
		events {}
		http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
			server { listen 0.0.0.0:80; listen [::]:80; location / { return 200 "the web of %[2]s"; } } }`, dir, name))
	n := &nginx{house: h, cmd: h.ns.Command(h.t.Context(), "/usr/sbin/nginx", "-c", h.path("nginx-"+name+".conf")), ended: make(chan struct{})}
	out := &output{}
	n.cmd.Stdout, n.cmd.Stderr = out, out
	if err := n.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.ended)
	}()
	h.t.Cleanup(n.stop)
	for _, url := range []string{"http://127.0.0.1/", "http://[::1]/"} {
		h.until("nginx answers", func() bool {
			select {
			case <-n.ended:
				h.t.Fatalf("nginx ended: %s", out)
			default:
			}
			return h.web(url) == "the web of "+name
		})
	}
	return n
}

func (n *nginx) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-n.ended
}

// web is what a URL says, or nothing.
func (h *house) web(url string) string {
	_, body, _ := h.request("GET", url)
	return body
}

// TestPort80StaysTheUsers has nginx before and after the agent, on the host and in a
// container that is attached from the inside, beside guests on a device and a bridge,
// over restarts of both in any order, in both modes that leave the port to others.
func TestPort80StaysTheUsers(t *testing.T) {
	for _, mode := range []string{"rewrite", "nat"} {
		t.Run(mode, func(t *testing.T) {
			h := newHouse(t)
			h.write("core.yaml", guestRoles)
			container := &house{t: t, ns: nettest.New(t), dir: h.dir}
			hosts := h.startNginx("the host")
			p := h.up("--port-mode", mode)
			tap := h.guest("tap1")
			h.ns.Run(t, "ip", "addr", "add", "192.0.2.1/24", "dev", "tap1")
			h.ns.Run(t, "ip", "route", "add", "10.0.0.5", "dev", "tap1")
			tap.ns.Run(t, "ip", "route", "add", "192.0.2.1", "dev", "eth0")
			h.ns.Run(t, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
			h.ns.Run(t, "ip", "addr", "add", "10.1.0.1/24", "dev", "br0")
			h.ns.Run(t, "ip", "link", "set", "br0", "up")
			bridged := &house{t: t, ns: nettest.New(t), dir: h.dir}
			nettest.Veth(t, nettest.End{Namespace: h.ns, Device: "port1"}, nettest.End{Namespace: bridged.ns, Device: "eth0", Addrs: []string{"10.1.0.5/24"}})
			bridged.ns.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:05")
			bridged.ns.Run(t, "ip", "route", "add", "default", "via", "10.1.0.1")
			h.ns.Run(t, "ip", "link", "set", "port1", "master", "br0")
			h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
			h.instance("put", "--id", dbGuest, "--profile", "db", "--bridge", "br0", "--port", "port1", "--mac", "02:00:00:00:00:05", "--address", "10.1.0.5")
			h.instance("put", "--id", "i-00000000000000003", "--profile", "db", "--netns", container.ns.Path())
			for _, id := range []string{webGuest, dbGuest, "i-00000000000000003"} {
				h.instance("wait", id)
			}
			containers := container.startNginx("the container")
			check := func() {
				t.Helper()
				for want, who := range map[string]*house{"default": h, "web": tap, "db": bridged} {
					if got := who.roleName(); got != want {
						t.Errorf("who is to have the role %s has %q", want, got)
					}
				}
				if got := container.roleName(); got != "db" {
					t.Errorf("the container has the role %q", got)
				}
				for url, who := range map[string]*house{"http://127.0.0.1/": h, "http://192.0.2.1/": tap, "http://10.1.0.1/": bridged} {
					if got := who.web(url); got != "the web of the host" {
						t.Errorf("%s says %q", url, got)
					}
				}
				if got := container.web("http://127.0.0.1/"); got != "the web of the container" {
					t.Errorf("the container's own says %q", got)
				}
			}
			check()
			if status := h.status(); status.PortMode != mode || status.Port != 8474 {
				t.Errorf("status says port mode %q, port %d", status.PortMode, status.Port)
			}
			hosts.stop()
			containers.stop()
			h.startNginx("the host")
			container.startNginx("the container")
			check()
			p.remember()
			p.signal(syscall.SIGKILL)
			if got := tap.web(metadata); strings.Contains(got, "the web") {
				t.Errorf("with the agent gone, a guest that asks for metadata gets %q", got)
			}
			h.up("--port-mode", mode)
			check()
		})
	}
}
