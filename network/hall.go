package network

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// firstPause and longestPause bound how long a door stays unattended when the
	// process is short of descriptors or memory.
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
	// fullPause is how long a door of one attachment stays unattended after it was turned
	// away. The next ones wait with the kernel, which drops what its queue does not hold;
	// to accept and close them as fast as they come would take a core from others.
	fullPause = 2 * time.Millisecond
)

// hall is where the connections of all doors arrive. It is a [net.Listener].
type hall struct {
	arrived chan *Conn
	once    sync.Once
	closed  chan struct{}
	rate    rate // of each attachment's connections
	crowd   *crowd
}

func newHall(r rate) *hall {
	return &hall{arrived: make(chan *Conn), closed: make(chan struct{}), rate: r, crowd: newCrowd()}
}

// Accept implements [net.Listener]. Every connection is a [*Conn].
func (h *hall) Accept() (net.Conn, error) {
	select {
	case conn := <-h.arrived:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. The doors stay open; nobody answers at them.
func (h *hall) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements [net.Listener] with the address that all are served at but those
// of [Loopback].
func (h *hall) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(link.MetadataIPv4, metadataPort))
}

// attend lets in what arrives at the door, until either is closed.
func (h *hall) attend(d *door) {
	pause := firstPause
	for {
		conn, err := d.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors or of memory: others must end first
			select {
			case <-time.After(pause):
			case <-h.closed:
				return
			}
			pause = min(2*pause, longestPause)
			continue
		}
		pause = firstPause
		unattended := h.letIn(d, conn.(*net.TCPConn))
		if unattended == 0 {
			continue
		}
		select {
		case <-time.After(unattended):
		case <-h.closed:
			return
		}
	}
}

// letIn returns how long the door may stay unattended, as others do not come by it and
// this one came too soon: then it is let in all the same.
func (h *hall) letIn(d *door, tcp *net.TCPConn) (unattended time.Duration) {
	peer, _ := netip.AddrFromSlice(tcp.RemoteAddr().(*net.TCPAddr).IP)
	w := d.resident(peer.Unmap())
	if w == nil {
		_ = tcp.Close()
		return 0
	}
	conn := &Conn{TCPConn: tcp, attachment: w.Name, among: &w.connections, crowd: h.crowd}
	shares := w.Member != nil
	early := w.connections.early(h.rate, !shares)
	if !w.connections.add(conn, early > 0 && shares) {
		_ = tcp.SetLinger(0) // by RST, so that the kernel keeps nothing of it
		_ = tcp.Close()
		early = max(early, fullPause)
	} else {
		h.announce(conn)
	}
	if shares {
		return 0
	}
	return early
}

// announce gives the connection to whoever accepts.
func (h *hall) announce(conn *Conn) {
	select {
	case h.arrived <- conn:
	case <-h.closed:
		_ = conn.Close()
	}
}
