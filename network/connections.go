package network

import (
	"net"
	"sync"
)

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

// add reports whether the attachment takes the connection.
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
	if c.open == nil {
		c.open = map[*Conn]struct{}{}
	}
	c.open[conn] = struct{}{}
	return true
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
func (c *connections) drop() {
	c.mu.Lock()
	open := c.open
	c.open = nil
	c.mu.Unlock()
	for conn := range open {
		_ = conn.TCPConn.Close() // what was sent already, and its FIN, leave all the same
	}
}
