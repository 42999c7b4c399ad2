package surface

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
)

// pipes is a listener of one connection, whose time-outs run in the bubble of a
// test, which those of the kernel's sockets do not.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// TestSlowCallersAreCutOff has callers that do one step of an exchange as slowly
// as they can, and sees how long they are borne with.
func TestSlowCallersAreCutOff(t *testing.T) {
	const asked = "POST / HTTP/1.1\r\nHost: x\r\n"
	for _, test := range []struct {
		name  string
		act   func(net.Conn) // returns when the connection is lost
		after time.Duration
	}{
		{"nothing is sent", func(c net.Conn) { _, _ = io.ReadAll(c) }, headerTimeout},
		{"headers byte by byte", func(c net.Conn) { drip(c, asked+"X: ") }, headerTimeout},
		{"a body byte by byte", func(c net.Conn) { drip(c, asked+"Content-Length: 1000\r\n\r\n") }, requestTimeout},
		{"the reply is not taken", func(c net.Conn) {
			_, _ = io.WriteString(c, asked+"Content-Length: 0\r\n\r\n")
			time.Sleep(replyTimeout + time.Second)
			_, _ = io.ReadAll(c)
		}, replyTimeout},
		{"nothing more is asked", func(c net.Conn) {
			_, _ = io.WriteString(c, asked+"Content-Length: 0\r\n\r\n")
			_, _ = io.ReadAll(c)
		}, idleTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := borneWith(t, test.act); got != test.after {
					t.Errorf("the connection was closed after %s, want %s", got, test.after)
				}
			})
		})
	}
}

// borneWith returns how long the server keeps its end of a connection on which
// act acts.
func borneWith(t *testing.T, act func(net.Conn)) time.Duration {
	e := Engine()
	e.POST("/", func(c *gin.Context) {
		_, _ = io.ReadAll(c.Request.Body)
		c.Status(http.StatusOK)
	})
	s := Server(e, slog.New(slog.DiscardHandler))
	began, end := time.Now(), make(chan time.Time, 1)
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			end <- time.Now()
		}
	}
	l := pipes{make(chan net.Conn), make(chan struct{})}
	go func() { _ = s.Serve(l) }()
	ours, theirs := net.Pipe()
	l.conns <- theirs
	act(ours)
	_ = ours.Close()
	_ = s.Close()
	return (<-end).Sub(began)
}

// drip sends first at once and then a byte a second, and takes what comes back.
func drip(c net.Conn, first string) {
	go func() { _, _ = bufio.NewReader(c).WriteTo(io.Discard) }()
	_, err := io.WriteString(c, first)
	for err == nil {
		time.Sleep(time.Second)
		_, err = io.WriteString(c, "x")
	}
}
