package main

import (
	"net"
	"net/netip"
	"sync"
)

// maxPerSource bounds the connections of one source where hosts connect, so that nobody
// takes all of them and no host hears any more what is revoked. An agent keeps up to 17;
// those of some sixty hosts fit, if they share an address.
const maxPerSource = maxPeers / 8

// perSource closes the connections of a source that has maxPerSource already.
type perSource struct {
	net.Listener

	mu   sync.Mutex
	held map[netip.Prefix]int
}

// Accept implements [net.Listener].
func (l *perSource) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := sourceOf(conn)
		if l.count(from, 1) <= maxPerSource {
			return &sourceConn{Conn: conn, end: sync.OnceFunc(func() { l.count(from, -1) })}, nil
		}
		l.count(from, -1)
		_ = conn.Close()
	}
}

func (l *perSource) count(from netip.Prefix, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.held[from] + n
	if l.held[from] = now; now == 0 {
		delete(l.held, from)
	}
	return now
}

// sourceOf is who counts as one: an address, or the network of 64 bits that one machine
// has in IPv6 (RFC 4291 section 2.5.1).
func sourceOf(conn net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	bits, address := 64, peer.Addr().Unmap().WithZone("")
	if address.Is4() {
		bits = 32
	}
	p, _ := address.Prefix(bits) // a valid address has as many
	return p
}

type sourceConn struct {
	net.Conn
	end func()
}

// Close implements [net.Conn].
func (c *sourceConn) Close() error {
	c.end()
	return c.Conn.Close()
}
