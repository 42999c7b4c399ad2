package nettest_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

func inode(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestDoRunsInsideAndComesBack(t *testing.T) {
	ns := nettest.New(t)
	home := inode(t)
	var inside string
	ns.Do(func() { inside = inode(t) })
	if inside == home {
		t.Errorf("Do ran in %s, the namespace it was called from", home)
	}
	if back := inode(t); back != home {
		t.Errorf("after Do the thread is in %s, want %s", back, home)
	}
	if got := strings.TrimSpace(ns.Run(t, "readlink", "/proc/self/ns/net")); got != inside {
		t.Errorf("Command ran in %s, want %s", got, inside)
	}
}

func TestDoComesBackWhenTheGoroutineEndsInside(t *testing.T) {
	ns := nettest.New(t)
	home := inode(t)
	back := make(chan string, 1)
	go func() { // as t.Fatal ends a goroutine: deferred calls run, nothing else
		defer func() { back <- inode(t) }()
		ns.Do(runtime.Goexit)
	}()
	if got := <-back; got != home {
		t.Errorf("the thread is in %s, want %s", got, home)
	}
}

func TestNewHasOnlyLoUp(t *testing.T) {
	ns := nettest.New(t)
	ns.Do(func() {
		devices, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		if len(devices) != 1 || devices[0].Name != "lo" || devices[0].Flags&net.FlagUp == 0 {
			t.Errorf("devices %v, want lo alone, up", devices)
		}
	})
}

func TestCommandIsTheProgramItself(t *testing.T) {
	ns := nettest.New(t)
	cmd := ns.Command(t.Context(), "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // cat runs when it answers
		t.Fatal(err)
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
	if err != nil || strings.TrimSpace(string(comm)) != "cat" {
		t.Errorf("process is %q, %v; want cat", comm, err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
