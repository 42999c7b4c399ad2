package network_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// container is a network namespace with a cable to the host. It has a process, or a
// name.
type container struct {
	path string // of its namespace
	end  func() error
}

// withProcess is a container as most runtimes make it: its namespace goes away with its
// first process.
func withProcess(t testing.TB) container {
	t.Helper()
	init := exec.CommandContext(t.Context(), "sleep", "infinity")
	init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := init.Start(); err != nil {
		t.Fatal(err)
	}
	return container{
		path: fmt.Sprintf("/proc/%d/ns/net", init.Process.Pid),
		end: func() error {
			err := init.Process.Kill()
			_ = init.Wait()
			return err
		},
	}
}

// withName is a container whose namespace goes away with its name, as `ip netns` makes
// it.
func withName(t testing.TB, dir string, n int) container {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprint("netns", n))
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	made, err := netns.New() // and this thread is in it
	if err == nil {
		err = errors.Join(made.Close(), unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""))
	}
	if err := errors.Join(err, netns.Set(home), home.Close()); err != nil {
		t.Fatal(err)
	}
	return container{path: path, end: func() error { return errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)) }}
}

// cable connects a container with the host's device, and brings up its lo.
func (c container) cable(t testing.TB, host *netlink.Handle, device string) {
	t.Helper()
	inside, err := netns.GetFromPath(c.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inside.Close() }()
	err = host.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: device, Group: cables}, PeerName: "eth0", PeerNamespace: netlink.NsFd(inside),
	})
	if err != nil {
		t.Fatal(err)
	}
	handle, err := netlink.NewHandleAt(inside, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	if err := handle.LinkSetUp(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo", Index: 1}}); err != nil {
		t.Fatal(err)
	}
}

// cables is the group of the devices that connect containers.
const cables = 7

// cabled is how many cables are left on the host. A cable ends with the namespace at its
// other end, when the last who holds that lets go.
func cabled(t testing.TB, host *netlink.Handle) int {
	t.Helper()
	links, err := host.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		t.Fatal(err)
	}
	n := 0
	for _, l := range links {
		if l.Attrs().Group == cables {
			n++
		}
	}
	return n
}

// descriptors is how many of them this process has.
func descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

func handle(t testing.TB, ns *nettest.Namespace) (handle *netlink.Handle) {
	t.Helper()
	ns.Do(func() {
		var err error
		if handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(handle.Close)
	return handle
}

// many are containers that are attached at the same time, half of them by their process
// and half by the name of their namespace.
func many(t testing.TB, host *nettest.Namespace, state *network.State, n int) (all []container) {
	t.Helper()
	devices, names := handle(t, host), t.TempDir()
	for i := range n {
		var c container
		if i%2 == 0 {
			c = withProcess(t)
		} else {
			c = withName(t, names, i)
		}
		c.cable(t, devices, fmt.Sprint("cable", i))
		put(t, state, network.Netns(fmt.Sprint("i-", i), c.path, false))
		wantPhase(t, state, fmt.Sprint("i-", i), network.Attached, "")
		all = append(all, c)
	}
	return all
}

// TestNothingIsLeftOfAThousandContainers lets them end together. What we have open in a
// namespace would keep it alive, and the cable to it.
func TestNothingIsLeftOfAThousandContainers(t *testing.T) {
	const containers = 1000
	host := nettest.New(t)
	state, _ := watched(t, host)
	put(t, state, network.Netns("first", nettest.New(t).Path(), false)) // what is made once, is
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	all := many(t, host, state, containers)
	devices := handle(t, host)
	files += 2 // the handles
	if n := cabled(t, devices); n != containers {
		t.Fatalf("there are %d cables", n)
	}
	for _, c := range all {
		if err := c.end(); err != nil {
			t.Error(err)
		}
	}
	for n := range containers {
		becomes(t, state, fmt.Sprint("i-", n), network.Lost)
	}
	eventually(t, "the end of all descriptors", func() bool { return descriptors(t) <= files })
	eventually(t, "the end of all cables", func() bool { return cabled(t, devices) == 0 })
	// A few are others', and come and go.
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() < goroutines+containers/50 })
}
