package storetest

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
)

// Store is what is tested: the interface that the directory uses.
type Store interface {
	Load(ctx context.Context) (records []store.Record, revision int64, err error)
	Commit(ctx context.Context, t store.Transaction) (revision int64, err error)
	Watch(ctx context.Context, after int64) iter.Seq2[store.Committed, error]
}

// Place is where one store keeps its records.
type Place struct {
	// Open opens the store, which the test ends with close before it opens it again.
	Open func(t *testing.T) (s Store, end func())
}

// Run tests a store that is new, at a place of its own for each test.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"what is put is there, at its revision":                        whatIsPutIsThere,
		"what is put is there when the store is opened again":          whatIsPutSurvives,
		"a condition that does not hold does nothing":                  conditions,
		"a watch sees each transaction after a revision, in order":     watch,
		"a watch that begins late sees what was before, or is told so": late,
		"of those who change one record at once, one does at a time":   contention,
		"a watch ends with its context":                                ends,
	} {
		t.Run(name, func(t *testing.T) { test(t, place(t)) })
	}
}

var a, b, other = store.Key{Bucket: "fruit", Name: "apple"}, store.Key{Bucket: "fruit", Name: "banana"}, store.Key{Bucket: "tool", Name: "apple"}

func put(k store.Key, value string) store.Change { return store.Change{Key: k, Value: []byte(value)} }

func commit(t *testing.T, s Store, changes ...store.Change) int64 {
	t.Helper()
	revision, err := s.Commit(t.Context(), store.Transaction{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// load returns what there is by name, and fails if it is out of order.
func load(t *testing.T, s Store) (map[store.Key]store.Record, int64) {
	t.Helper()
	records, revision, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[store.Key]store.Record{}
	for n, r := range records {
		all[r.Key] = r
		if n > 0 && (records[n-1].Bucket > r.Bucket || records[n-1].Bucket == r.Bucket && records[n-1].Name >= r.Name) {
			t.Errorf("%v comes after %v", r.Key, records[n-1].Key)
		}
	}
	return all, revision
}

func whatIsPutIsThere(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	_, before := load(t, s)
	first := commit(t, s, put(a, "1"), put(b, "1"), put(other, "x"))
	second := commit(t, s, put(b, "2"), store.Change{Key: other})
	third := commit(t, s, store.Change{Key: other}) // is no error
	if first <= before || second <= first || third <= second {
		t.Errorf("the revisions are %d, %d, %d, %d", before, first, second, third)
	}
	all, now := load(t, s)
	want := map[store.Key]store.Record{a: {Key: a, Value: []byte("1"), Revision: first}, b: {Key: b, Value: []byte("2"), Revision: second}}
	if !reflect.DeepEqual(all, want) || now != third {
		t.Errorf("at %d there is %v, want %v at %d", now, all, want, third)
	}
}

func whatIsPutSurvives(t *testing.T, p Place) {
	s, end := p.Open(t)
	commit(t, s, put(a, "1"), put(other, "x"))
	last := commit(t, s, put(a, "2"))
	end()
	s, end = p.Open(t)
	defer end()
	all, now := load(t, s)
	if len(all) != 2 || string(all[a].Value) != "2" || string(all[other].Value) != "x" {
		t.Errorf("there is %v", all)
	}
	if all[a].Revision < last || all[a].Revision > now {
		t.Errorf("at %d a record of %d has revision %d", now, last, all[a].Revision)
	}
	if next := commit(t, s, put(b, "1")); next <= now {
		t.Errorf("revision %d comes after %d", next, now)
	}
}

func conditions(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	old := commit(t, s, put(a, "1"))
	now := commit(t, s, put(a, "2"))
	for name, c := range map[string][]store.Condition{
		"an older revision":            {{Key: a, Revision: old}},
		"a revision to come":           {{Key: a, Revision: now + 1}},
		"that it is not there":         {{Key: a}},
		"one that is not there":        {{Key: b, Revision: now}},
		"one that holds and one not":   {{Key: a, Revision: now}, {Key: b, Revision: now}},
		"one of a like name elsewhere": {{Key: store.Key{Bucket: "tool", Name: "apple"}, Revision: now}},
	} {
		_, err := s.Commit(t.Context(), store.Transaction{Conditions: c, Changes: []store.Change{put(b, "x"), {Key: a}}})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	all, revision := load(t, s)
	if len(all) != 1 || string(all[a].Value) != "2" || revision != now {
		t.Errorf("at %d, want %d, there is %v", revision, now, all)
	}
	held := store.Transaction{Conditions: []store.Condition{{Key: a, Revision: now}, {Key: b}}, Changes: []store.Change{put(b, "x"), {Key: a}}}
	next, err := s.Commit(t.Context(), held)
	if err != nil {
		t.Fatalf("the conditions hold: %v", err)
	}
	held.Conditions = []store.Condition{{Key: a}, {Key: b, Revision: next}}
	if _, err := s.Commit(t.Context(), held); err != nil {
		t.Errorf("of what is deleted and what was made: %v", err)
	}
}

func watch(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	after := commit(t, s, put(a, "0"))
	ctx, cancel := context.WithCancel(t.Context())
	var seen []store.Committed
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range s.Watch(ctx, after) {
			if err != nil {
				t.Error(err)
				return
			}
			if seen = append(seen, c); len(seen) == 50 {
				cancel()
			}
		}
	}()
	want := []store.Committed{}
	for n := range 50 {
		changes := []store.Change{put(a, strconv.Itoa(n)), {Key: b}}
		want = append(want, store.Committed{Revision: commit(t, s, changes...), Changes: changes})
		_, err := s.Commit(t.Context(), store.Transaction{Conditions: []store.Condition{{Key: a}}, Changes: changes})
		if !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
	}
	<-done
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	cancel()
}

func late(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	first := commit(t, s, put(a, "0"))
	last := first
	for n := range 3000 {
		if last = commit(t, s, put(a, strconv.Itoa(n))); n == 2 {
			compare(t, s, first, last)
		}
	}
	compare(t, s, first, last)
}

// compare follows a watch from a revision to another.
func compare(t *testing.T, s Store, after, last int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for c, err := range s.Watch(ctx, after) {
		switch {
		case errors.Is(err, store.ErrCompacted):
			return
		case err != nil:
			t.Fatal(err)
		case c.Revision != after+1:
			t.Fatalf("after %d comes %d", after, c.Revision)
		}
		if after = c.Revision; after == last {
			return
		}
	}
	t.Errorf("the watch ended at %d, before %d", after, last)
}

func contention(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	commit(t, s, put(a, "0"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done := 0; done < 25; {
				records, _, err := s.Load(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(records[0].Value))
				_, err = s.Commit(t.Context(), store.Transaction{
					Conditions: []store.Condition{{Key: a, Revision: records[0].Revision}}, Changes: []store.Change{put(a, strconv.Itoa(n+1))}})
				if err == nil {
					done++
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if all, _ := load(t, s); string(all[a].Value) != "100" {
		t.Errorf("of 100 who added one, %s are left", all[a].Value)
	}
}

func ends(t *testing.T, p Place) {
	s, end := p.Open(t)
	defer end()
	after := commit(t, s, put(a, "0"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range s.Watch(ctx, after) {
			t.Errorf("nothing was changed, and it yields %v, %v", c, err)
		}
	}()
	cancel()
	<-done
}
