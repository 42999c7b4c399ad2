package nettest

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// threadNetns is the namespace of the calling thread. That of /proc/self is the
// main thread's.
const threadNetns = "/proc/thread-self/ns/net"

// Namespace is a network namespace that lives as long as its test.
type Namespace struct {
	file *os.File
	link *netlink.Handle
}

// New returns a fresh namespace whose one device, lo, is up. It is gone when
// the test ends. Without root the test is skipped.
func New(t testing.TB) *Namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace of its own")
	}
	file, err := unshare()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	handle, err := netlink.NewHandleAt(netns.NsHandle(file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatalf("netlink in the new namespace: %v", err)
	}
	t.Cleanup(handle.Close)
	ns := &Namespace{file: file, link: handle}
	ns.up(t, "lo")
	return ns
}

// unshare makes the namespace on this thread, and takes the thread back home.
func unshare() (*os.File, error) {
	var inside *os.File
	err := visit(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare the network namespace: %w", err)
		}
		inside, err = os.Open(threadNetns)
		return err
	}, func() {})
	return inside, err
}

// visit lets this thread enter another namespace, calls f there and comes back.
// A thread that finds no way back stays locked, so that it is never used again.
func visit(enter func() error, f func()) error {
	runtime.LockOSThread()
	home, err := os.Open(threadNetns)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("nettest: leave the namespace: %v", err))
		}
		_ = home.Close()
		runtime.UnlockOSThread()
	}()
	if err := enter(); err != nil {
		return err
	}
	f()
	return nil
}

// Path names the namespace for setns(2), nsenter and container runtimes. It is
// valid while the test runs, in any process that may look into this one.
func (ns *Namespace) Path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.file.Fd())
}

// Do runs f on the calling goroutine with its thread inside the namespace, so f
// may call t.Fatal. Goroutines that f starts are outside (http.Transport dials
// on one), and the sockets that f opens stay inside.
func (ns *Namespace) Do(f func()) {
	enter := func() error { return unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET) }
	if err := visit(enter, f); err != nil {
		panic(fmt.Sprintf("nettest: enter the namespace: %v", err))
	}
}

// Command is [exec.CommandContext] inside the namespace. It goes by nsenter, as
// "ip netns exec" mounts /sys anew and hides the cgroups. nsenter is replaced
// by the program, so cmd.Process is the program itself. It dies with the test.
func (ns *Namespace) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + ns.Path(), "--", name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Run runs a program inside the namespace and returns what it printed. The test
// fails if the program does.
func (ns *Namespace) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := ns.Command(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Sysctl sets a setting of the namespace by its path under /proc/sys, such as
// net/ipv4/ip_forward; outside net/ there are no settings of a namespace.
func (ns *Namespace) Sysctl(t testing.TB, path, value string) {
	t.Helper()
	if !strings.HasPrefix(path, "net/") {
		t.Fatalf("sysctl %s is not of a network namespace", path)
	}
	ns.Do(func() {
		if err := os.WriteFile(filepath.Join("/proc/sys", path), []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	})
}

// Route sends packets for the prefix to by way of the neighbour via.
func (ns *Namespace) Route(t testing.TB, to, via string) {
	t.Helper()
	prefix, err := netlink.ParseIPNet(to)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := netip.ParseAddr(via)
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.link.RouteAdd(&netlink.Route{Dst: prefix, Gw: gateway.AsSlice()}); err != nil {
		t.Fatalf("route %s via %s: %v", to, via, err)
	}
}

// device returns a device of the namespace, anew each time: its state changes.
func (ns *Namespace) device(t testing.TB, name string) netlink.Link {
	t.Helper()
	link, err := ns.link.LinkByName(name)
	if err != nil {
		t.Fatalf("device %s: %v", name, err)
	}
	return link
}

func (ns *Namespace) up(t testing.TB, name string) {
	t.Helper()
	if err := ns.link.LinkSetUp(ns.device(t, name)); err != nil {
		t.Fatalf("set %s up: %v", name, err)
	}
}
