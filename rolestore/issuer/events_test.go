package issuer

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// patience is how long a test waits for what must come. It is no claim of speed.
const patience = 30 * time.Second

// listening is a host's stream of events.
type listening struct {
	t      *testing.T
	events chan hosttoken.Event // closed with the stream
}

func (e *estate) listen(t *testing.T, url, id string) *listening {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+hosttoken.PathEvents, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+e.token(id, e.directory.Snapshot().CoreID(), http.MethodGet, hosttoken.PathEvents))
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != http.StatusOK {
		t.Fatalf("the stream is %s", reply.Status)
	}
	t.Cleanup(func() { _ = reply.Body.Close() })
	l := &listening{t, make(chan hosttoken.Event, 100)}
	go func() {
		defer close(l.events)
		for lines := bufio.NewScanner(reply.Body); lines.Scan(); {
			var event hosttoken.Event
			if len(lines.Bytes()) > 0 && json.Unmarshal(lines.Bytes(), &event) == nil {
				l.events <- event
			}
		}
	}()
	return l
}

// next is the next event, and false at the end of the stream.
func (l *listening) next() (hosttoken.Event, bool) {
	l.t.Helper()
	select {
	case event, ok := <-l.events:
		return event, ok
	case <-time.After(patience):
		l.t.Fatal("no event comes")
		return hosttoken.Event{}, false
	}
}

func TestAHostIsToldWhatChanges(t *testing.T) {
	e := newEstate(t)
	e.grant(hostOne, nil)
	e.claim(hostOne)
	server := httptest.NewServer(e.Public().Handler)
	t.Cleanup(server.Close) // once the streams have ended with the test
	l := e.listen(t, server.URL, hostOne)
	expect := func(what string, valid, since bool) time.Time {
		t.Helper()
		event, ok := l.next()
		if !ok || event.InstanceID != guest || event.Valid != valid || event.Since.IsZero() == since {
			t.Errorf("%s: %+v, %t", what, event, ok)
		}
		return event.Since
	}
	expect("at first", true, false)
	if _, err := e.directory.Revoke(guest, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	first := expect("revoked", true, true)
	e.grant(hostOne, map[string]string{"team": "blue"})
	if again := expect("other tags", true, true); !again.After(first) {
		t.Errorf("other tags are of %s, the revocation was at %s", again, first)
	}
	if err := e.directory.RemoveGrant(account, hostOne); err != nil {
		t.Fatal(err)
	}
	expect("without the grant", false, false)
	e.register(hostTwo) // which changes nothing for the first
	e.grant(hostOne, nil)
	expect("with the grant, again", true, true)
	if _, err := e.directory.Release(guest, ""); err != nil {
		t.Fatal(err)
	}
	expect("released", false, false)

	// A lease that is claimed and lost while nobody looks is told of, too.
	e.claim(hostOne)
	if _, err := e.directory.Release(guest, ""); err != nil {
		t.Fatal(err)
	}
	expect("claimed and released", false, false)
	if err := e.directory.RemoveHost(hostOne); err != nil {
		t.Fatal(err)
	}
	if event, ok := l.next(); !ok || !event.Removed {
		t.Errorf("removed: %+v, %t", event, ok)
	}
	if event, ok := l.next(); ok {
		t.Errorf("after the removal: %+v", event)
	}
	if w := e.call(hostOne, http.MethodGet, hosttoken.PathEvents); w.Code != http.StatusForbidden {
		t.Errorf("a host that was removed listens: %d", w.Code)
	}
}

func TestAHostThatListensAgainHasLostTheStreamBefore(t *testing.T) {
	e := newEstate(t)
	server := httptest.NewServer(e.Public().Handler)
	t.Cleanup(server.Close) // once the streams have ended with the test
	first := e.listen(t, server.URL, hostOne)
	second := e.listen(t, server.URL, hostOne)
	if event, ok := first.next(); ok {
		t.Errorf("the stream before goes on: %+v", event)
	}
	if got := e.host(e.directory.Snapshot().Host(hostOne)); !got.Listening {
		t.Error("the host is said not to listen")
	}
	e.grant(hostOne, nil)
	e.claim(hostOne)
	if _, err := e.directory.Revoke(guest, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	if event, ok := second.next(); !ok || event.InstanceID != guest {
		t.Errorf("the second stream: %+v, %t", event, ok)
	}
}

// TestAShutdownEndsTheStreams is what lets the process end.
func TestAShutdownEndsTheStreams(t *testing.T) {
	e := newEstate(t)
	public := e.Public()
	server := httptest.NewUnstartedServer(public.Handler)
	server.Config = public
	server.Start()
	t.Cleanup(server.Close) // once the streams have ended with the test
	l := e.listen(t, server.URL, hostOne)
	if err := public.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if event, ok := l.next(); ok {
		t.Errorf("after the shutdown: %+v", event)
	}
}
