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
)

// hall is where the connections of all doors arrive. It is a [net.Listener].
type hall struct {
	arrived chan *Conn
	once    sync.Once
	closed  chan struct{}
}

func newHall() *hall {
	return &hall{arrived: make(chan *Conn), closed: make(chan struct{})}
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
		h.letIn(d, conn.(*net.TCPConn))
	}
}

func (h *hall) letIn(d *door, tcp *net.TCPConn) {
	peer, _ := netip.AddrFromSlice(tcp.RemoteAddr().(*net.TCPAddr).IP)
	w := d.resident(peer.Unmap())
	if w == nil {
		_ = tcp.Close()
		return
	}
	conn := &Conn{TCPConn: tcp, attachment: w.Name, among: &w.connections}
	if !w.connections.add(conn) {
		_ = tcp.Close()
		return
	}
	select {
	case h.arrived <- conn:
	case <-h.closed:
		_ = conn.Close()
	}
}
