package network

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
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
	h := newHall(rate{})
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
	late, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err == nil {
		held = append(held, late)
		if err := late.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = late.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) { // nothing of it stays in the kernel
		t.Errorf("one too many: %v, want its reset", err)
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

// atHand is a listener of connections that are there already, and says when each was
// taken.
type atHand struct {
	net.Listener
	conns chan net.Conn
	taken []time.Duration
	began time.Time
}

func (l *atHand) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	l.taken = append(l.taken, time.Since(l.began))
	return c, nil
}

// newAtHand returns n connections to a listener that nobody accepts.
func newAtHand(t *testing.T, n int) []net.Conn {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var conns []net.Conn
	for range n {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conns = append(conns, c)
	}
	return conns
}

// TestFewConnectionsFindRoomInACrowd has two attachments fill the hall: then those who have
// many are turned away, and a third is not, until it has its few. There is room again when
// connections end, by themselves or with their attachment.
func TestFewConnectionsFindRoomInACrowd(t *testing.T) {
	h := newHall(rate{})
	h.crowd.room = 100
	conns := newAtHand(t, 400)
	in := func(w *wanted, n int) (letIn []*Conn) {
		for range n {
			tcp := conns[0].(*net.TCPConn)
			conns = conns[1:]
			attended := make(chan struct{})
			go func() {
				h.letIn(&door{resident: func(netip.Addr) *wanted { return w }}, tcp)
				close(attended)
			}()
			select {
			case c := <-h.arrived:
				letIn = append(letIn, c)
				<-attended
			case <-attended: // turned away
			}
		}
		return letIn
	}
	var first, second, third wanted
	if got := len(in(&first, 60)) + len(in(&second, 60)); got != 100 {
		t.Fatalf("%d are let in, want 100", got)
	}
	few := in(&third, 20)
	if len(few) != fewOpen || third.status().TurnedAway != uint64(20-fewOpen) {
		t.Errorf("%d of a third are let in, want %d", len(few), fewOpen)
	}
	for _, c := range few {
		_ = c.Close()
		_ = c.Close() // as net/http may
	}
	second.connections.end()
	if open := h.crowd.open.Load(); open != 60 {
		t.Errorf("%d are open, want the 60 of the first", open)
	}
	if got := len(in(&first, 60)); got != 40 {
		t.Errorf("%d more of the first are let in, want 40", got)
	}
	first.connections.end()
}

// TestWhoConnectsTooOftenWaits lets twenty at once in, and then ten a second: by a door of
// its own all are let in when their time has come; by one that others use they are turned
// away and counted, and the door is attended at once. It is the same with those that find
// no room, but for their pause.
func TestWhoConnectsTooOftenWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		pace     time.Duration
		open     int
		member   *Member
		in, away int
		last     time.Duration // when the last was taken
	}{
		"a door of its own":          {100 * time.Millisecond, 0, nil, 30, 0, 900 * time.Millisecond},
		"a bridge":                   {100 * time.Millisecond, 0, &Member{}, 20, 10, 0},
		"no room, a door of its own": {0, maxOpen, nil, 0, 30, 29 * fullPause},
		"no room, a bridge":          {0, maxOpen, &Member{}, 0, 30, 0},
		"room for all but one":       {0, maxOpen - 29, nil, 29, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			conns := newAtHand(t, 30)
			synctest.Test(t, func(t *testing.T) {
				h := newHall(rate{pace: tc.pace, now: time.Now})
				w := &wanted{}
				w.Member = tc.member
				w.connections.open = map[*Conn]struct{}{}
				for range tc.open {
					w.connections.open[new(Conn)] = struct{}{}
				}
				l := &atHand{conns: make(chan net.Conn, 30), began: time.Now()}
				for _, c := range conns {
					l.conns <- c
				}
				close(l.conns)
				left := make(chan struct{})
				go func() {
					h.attend(&door{Listener: l, resident: func(netip.Addr) *wanted { return w }})
					close(left)
				}()
				for range tc.in {
					if _, err := h.Accept(); err != nil {
						t.Fatal(err)
					}
				}
				<-left
				if got := w.status().TurnedAway; got != uint64(tc.away) || len(l.taken) != 30 {
					t.Errorf("%d were turned away of %d, want %d", got, len(l.taken), tc.away)
				}
				if last := l.taken[29]; last != tc.last { // of the bubble's clock
					t.Errorf("the last was taken after %v, want %v", last, tc.last)
				}
			})
		})
	}
}

// TestWhatIsTurnedAwayTakesNothing has many turned away, and the next is let in when its
// time has come.
func TestWhatIsTurnedAwayTakesNothing(t *testing.T) {
	now := time.Unix(0, 0)
	r := rate{pace: 100 * time.Millisecond, now: func() time.Time { return now }}
	var c connections
	in := func() (n int) {
		for range 100 {
			if c.early(r, false) == 0 {
				n++
			}
		}
		return n
	}
	for _, later := range []struct {
		wait time.Duration
		want int
	}{{0, 20}, {99 * time.Millisecond, 0}, {time.Millisecond, 1}, {time.Second, 10}, {time.Hour, 20}} {
		now = now.Add(later.wait)
		if got := in(); got != later.want {
			t.Errorf("after another %v: %d, want %d", later.wait, got, later.want)
		}
	}
}
