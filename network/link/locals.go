package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Locals tells a namespace's own addresses from others'. A socket that is bound to a
// guest's device is reached by the host's own programs as well: Linux takes a packet
// that never left the host to have come by the device that has its destination. So
// whose peer is local is no guest, whatever device the listener is bound to. No
// guest can have such a peer address, as the answers to it stay on the host.
//
// It may be used by any goroutine. As long as it is open, it keeps the namespace
// alive.
type Locals struct {
	mu     sync.Mutex        // one question at a time
	socket *nl.NetlinkSocket // nil when closed
}

// OpenLocals returns the addresses of the calling thread's namespace, as they are
// whenever it is asked. It needs no capability.
func OpenLocals() (*Locals, error) {
	socket, err := open()
	if err != nil {
		return nil, err
	}
	return &Locals{socket: socket}, nil
}

// Has reports whether an address is one of the namespace's own. Of link-local
// addresses (fe80::/10) each device has its own, so its index is needed for these.
// The metadata addresses are always taken to be: no guest has one.
func (l *Locals) Has(addr netip.Addr, index int) (bool, error) {
	addr = addr.Unmap().WithZone("")
	if addr == MetadataIPv4 || addr == MetadataIPv6 {
		return true, nil // which [Bypass] routes elsewhere
	}
	parts := []nl.NetlinkRequestData{
		&nl.RtMsg{RtMsg: unix.RtMsg{Family: familyOf(addr), Dst_len: uint8(addr.BitLen())}},
		nl.NewRtAttr(unix.RTA_DST, addr.AsSlice()),
	}
	if addr.IsLinkLocalUnicast() && addr.Is6() {
		parts = append(parts, oif(index))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket == nil {
		return false, fmt.Errorf("look for a route to %s: %w", addr, os.ErrClosed)
	}
	answers, err := requestBy(l.socket, unix.RTM_GETROUTE, 0, unix.RTM_NEWROUTE, unix.SizeofRtMsg, parts...)
	if noRoute(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a route to %s: %w", addr, err)
	}
	return len(answers) > 0 && routeOf(answers[0]).kind == unix.RTN_LOCAL, nil
}

// Close lets go of the namespace. Closing twice is no error.
func (l *Locals) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket != nil {
		l.socket.Close()
		l.socket = nil
	}
	return nil
}

// noRoute reports whether the kernel says by an error that there is no route, be it
// that one says so: unreachable, prohibited or a black hole; or that it has no IPv6.
func noRoute(err error) bool {
	for _, none := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.EAFNOSUPPORT, unix.EOPNOTSUPP} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}
