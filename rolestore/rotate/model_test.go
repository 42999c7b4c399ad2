package rotate

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// scan is what a pass comes to, by looking at every instance: whom it asks for, and
// how long it may wait, at least and at most. It is the model of the queues.
func scan(r *Rotator, now time.Time) (asked []string, least, most time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	least, most = r.config.Recheck, r.config.Recheck
	var due []*entry
	for id, e := range r.entries {
		s := e.schedule
		switch _, fetching := r.fetching[id]; {
		case fetching:
		case !s.Next.After(now) || s.Attempted.After(now):
			due = append(due, e)
		default:
			least = min(least, s.Next.Sub(now))
		}
		if left := s.Credentials.Left(now); s.refused && left > 0 {
			least, most = min(least, left), min(most, left)
		}
	}
	slices.SortFunc(due, func(a, b *entry) int {
		return cmp.Or(a.schedule.Credentials.Expiration.Compare(b.schedule.Credentials.Expiration), cmp.Compare(a.instance.ID, b.instance.ID))
	})
	free := parallel - len(r.slots)
	for _, e := range due[:min(len(due), free)] {
		asked = append(asked, e.instance.ID)
	}
	if len(due) <= free {
		most = least // else what falls due has to wait for a fetch that ends
	}
	return asked, least, most
}

// questions is a Source whose answers the test gives.
type questions struct {
	mu      sync.Mutex
	waiting map[string]chan error // nil is an answer of credentials, by instance id
	living  func() rolestore.Credentials
}

func (q *questions) Fetch(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error) {
	answer := make(chan error)
	q.mu.Lock()
	if q.waiting[i.ID] != nil {
		panic("two fetches for " + i.ID)
	}
	q.waiting[i.ID] = answer
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.waiting, i.ID)
	}()
	select {
	case err := <-answer:
		return q.living(), err
	case <-ctx.Done():
		return rolestore.Credentials{}, ctx.Err()
	}
}

// random is a Rotator to which anything may happen, one pass at a time.
type random struct {
	*rand.Rand
	*Rotator
	source *questions
	offset time.Duration // of the wall clock
	told   map[string]int
}

func (r *random) wall() time.Time { return time.Now().Add(r.offset) }

func (r *random) credentials() rolestore.Credentials {
	issued := r.wall().Add(time.Duration(r.Int64N(int64(8 * time.Hour)))).Add(-7 * time.Hour) // an issuer's clock may be ahead
	return living(issued, time.Duration(1+r.Int64N(int64(Lifetime))))
}

// Publish and Refuse count how often programs were refused since there were
// credentials.
func (r *random) Publish(i rolestore.Instance, _ rolestore.Credentials) { r.told[i.ID] = 0 }
func (r *random) Withdraw(rolestore.Instance)                           {}
func (r *random) Refuse(i rolestore.Instance)                           { r.told[i.ID]++ }

// happen has one thing happen.
func (r *random) happen() {
	id := numbered(r.IntN(3 * parallel))
	switch r.IntN(12) {
	case 0, 1:
		delete(r.told, id)
		r.Put(withRole(id, "web"), Schedule{})
	case 2, 3:
		delete(r.told, id)
		r.Put(withRole(id, "web"), Resume(id, r.credentials()))
	case 4:
		delete(r.told, id)
		r.Remove(id)
	case 5:
		delete(r.told, id)
		r.Put(rolestore.Instance{ID: id}, Schedule{})
	case 6:
		r.offset += time.Duration(r.Int64N(int64(10*time.Hour))) - 5*time.Hour
	case 7:
		time.Sleep(time.Duration(r.Int64N(int64(time.Hour) >> r.IntN(20))))
	default:
		r.answer([]error{nil, nil, errUnreachable, errDenied}[r.IntN(4)])
	}
	synctest.Wait()
}

