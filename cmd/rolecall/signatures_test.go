package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/source"
)

// TestDocumentsAreSignedInTime walks through what may come of asking.
func TestDocumentsAreSignedInTime(t *testing.T) {
	s, now := newSignatures(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	i := rolestore.Instance{ID: webGuest, Attachment: rolestore.Attachment{Interface: "tap0"}}
	const look = time.Hour
	due := func(when string, want bool) {
		t.Helper()
		got, wait := s.next(now, look)
		if (wait == 0) != want || want && got.ID != i.ID {
			t.Errorf("%s: %q, and then none for %s", when, got.ID, wait)
		}
	}
	due("nothing is wanted", false)
	s.first(i, now)
	due("the first credentials are there", true)
	due("it is being signed", false)
	s.done(i, now, nil)
	s.first(i, now)
	due("other credentials are there", false)
	now = now.Add(signEvery - time.Second)
	due("a second before the day is over", false)
	now = now.Add(time.Second)
	due("a day later", true)

	for n, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		news, wanted := s.done(i, now, errors.New("busy"))
		if news != (n == 0) || !wanted || s.note() == "" {
			t.Errorf("failure %d is news: %t, wanted: %t, noted: %q", n, news, wanted, s.note())
		}
		now = now.Add(wait*time.Second - time.Millisecond)
		due(fmt.Sprint("before the wait after failure ", n), false)
		now = now.Add(time.Millisecond)
		due(fmt.Sprint("after failure ", n), true)
	}
	s.done(i, now, fmt.Errorf("%w: refused", source.ErrAway))
	due("the core is away, and may be there again", true)
	if news, _ := s.done(i, now, nil); !news || s.note() != "" {
		t.Errorf("that it works again is news: %t, noted: %q", news, s.note())
	}
	now = now.Add(-signEvery)
	due("the clock was set back", true)

	s.done(i, now, source.ErrNotFound)
	now = now.Add(2 * signEvery)
	due("it is another host's", false)
	s.first(i, now)
	due("it is this host's again", true)
	changed := i
	changed.InstanceType = "m7i.large"
	s.want(changed, now)
	if _, wanted := s.done(i, now, nil); wanted {
		t.Error("a document is still wanted that has changed")
	}
	due("the document has changed", true)
	s.forget(i.ID)
	if _, wanted := s.done(changed, now, nil); wanted {
		t.Error("the document of a removed instance is wanted")
	}
	s.want(i, now)
	s.want(rolestore.Instance{ID: dbGuest, Attachment: i.Attachment}, now)
	a, _ := s.next(now, look)
	b, _ := s.next(now, look)
	if a.ID == b.ID {
		t.Error("one is signed twice, and the other waits")
	}
}
