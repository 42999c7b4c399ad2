package network

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxOpen is how many connections one attachment may have open at once. Each takes a
// descriptor of the agent, which one guest must not take from all others; EC2 has such
// a limit too, and clients keep one or two.
const maxOpen = 512

// ahead is how many seconds' worth of connections may come at once, as when a machine
// boots.
const ahead = 2 * time.Second

// rate is how far apart the connections of one attachment are to come in the long run;
// the zero rate is no matter how far.
type rate struct {
	pace time.Duration
	now  func() time.Time
}

// Conn is a connection that arrived by an attachment.
type Conn struct {
	*net.TCPConn
	attachment string
	among      *connections
	crowd      *crowd
}

// Attachment is the name of the attachment by which the connection arrived.
func (c *Conn) Attachment() string { return c.attachment }

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.among.remove(c)
	return c.TCPConn.Close()
}

// connections are those that one attachment has open. They end with it.
type connections struct {
	mu    sync.Mutex
	open  map[*Conn]struct{}
	held  chan struct{} // if not nil, nobody comes in before it is closed
	ended bool

	turnedAway uint64    // as there were too many
	due        time.Time // of the next, if all came at their pace
}

// hold makes those who come wait, until release or end.
func (c *connections) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = make(chan struct{})
	}
}

func (c *connections) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		close(c.held)
		c.held = nil
	}
}

// early is by how much one more connection comes too soon, by the generic cell rate
// algorithm (ITU-T I.371, annex A): 0 for one that does not. It is counted if it is let
// in, and one that comes too soon if it is let in anyway.
func (c *connections) early(r rate, anyway bool) time.Duration {
	if r.pace == 0 {
		return 0
	}
	now := r.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := now
	if c.due.After(now) {
		next = c.due
	}
	next = next.Add(r.pace)
	soon := max(0, next.Sub(now)-ahead)
	if soon == 0 || anyway {
		c.due = next
	}
	return soon
}

// add reports whether the attachment takes the connection: it does not when it has
// as many as it may have now, or when the caller says that it is one too many.
func (c *connections) add(conn *Conn, tooMany bool) bool {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held != nil {
		<-held
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	if tooMany || len(c.open) >= conn.crowd.most() {
		c.turnedAway++
		return false
	}
	if c.open == nil {
		c.open = map[*Conn]struct{}{}
	}
	c.open[conn] = struct{}{}
	conn.crowd.open.Add(1)
	return true
}

// away is how many were turned away.
func (c *connections) away() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turnedAway
}

func (c *connections) remove(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(conn)
}

// forget has the connection not be among the open ones. It may be so already.
func (c *connections) forget(conn *Conn) {
	if _, open := c.open[conn]; open {
		delete(c.open, conn)
		conn.crowd.open.Add(-1)
	}
}

// end closes all, and lets no other in.
func (c *connections) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.release()
	c.drop()
}

// drop closes all.
func (c *connections) drop() { c.dropBut(nil) }

// dropBut closes all but those to the addresses that are still served.
func (c *connections) dropBut(served []netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		local, _ := netip.AddrFromSlice(conn.LocalAddr().(*net.TCPAddr).IP)
		if slices.ContainsFunc(served, func(s netip.AddrPort) bool { return s.Addr() == local.Unmap() }) {
			continue
		}
		c.forget(conn)
		_ = conn.TCPConn.Close() // what was sent already, and its FIN, leave all the same
	}
}
