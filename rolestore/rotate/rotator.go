package rotate

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	// fetchTimeout bounds one question to the issuer. It is longer than any
	// answer takes and shorter than the time for which anybody would wait.
	fetchTimeout = 10 * time.Second

	// parallel bounds the questions under way, so that a host with thousands of
	// instances does not fall upon an issuer that has just come back.
	parallel = 16

	// denyDelay is how long a role that was taken away is not asked for: longer than
	// the longest back-off, so that another host that waits for the instance gets it.
	denyDelay = 2 * lastRetry
)

// Source is where credentials come from.
type Source interface {
	// Fetch asks for new credentials of the instance's role. An error that wraps
	// [rolestore.ErrRefused] is an authoritative no; any other is transient. The
	// Rotator retries, so Fetch does not. It returns soon after ctx ends.
	Fetch(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error)
}

// Sink is told what an instance's programs are to be served. Its methods must
// not block and must not call back into the Rotator.
type Sink interface {
	// Publish hands out new credentials.
	Publish(i rolestore.Instance, c rolestore.Credentials)
	// Refuse says that the role was refused and no valid credentials are left.
	Refuse(i rolestore.Instance)
	// Withdraw says that the credentials that were published are worth nothing.
	Withdraw(i rolestore.Instance)
}

// Config is what a Rotator needs.
type Config struct {
	Source Source
	Sink   Sink
	// Now is the wall clock.
	Now func() time.Time
	// Recheck is the longest time between two looks at the deadlines; 10 s in
	// earnest. A timer does not run while a machine sleeps, and would oversleep.
	Recheck time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

// Rotator keeps every instance's credentials fresh.
type Rotator struct {
	config Config
	wake   chan struct{} // holds one token when a look is wanted
	slots  chan struct{} // one token for each fetch under way

	mu       sync.Mutex
	entries  map[string]*entry             // by instance id
	fetching map[string]context.CancelFunc // by instance id: ends the fetch under way
	due      queue                         // those that wait for a slot, by expiry
	looks    queue                         // those with a deadline ahead, by when it is
	seen     time.Time                     // the wall clock when it was last read
}

type entry struct {
	instance  rolestore.Instance
	schedule  Schedule
	withdrawn bool // Sink.Refuse was called since the last Publish

	look           time.Time // the deadline, while in looks
	inDue, inLooks int       // the places in the queues
}

// New returns a Rotator that rotates nothing before [Rotator.Put] and
// [Rotator.Run].
func New(c Config) *Rotator {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Rotator{
		config:   c,
		wake:     make(chan struct{}, 1),
		slots:    make(chan struct{}, parallel),
		entries:  map[string]*entry{},
		fetching: map[string]context.CancelFunc{},
		due:      queue{before: nearestExpiryFirst, at: func(e *entry) *int { return &e.inDue }},
		looks:    queue{before: nextLookFirst, at: func(e *entry) *int { return &e.inLooks }},
	}
}

// Put adds an instance, or replaces what is known of it; the result of a fetch
// under way for what was known is dropped. s is the zero [Schedule] for one
// without credentials, and that of [Resume] otherwise. An instance without a role
// is not rotated.
func (r *Rotator) Put(i rolestore.Instance, s Schedule) {
	r.mu.Lock()
	r.forget(i.ID)
	if i.Profile.Role.ARN != "" {
		e := &entry{instance: i, schedule: s}
		r.entries[i.ID] = e
		r.settle(e, r.clock())
	}
	r.mu.Unlock()
	r.poke()
}

// Remove forgets an instance. The result of a fetch under way is dropped.
func (r *Rotator) Remove(id string) {
	r.mu.Lock()
	r.forget(id)
	r.mu.Unlock()
}

// Renew drops an instance's credentials, which have become worth nothing, and asks
// for others at once. The result of a fetch under way is dropped.
func (r *Rotator) Renew(id string) { r.withdraw(id, func(time.Time) Schedule { return Schedule{} }) }

// Deny drops an instance's credentials, because the role is no longer the
// instance's: err says why and wraps [rolestore.ErrRefused]. It is asked for again
// after a while.
func (r *Rotator) Deny(id string, err error) {
	r.withdraw(id, func(now time.Time) Schedule {
		s := Schedule{}
		s.Fail(id, err, now)
		s.Next = now.Add(denyDelay)
		return s
	})
}

// Retry asks at once for the credentials of an instance for which that failed.
func (r *Rotator) Retry(id string) {
	r.mu.Lock()
	if e, ok := r.entries[id]; ok && e.schedule.Failures > 0 {
		now := r.clock()
		e.schedule.Next = now
		r.settle(e, now)
	}
	r.mu.Unlock()
	r.poke()
}

// withdraw puts an instance anew, with that schedule and without its credentials.
func (r *Rotator) withdraw(id string, next func(now time.Time) Schedule) {
	r.mu.Lock()
	if old, ok := r.entries[id]; ok {
		r.forget(id)
		r.config.Sink.Withdraw(old.instance)
		now := r.clock()
		e := &entry{instance: old.instance, schedule: next(now)}
		r.entries[id] = e
		r.settle(e, now)
	}
	r.mu.Unlock()
	r.poke()
}

// forget drops an instance and ends its fetch, whose answer nobody wants any
// more; r.mu is held. The next fetch for the id waits for the end of that one.
func (r *Rotator) forget(id string) {
	if e, ok := r.entries[id]; ok {
		r.due.set(e, false)
		r.looks.set(e, false)
		delete(r.entries, id)
	}
	if cancel, ok := r.fetching[id]; ok {
		cancel()
	}
}

// Schedule returns what is known of an instance's credentials.
func (r *Rotator) Schedule(id string) (Schedule, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[id]
	if !ok {
		return Schedule{}, false
	}
	return e.schedule, true
}

// Run rotates until ctx ends, and returns when no fetch is under way any more.
func (r *Rotator) Run(ctx context.Context) error {
	var fetches sync.WaitGroup
	defer fetches.Wait()
	for ctx.Err() == nil {
		timer := time.NewTimer(r.pass(ctx, &fetches))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// poke asks Run for a look; one request is as good as many.
func (r *Rotator) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
