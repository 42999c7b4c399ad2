package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// engine runs containers on the one network of a house.
type engine interface {
	// run is the command that runs a container until its program ends, and removes
	// it then. The container has the profile's role.
	run(name, profile string, program ...string) *exec.Cmd
	// kill is the command that kills a container's program.
	kill(name string) *exec.Cmd
}

// network writes the configuration of the one network of a house, whose containers
// have this profile if nothing else is said, and returns its directory. All of a
// house are the same bridge, with the same addresses.
func (h *house) network(t *testing.T, profile string) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(conflist, h.path("ipam"), h.path("run/agent.sock"), profile)
	if err := os.WriteFile(filepath.Join(dir, "10-rolecall.conflist"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// podman is Debian's, with its older network backend, and apart from any other on
// this machine. It passes the CNI_ARGS of its environment on.
type podman struct {
	*house
	root, config string
	store        string // podman's own directory
}

// newPodman has a network whose profile is web.
func newPodman(t *testing.T, h *house, root string) engine {
	t.Helper()
	needs(t, "podman", "conmon", "runc")
	store := shortDir(t)
	t.Cleanup(func() { // what clears away after a container may run yet, and writes there
		h.until("the end of podman's processes", func() bool { return !mentioned(store) })
	})
	h.write("containers.conf", fmt.Sprintf(`[containers]
default_ulimits=["nofile=4096:4096","nproc=4096:4096"] # as it may not be allowed to raise them
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="none"
lock_type="file"
tmp_dir=%q
[network]
network_backend="cni"
cni_plugin_dirs=[%q, %q]
network_config_dir=%q
`, store, plugins, h.program(t), h.network(t, "web")))
	return &podman{h, root, h.path("containers.conf"), store}
}

// mentioned reports whether a command line that runs has the text.
func mentioned(text string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(lines, func(path string) bool {
		line, _ := os.ReadFile(path) // whose process may have ended
		return bytes.Contains(line, []byte(text))
	})
}

func (p *podman) command(args ...string) *exec.Cmd {
	args = append([]string{"--root", filepath.Join(p.store, "root"), "--runroot", filepath.Join(p.store, "run"), "--storage-driver", "vfs"}, args...)
	cmd := p.ns.Command(context.Background(), "podman", args...)
	cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+p.config)
	return cmd
}

func (p *podman) run(name, profile string, program ...string) *exec.Cmd {
	args := []string{"run", "--rm", "--name", name, "--network", "rolecall", "--cap-add", "NET_ADMIN", "--rootfs", p.root}
	cmd := p.command(append(args, program...)...)
	if profile != "web" {
		cmd.Env = append(cmd.Env, "CNI_ARGS=ROLECALL_PROFILE="+profile)
	}
	return cmd
}

func (p *podman) kill(name string) *exec.Cmd { return p.command("kill", name) }

// containerd is Debian's, with its tool ctr. That uses the first network of a
// directory that cannot be chosen, and passes nothing on: so each profile has a
// network of its own, and a view of the file system in which it is the first.
type containerd struct {
	*house
	t             *testing.T
	root, plugins string
	ctr           []string // with what all its commands are given
}

// ctrInView runs ctr with a view of the networks in $0 and the plugins in $1.
const ctrInView = `set -e
mkdir -p /etc/cni/net.d /var/lib/cni
mount --bind "$0" /etc/cni/net.d
mount -t tmpfs tmpfs /var/lib/cni
mount -t tmpfs tmpfs /opt
mkdir -p /opt/cni/bin
ln -s ` + plugins + `/* "$1"/* /opt/cni/bin/
shift
exec ctr "$@"`

func newContainerd(t *testing.T, h *house, root string) engine {
	t.Helper()
	// runc's directory is one for all daemons of a machine.
	namespace := fmt.Sprintf("rolecall-test-%d", os.Getpid())
	return &containerd{h, t, root, h.program(t), []string{"-a", h.startContainerd(t), "-n", namespace}}
}

// startContainerd starts the daemon, and returns the path of its socket.
func (h *house) startContainerd(t *testing.T) string {
	t.Helper()
	needs(t, "containerd", "containerd-shim-runc-v2", "ctr", "runc")
	dir := shortDir(t)
	socket := filepath.Join(dir, "sock")
	h.write("containerd.toml", fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = %q
[plugins."io.containerd.internal.v1.opt"]
path = %q
`, filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket, filepath.Join(dir, "opt")))
	cmd := h.ns.Command(context.Background(), "containerd", "-c", h.path("containerd.toml"))
	h.startCommand("containerd", cmd).waitFor("containerd successfully booted")
	return socket
}

func (c *containerd) run(name, profile string, program ...string) *exec.Cmd {
	args := append([]string{"-m", "sh", "-c", ctrInView, c.network(c.t, profile), c.plugins}, c.ctr...)
	args = append(args, "run", "--rm", "--cni", "--cap-add", "CAP_NET_ADMIN", "--env", "PATH=/bin", "--rootfs", c.root, name)
	return c.ns.Command(context.Background(), "unshare", append(args, program...)...)
}

func (c *containerd) kill(name string) *exec.Cmd {
	return exec.CommandContext(context.Background(), "ctr", append(slices.Clone(c.ctr), "task", "kill", "-s", "KILL", name)...)
}
