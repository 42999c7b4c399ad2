package network_test

import (
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// breakSocket has a file take the place of the socket in this process that hears the
// protocol's multicast in the namespace, so that whoever reads gets an error (ENOTSOCK).
// The socket itself lives on beside, and so wakes the reader.
func breakSocket(t *testing.T, ns *nettest.Namespace, protocol int) {
	t.Helper()
	inode := ""
	for line := range strings.Lines(ns.Run(t, "cat", "/proc/thread-self/net/netlink")) {
		words := strings.Fields(line) // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
		if len(words) > 9 && words[1] == strconv.Itoa(protocol) && words[3] != "00000000" {
			inode = words[9]
		}
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil || inode == "" {
		t.Fatalf("socket %q: %v", inode, err)
	}
	for _, f := range files {
		if target, _ := os.Readlink("/proc/self/fd/" + f.Name()); target != "socket:["+inode+"]" {
			continue
		}
		fd, _ := strconv.Atoi(f.Name())
		beside, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		null, more := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err := errors.Join(err, more, unix.Dup3(null, fd, unix.O_CLOEXEC), unix.Close(null)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(beside) })
		return
	}
	t.Fatal("the socket is nobody's")
}

// TestASocketThatFailsIsOpenedAnew, and what was undone meanwhile is mended.
func TestASocketThatFailsIsOpenedAnew(t *testing.T) {
	for protocol, c := range map[int]struct{ kind, undo string }{
		unix.NETLINK_ROUTE:     {"addresses", "ip addr del 169.254.169.254/32 dev tap1"},
		unix.NETLINK_NETFILTER: {"tables", "nft flush set inet rolecall guarded"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			host := nettest.New(t)
			said := &log{}
			state := configured(t, host, network.Config{Logger: slog.New(slog.NewTextHandler(said, nil))})
			newGuest(t, host, "tap1", "10.9.0.5/24")
			put(t, state, network.Interface("i-1", "", "tap1", false))
			refusing(t, host, 1)
			breakSocket(t, host, protocol)
			for n := range 2 { // once by the look at everything, once by what is told anew
				host.Run(t, "sh", "-c", c.undo)
				eventually(t, c.kind+" are mended", func() bool { return state.Mended()[c.kind] > uint64(n) })
			}
			if got, told := state.Mended()["watches"], said.count("broke off"); got != 1 || told != 1 {
				t.Errorf("counted %d times, told %d times", got, told)
			}
		})
	}
}
