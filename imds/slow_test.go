package imds_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections within a synctest bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (pipes) Close() error     { return nil }
func (p pipes) Addr() net.Addr { return addr("pipe") }

// piped serves one connection to web within a bubble, and returns the host and its other
// end.
func piped(t *testing.T) (*host, net.Conn) {
	h := newHost(t)
	h.Put(web())
	listener, done := make(pipes), make(chan error)
	go func() { done <- h.Serve(listener) }()
	t.Cleanup(func() {
		close(listener)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	h.connect(t.Context(), webID) // makes the id known
	client, server := net.Pipe()
	listener <- socket{server, webID}
	return h, client
}

func TestSlowSendersAreCutOff(t *testing.T) {
	for name, tc := range map[string]struct {
		send string
		then time.Duration
	}{
		"nothing":              {"", 5 * time.Second},
		"half a header":        {"GET / HTTP/1.1\r\nHost: 169.", 5 * time.Second},
		"a request, then idle": {"GET / HTTP/1.1\r\n" + hostIP + "\r\n\r\n", time.Minute},
		"a body that lacks a byte": {"PUT " + tokenPath + " HTTP/1.1\r\n" + hostIP + "\r\n" + ttlHeader +
			": 60\r\nContent-Length: 1\r\n\r\n", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, client := piped(t)
				began := time.Now()
				go func() { _, _ = io.WriteString(client, tc.send) }()
				_, err := io.Copy(io.Discard, client)
				if lasted := time.Since(began); err != nil || lasted != tc.then { // of the bubble's clock
					t.Errorf("cut off after %v, %v; want %v", lasted, err, tc.then)
				}
			})
		})
	}
}

func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := piped(t)
		began := time.Now()
		send(t, client, "GET / HTTP/1.1\r\n"+hostIP+"\r\n\r\n")
		// A pipe holds nothing, so the server waits for its reply to be read.
		var err error
		for err == nil {
			_, err = io.WriteString(client, "more")
		}
		if lasted := time.Since(began); lasted != 10*time.Second { // of the bubble's clock
			t.Errorf("cut off after %v, %v", lasted, err)
		}
	})
}
