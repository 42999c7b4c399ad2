package firewall

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network/nettest"
)

// Firewall is a firewall that runs in a namespace.
type Firewall struct {
	init string // the process that holds its namespaces
}

// copies has /run empty, and copies of the directories that it is called with.
const copies = `set -e
mount -t tmpfs none /run
for dir; do
	mkdir -p "/run/copies$dir"
	cp -a "$dir/." "/run/copies$dir"
	mount --bind "/run/copies$dir" "$dir"
done
echo ready
exec cat`

// house makes the namespaces, in which nothing runs yet.
func house(t testing.TB, ns *nettest.Namespace, needs []string, directories ...string) *Firewall {
	t.Helper()
	for _, program := range needs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: apt-get install %s", program, needs[0])
		}
	}
	cmd := ns.Command(context.Background(), "unshare", append([]string{
		"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", copies, "copies"}, directories...)...)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close() // on which cat ends, and with it all that runs beside
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		t.Fatalf("the namespaces of a firewall: %q, %v", line, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return &Firewall{init: strings.TrimSpace(string(children))}
}

// command is a program where the firewall runs.
func (f *Firewall) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--target", f.init, "--net", "--mount", "--pid", "--", name}, args...)...)
}

// Run runs a program where the firewall runs. The test fails if the program does.
func (f *Firewall) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := f.command(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts a program that runs until the test ends.
func (f *Firewall) start(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := f.command(context.Background(), name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// await runs a program until it succeeds. The test's deadline bounds it.
func (f *Firewall) await(t testing.TB, name string, args ...string) {
	t.Helper()
	for {
		out, err := f.command(t.Context(), name, args...).CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Ufw enables ufw in a namespace: it denies what comes in, and allows what goes out.
func Ufw(t testing.TB, ns *nettest.Namespace) *Firewall {
	t.Helper()
	f := house(t, ns, []string{"ufw"}, "/etc/ufw", "/etc/default")
	f.Run(t, "ufw", "--force", "enable")
	return f
}

// Firewalld starts firewalld in a namespace, with all devices in the zone public.
func Firewalld(t testing.TB, ns *nettest.Namespace) *Firewall {
	t.Helper()
	f := house(t, ns, []string{"firewalld", "dbus-daemon"}, "/etc/firewalld")
	f.Run(t, "mkdir", "/run/dbus")
	f.start(t, "dbus-daemon", "--system", "--nofork", "--nopidfile")
	f.await(t, "test", "-S", "/run/dbus/system_bus_socket")
	f.start(t, "firewalld", "--nofork", "--nopid", "--log-file", "/run/firewalld.log")
	f.await(t, "firewall-cmd", "--state")
	return f
}

// docker is what iptables-nft-save shows while Docker 20.10 runs a container with
// --publish 80:80.
//
//go:embed docker.rules
var docker string

// Docker makes Docker's rules in a namespace.
func Docker(t testing.TB, ns *nettest.Namespace) {
	t.Helper()
	cmd := ns.Command(t.Context(), "iptables-nft-restore")
	cmd.Stdin = strings.NewReader(docker)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("iptables-nft-restore: %v\n%s", err, out)
	}
}
