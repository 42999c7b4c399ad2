package main

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestOneSourceDoesNotTakeAllConnections opens as many as one may have and one more.
func TestOneSourceDoesNotTakeAllConnections(t *testing.T) {
	listener, err := listenAt(t.Context(), netip.MustParseAddrPort("0.0.0.0:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 2*maxPerSource)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("!"))
			accepted <- conn
		}
	}()
	port := listener.Addr().(*net.TCPAddr).Port
	open := func(from net.IP) (net.Conn, bool) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 10 * time.Second}
		conn, err := d.DialContext(t.Context(), "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _ := conn.Read(make([]byte, 1))
		return conn, n == 1
	}
	greedy, another := net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)
	for n := range maxPerSource {
		if _, ok := open(greedy); !ok {
			t.Fatalf("connection %d is refused", n+1)
		}
	}
	if _, ok := open(greedy); ok {
		t.Error("a source has more connections than one may")
	}
	if _, ok := open(another); !ok {
		t.Error("another source is refused")
	}
	if err := (<-accepted).Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := open(greedy); !ok {
		t.Error("a source that has closed one is refused")
	}
}
