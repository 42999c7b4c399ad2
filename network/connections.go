package network

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// maxOpen is how many connections one attachment may have open at once. Each takes a
// descriptor of the agent, which one guest must not take from all others; EC2 has such
// a limit too, and clients keep one or two.
const maxOpen = 512

// Conn is a connection that arrived by an attachment.
type Conn struct {
	*net.TCPConn
	attachment string
	among      *connections
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

	turnedAway uint64 // as maxOpen were there
}

// hold makes those who come wait, until release or end.
func (c *connections) hold() { c.held = make(chan struct{}) }

func (c *connections) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		close(c.held)
		c.held = nil
	}
}

// add reports whether the attachment takes the connection: it does not when it has
// maxOpen.
func (c *connections) add(conn *Conn) bool {
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
	if len(c.open) >= maxOpen {
		c.turnedAway++
		return false
	}
	if c.open == nil {
		c.open = map[*Conn]struct{}{}
	}
	c.open[conn] = struct{}{}
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
	delete(c.open, conn)
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
		delete(c.open, conn)
		_ = conn.TCPConn.Close() // what was sent already, and its FIN, leave all the same
	}
}
