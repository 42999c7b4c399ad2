package imds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// accepting is a listener whose connections see what becomes of what arrives on them.
type accepting struct {
	net.Listener
	server *Server
}

func (a accepting) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, server: a.server}, nil
}

// conn is a connection. What net/http cannot read as a request it refuses by itself and
// tells nobody: here that is told, counted and answered as other refusals are.
type conn struct {
	net.Conn
	server *Server
	of     *instance // nil if it is nobody's
	form   Form

	idle   atomic.Bool // it waits for another request after the last one, which is no fault
	asked  atomic.Bool // a request has come out of it
	late   atomic.Bool // it did not come in time
	expiry atomic.Bool // the deadline is one that may be missed
}

// connKey finds the *conn of a request.
type connKey struct{}

// nobodys is of requests without a context from [Server.ConnContext].
var nobodys = &conn{}

// connOf is the connection of a request's context.
func connOf(ctx context.Context) *conn {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		return c
	}
	return nobodys
}

// watch is the [http.Server]'s ConnState.
func watch(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateNew, http.StateHijacked:
	case http.StateActive:
		c.idle.Store(false)
	case http.StateIdle:
		c.idle.Store(true)
		c.asked.Store(false)
		c.late.Store(false)
	case http.StateClosed:
		if !c.idle.Load() && c.late.Load() { // be it that nothing ever came
			c.server.unread(c, refusedSlow)
		}
	}
}

// SetReadDeadline implements [net.Conn]. A deadline of 1970 is how net/http ends a reading
// of its own, which is nobody's fault.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.expiry.Store(t.Unix() > 1)
	return c.Conn.SetReadDeadline(t)
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.expiry.Load() {
		c.late.Store(true)
	}
	return n, err
}

// Write implements [net.Conn]. Before there is a request, it is net/http that writes, and
// all at once: a status, and a text that is its own.
func (c *conn) Write(p []byte) (int, error) {
	if c.asked.Load() {
		return c.Conn.Write(p)
	}
	r := unreadable(p)
	if c.late.Swap(false) { // half a line is taken for a whole one
		r = refusedSlow
	}
	c.server.unread(c, r)
	if _, err := c.Conn.Write(c.server.bareReply(r)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite is for net/http, which lets a reply arrive by it before what was sent on is
// refused.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// unreadable is the refusal behind a reply of net/http's own.
func unreadable(reply []byte) *refusal {
	_, rest, _ := bytes.Cut(reply, []byte(" "))
	status, _ := strconv.Atoi(string(rest[:min(3, len(rest))]))
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		return refusedHeaders
	case http.StatusExpectationFailed:
		return refusedExpectation
	}
	r := *refusedMalformed
	r.status = status
	return &r
}

// unread counts and tells what was refused before it was a request.
func (s *Server) unread(c *conn, r *refusal) {
	if c.of != nil {
		c.of.unread.Add(1)
	}
	s.tell(context.Background(), c.of, c.RemoteAddr().String(), "", r)
}

// bareReply is [Server.refuse] where there is no request to reply to. It is the last one
// on its connection, and has no body, for it may have been one by HEAD.
func (s *Server) bareReply(r *refusal) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nContent-Type: %s\r\nServer: %s\r\nDate: %s\r\nConnection: close\r\n\r\n",
		r.status, http.StatusText(r.status), plainText[0], serverName[0], s.now().UTC().Format(http.TimeFormat))
}
