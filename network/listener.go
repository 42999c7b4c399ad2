package network

import (
	"context"
	"fmt"
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
	if addr.Addr().Is6() {
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

// site is where a listener sits and for whom.
type site struct {
	attachment, device string
	listen             netip.AddrPort
	served             netip.Addr // that is on the device for it; the zero Addr for one of the kernel's own
}

// Listener accepts the connections of one attachment. Every connection that
// Accept returns is a [*Conn].
type Listener struct {
	net.Listener
	at site
}

// listenAt opens the listener of an attachment. Accepted sockets inherit its
// options.
func listenAt(ctx context.Context, at site) (*Listener, error) {
	listener, err := listen(ctx, at.device, at.listen, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	if err != nil {
		return nil, err
	}
	return &Listener{Listener: listener, at: at}, nil
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &Conn{TCPConn: conn.(*net.TCPConn), attachment: l.at.attachment}, nil
}

// Conn is a connection that arrived by an attachment.
type Conn struct {
	*net.TCPConn
	attachment string
}

// Attachment is the name of the attachment by which the connection arrived.
func (c *Conn) Attachment() string { return c.attachment }
