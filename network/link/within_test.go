package link_test

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// within calls f in the network namespace of a process. The thread comes back: one
// that stayed would keep the namespace.
func within(t *testing.T, pid string, f func()) {
	t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	inside, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	_ = inside.Close()
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(err) // without unlocking: the thread is never used again
		}
		_ = home.Close()
		runtime.UnlockOSThread()
	}()
	f()
}