// answer ends one fetch, if any is under way.
func (r *random) answer(err error) {
	r.source.mu.Lock()
	waiting := slices.Sorted(maps.Keys(r.source.waiting))
	if len(waiting) == 0 {
		r.source.mu.Unlock()
		return
	}
	answer := r.source.waiting[waiting[r.IntN(len(waiting))]]
	r.source.mu.Unlock()
	answer <- err
}

// underWay returns the ids that are asked for, in order.
func (r *random) underWay() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.fetching))
}

// check holds what the last pass, at now, has left behind against its invariants.
func (r *random) check(t *testing.T, now time.Time) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, e := range r.entries {
		if want := e.schedule.Withdrawn(now); want && !e.withdrawn || e.withdrawn != (r.told[id] == 1) || r.told[id] > 1 {
			t.Fatalf("%s was refused %d times: %+v", id, r.told[id], e)
		}
	}
	if !r.seen.Equal(now) {
		t.Fatalf("at %s all will be settled anew until %s", now, r.seen)
	}
	for name, q := range map[string]*queue{"due": &r.due, "looks": &r.looks} {
		for place, e := range q.entries {
			if *q.at(e) != place+1 || r.entries[e.instance.ID] != e {
				t.Fatalf("%s holds %s at place %d, which says %d or is forgotten", name, e.instance.ID, place+1, *q.at(e))
			}
		}
	}
}

// TestQueuesDoWhatAScanWouldDo lets anything happen and compares each pass with one
// that looks at every instance.
func TestQueuesDoWhatAScanWouldDo(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			r := &random{Rand: rand.New(rand.NewPCG(seed, 7)), told: map[string]int{}, source: &questions{waiting: map[string]chan error{}}}
			r.source.living = r.credentials
			r.Rotator = New(Config{Source: r.source, Sink: r, Now: r.wall, Recheck: recheck})
			ctx, cancel := context.WithCancel(t.Context())
			var fetches sync.WaitGroup
			full, started := 0, 0
			for range 1000 {
				r.happen()
				before := r.underWay()
				want, least, most := scan(r.Rotator, r.wall())
				wait := r.pass(ctx, &fetches)
				got := slices.DeleteFunc(r.underWay(), func(id string) bool { return slices.Contains(before, id) })
				slices.Sort(want)
				if !slices.Equal(got, want) || wait < least || wait > most {
					t.Fatalf("asked for %v and waits for %s, want %v and %s to %s", got, wait, want, least, most)
				}
				r.check(t, r.wall())
				started += len(got)
				if len(want) > 0 && len(before)+len(got) == parallel {
					full++
				}
				synctest.Wait()
			}
			cancel()
			fetches.Wait()
			if full == 0 || started < 100 {
				t.Errorf("only %d fetches, and %d passes that filled the slots: nothing was tried", started, full)
			}
		})
	}
}

// TestQueuesForgetWhatIsForgotten puts and removes the same ids over and over.
func TestQueuesForgetWhatIsForgotten(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.fail(errors.New("not now"))
		for range 3 {
			for n := range 3 * parallel {
				r.Put(withRole(numbered(n), "web"), Schedule{})
				r.Put(withRole(numbered(n), "web"), Resume(numbered(n), living(r.wall(), Lifetime)))
			}
			synctest.Wait()
			if len(r.entries) != 3*parallel || r.due.Len()+r.looks.Len() != 3*parallel {
				t.Errorf("%d are due and %d wait, of %d", r.due.Len(), r.looks.Len(), len(r.entries))
			}
			for n := range 3 * parallel {
				r.Remove(numbered(n))
			}
			synctest.Wait()
			if len(r.entries)+r.due.Len()+r.looks.Len()+len(r.fetching) != 0 {
				t.Errorf("%d are due and %d wait, of none", r.due.Len(), r.looks.Len())
			}
		}
	})
}

func TestRemoveWakesNobody(t *testing.T) {
	r := New(Config{Now: time.Now})
	r.Put(withRole("i-1", "web"), Schedule{})
	<-r.wake
	r.Remove("i-1")
	if len(r.wake) != 0 {
		t.Error("a removal asks for a look")
	}
}
