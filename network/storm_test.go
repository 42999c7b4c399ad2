package network_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestAStormThatOverflowsLosesNothing makes and removes more devices than the kernel can
// tell of: its socket holds two messages here. Who waited for a device is served, and who
// had one that went has ended, also if another of its name was there before anybody looked.
func TestAStormThatOverflowsLosesNothing(t *testing.T) {
	const pairs, every = 5000, 25 // 10,000 devices; each 25th pair is an instance's
	host := nettest.New(t)
	state, w := watched(t, host)
	for _, kind := range []string{"gone", "anew"} {
		ipBatch(t, host, numbered(100, "link add "+kind+"%d group 8 up type veth peer name "+kind+"%dp group 8"))
		for n := range 100 {
			put(t, state, network.Interface(fmt.Sprintf("i-%s%d", kind, n), "", fmt.Sprintf("%s%d", kind, n), false))
		}
	}
	for n := 0; n < pairs; n += every {
		put(t, state, network.Interface(fmt.Sprint("i-new", n), "", fmt.Sprint("new", n), false))
	}

	for _, socket := range listening(t) {
		if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1); err != nil { // some 2 kB
			t.Fatal(err)
		}
	}
	ipBatch(t, host, slices.Concat(
		numbered(pairs/2, "link add new%d up type veth peer name new%dp"),
		[]string{"link del group 8"},
		numbered(100, "link add anew%d up type veth peer name anew%dp"),
		numbered(pairs, "link add new%d up type veth peer name new%dp")[pairs/2:]))
	if dropped(t, host) == 0 {
		t.Fatal("the kernel told of everything: this was no storm")
	}

	for n := 0; n < pairs; n += every {
		becomes(t, state, fmt.Sprint("i-new", n), network.Attached)
	}
	for n := range 100 {
		becomes(t, state, fmt.Sprint("i-gone", n), network.Lost)
		becomes(t, state, fmt.Sprint("i-anew", n), network.Lost)
		if w.why(fmt.Sprint("i-anew", n)) == "" {
			t.Errorf("the observer was not told of i-anew%d", n)
		}
	}
	guest := nettest.New(t)
	host.Run(t, "ip", "link", "set", "new75p", "netns", guest.Path())
	guest.Run(t, "ip", "link", "set", "new75p", "up")
	guest.Run(t, "ip", "address", "add", "10.0.0.5/24", "dev", "new75p")
	guest.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "new75p")
	wantTold(t, guest, metadata[0], "i-new75")
}

// ipBatch gives commands to one ip, in order.
func ipBatch(t testing.TB, ns *nettest.Namespace, commands []string) {
	t.Helper()
	ip := ns.Command(t.Context(), "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(strings.Join(commands, "\n"))
	if out, err := ip.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
}

// numbered is a command for each of n devices, whose number it has in place of each %d.
func numbered(n int, command string) []string {
	commands := make([]string, n)
	for i := range commands {
		commands[i] = strings.ReplaceAll(command, "%d", strconv.Itoa(i))
	}
	return commands
}

// listening are the sockets of this process that rtnetlink tells of changes.
func listening(t testing.TB) (sockets []int) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range open {
		fd, err := strconv.Atoi(o.Name())
		if err != nil {
			t.Fatal(err)
		}
		protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if err != nil || protocol != unix.NETLINK_ROUTE {
			continue
		}
		address, err := unix.Getsockname(fd)
		if kernel, ok := address.(*unix.SockaddrNetlink); ok && err == nil && kernel.Groups != 0 {
			sockets = append(sockets, fd)
		}
	}
	if len(sockets) == 0 {
		t.Fatal("nobody listens")
	}
	return sockets
}

// dropped is how many messages of rtnetlink were lost for want of room, for all sockets
// of the namespace.
func dropped(t testing.TB, ns *nettest.Namespace) (drops int) {
	t.Helper()
	for line := range strings.Lines(ns.Run(t, "cat", "/proc/net/netlink")) {
		fields := strings.Fields(line) // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
		if n, err := strconv.Atoi(fields[8]); err == nil && fields[1] == strconv.Itoa(unix.NETLINK_ROUTE) {
			drops += n
		}
	}
	return drops
}
