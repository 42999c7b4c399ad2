package network

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
)

// userTimeout is how long a connection lives while what we sent is not
// acknowledged (TCP_USER_TIMEOUT, RFC 5482). A guest that is gone, or beyond the
// hop limit of its session token, never acknowledges; by default the kernel
// would resend for 15 minutes and hold the descriptor as long.
const userTimeout = 10 * time.Second

// ListenDevice listens on addr for TCP connections that arrive on the device,
// and on no other, even if the host routes packets for addr there. It refuses an
// empty device. A taken port is an [*InUseError], a missing privilege a
// [*link.CapabilityError].
func ListenDevice(ctx context.Context, device string, addr netip.AddrPort) (net.Listener, error) {
	return listen(ctx, device, addr, nil)
}

// listen is ListenDevice with more socket options, set before the bind.
func listen(ctx context.Context, device string, addr netip.AddrPort, more func(fd int) error) (net.Listener, error) {
	// The kernel takes an empty name as "any device" and cuts a long one short.
	if device == "" || len(device) >= unix.IFNAMSIZ {
		return nil, fmt.Errorf("listen on %s: %q is no name of a device", addr, device)
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if broken := raw.Control(func(fd uintptr) {
			if err = bindToDevice(int(fd), device); err == nil && more != nil {
				err = more(int(fd))
			}
		}); broken != nil {
			return broken
		}
		return err
	}}
	// A subflow of Multipath TCP could join on another device.
	config.SetMultipathTCP(false)
	network := "tcp4"
	switch {
	case addr.Addr() == netip.IPv6Unspecified():
		network = "tcp" // IPv4 too
	case addr.Addr().Is6():
		network = "tcp6"
	}
	listener, err := config.Listen(ctx, network, addr.String())
	if err != nil {
		return nil, explain(device, addr, err)
	}
	return listener, nil
}

func bindToDevice(fd int, device string) error {
	if err := unix.BindToDevice(fd, device); err != nil {
		return fmt.Errorf("bind to device %s: %w", device, link.Denied(link.NetRaw, err))
	}
	return nil
}

// onlyArriving lets nothing into a socket that did not arrive by the device. To be
// bound to it is not enough: what a program of the host sends to an address of the
// device is taken to have come by it, though it never left lo, and the program would
// get the guest's role. The filter (https://docs.kernel.org/networking/filter.html)
// looks at the device that the packet really is on.
func onlyArriving(fd, index int) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: extension + ifindex},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(index), Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: math.MaxUint32}, // all of it
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},              // nothing
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return fmt.Errorf("filter by device: %w", err)
	}
	return nil
}

// Where the filter finds what is not in the packet (linux/filter.h).
const (
	extension = math.MaxUint32 - 0x1000 + 1 // SKF_AD_OFF, which is -0x1000
	ifindex   = 8                           // SKF_AD_IFINDEX
)

// door is an open listener, and to whom what arrives there belongs.
type door struct {
	net.Listener
	at netip.AddrPort // as it was asked for
	// resident says by which attachment a connection from peer has arrived; nil if by
	// none.
	resident func(peer netip.Addr) *wanted
}

// openDoor opens a listener. Accepted sockets inherit its options.
func openDoor(ctx context.Context, device string, index int, at netip.AddrPort, resident func(netip.Addr) *wanted) (*door, error) {
	listener, err := listen(ctx, device, at, func(fd int) error {
		if device != loopback {
			if err := onlyArriving(fd, index); err != nil {
				return err
			}
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	if err != nil {
		return nil, err
	}
	return &door{Listener: listener, at: at, resident: resident}, nil
}
