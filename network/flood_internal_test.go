package network

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// TestOneAttachmentDoesNotTakeAllDescriptors opens more connections than one attachment
// may have: the last is closed at once and counted, another attachment's is not, and
// there is room again when one has ended.
func TestOneAttachmentDoesNotTakeAllDescriptors(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	flood, quiet := &wanted{}, &wanted{}
	flood.Name, quiet.Name = "flood", "quiet"
	var resident atomic.Pointer[wanted]
	resident.Store(flood)
	h := newHall()
	attended := make(chan struct{})
	go func() {
		h.attend(&door{Listener: l, resident: func(netip.Addr) *wanted { return resident.Load() }})
		close(attended)
	}()
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
		_ = l.Close()
		<-attended
	}()
	dial := func() net.Conn {
		t.Helper()
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		return c
	}
	letIn := func() *Conn {
		t.Helper()
		dial()
		c, err := h.Accept()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		return c.(*Conn)
	}
	first := letIn()
	for range maxOpen - 1 {
		letIn()
	}
	late := dial()
	if err := late.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one too many: %v, want its end", err)
	}
	if got := flood.status().TurnedAway; got != 1 {
		t.Errorf("%d were turned away, want 1", got)
	}
	resident.Store(quiet)
	if c := letIn(); c.Attachment() != "quiet" {
		t.Errorf("let in for %s", c.Attachment())
	}
	resident.Store(flood)
	_ = first.Close()
	if c := letIn(); c.Attachment() != "flood" {
		t.Errorf("let in for %s", c.Attachment())
	}
}
