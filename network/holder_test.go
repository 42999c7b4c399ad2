package network

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestExcludes(t *testing.T) {
	const lo, eth0 = 1, 2
	for _, c := range []struct {
		name   string
		state  uint8
		source string
		port   uint16
		device uint32
		want   bool
	}{
		{"the same address on any device", netlink.TCP_LISTEN, "169.254.169.254", 80, 0, true},
		{"the same address on the same device", netlink.TCP_LISTEN, "169.254.169.254", 80, lo, true},
		{"the same address on another device", netlink.TCP_LISTEN, "169.254.169.254", 80, eth0, false},
		{"any IPv4 address", netlink.TCP_LISTEN, "0.0.0.0", 80, 0, true},
		{"any address of both families", netlink.TCP_LISTEN, "::", 80, 0, true},
		{"any address on another device", netlink.TCP_LISTEN, "0.0.0.0", 80, eth0, false},
		{"another address", netlink.TCP_LISTEN, "127.0.0.1", 80, 0, false},
		{"another port", netlink.TCP_LISTEN, "169.254.169.254", 81, 0, false},
		{"a connection", netlink.TCP_ESTABLISHED, "169.254.169.254", 80, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &netlink.Socket{State: c.state, ID: netlink.SocketID{
				Source: net.ParseIP(c.source), SourcePort: c.port, Interface: c.device}}
			if got := excludes(s, lo, netip.MustParseAddrPort("169.254.169.254:80")); got != c.want {
				t.Errorf("excludes is %t, want %t", got, c.want)
			}
		})
	}
}

func TestOfSeveralHoldersTheFirstIsNamed(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	worker := exec.CommandContext(t.Context(), "sleep", "infinity")
	worker.ExtraFiles = []*os.File{file}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = worker.Process.Kill(); _ = worker.Wait() }()
	found := holders("lo", netip.MustParseAddrPort(listener.Addr().String()))
	if len(found) != 1 || found[0].PID != min(os.Getpid(), worker.Process.Pid) {
		t.Errorf("holders %v, want the first of %d and %d", found, os.Getpid(), worker.Process.Pid)
	}
}
