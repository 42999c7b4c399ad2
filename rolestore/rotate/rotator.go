package rotate

import (
	"context"
	"errors"
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
}

type entry struct {
	instance  rolestore.Instance
	schedule  Schedule
	withdrawn bool // Sink.Refuse was called since the last Publish
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
		r.entries[i.ID] = &entry{instance: i, schedule: s}
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

// forget drops an instance and ends its fetch, whose answer nobody wants any
// more; r.mu is held. The next fetch for the id waits for the end of that one.
func (r *Rotator) forget(id string) {
	delete(r.entries, id)
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

// pass starts what is due and returns how long nothing else will be.
func (r *Rotator) pass(ctx context.Context, fetches *sync.WaitGroup) time.Duration {
	now := r.now()
	wait := r.config.Recheck

	r.mu.Lock()
	defer r.mu.Unlock()
	var due []*entry
	for id, e := range r.entries {
		if e.schedule.Withdrawn(now) && !e.withdrawn {
			e.withdrawn = true
			r.config.Sink.Refuse(e.instance)
		}
		switch _, fetching := r.fetching[id]; {
		case fetching:
		case e.schedule.due(now):
			due = append(due, e)
		default:
			wait = min(wait, e.schedule.wake(now).Sub(now))
		}
	}
	for _, e := range nearestExpiryFirst(due) {
		select {
		case r.slots <- struct{}{}:
			ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
			r.fetching[e.instance.ID] = cancel
			fetches.Go(func() { r.fetch(ctx, e) })
		default:
			return wait // a fetch that ends wakes the loop for the rest
		}
	}
	return wait
}

// fetch asks the source for e's credentials and notes the outcome.
func (r *Rotator) fetch(ctx context.Context, e *entry) {
	c, err := r.config.Source.Fetch(ctx, e.instance)
	if err == nil {
		err = c.Validate()
	}
	r.note(ctx, e, c, err)
	<-r.slots
	r.poke()
}

// note stores the outcome, unless the instance was removed or put anew since, or
// Run is about to return.
func (r *Rotator) note(ctx context.Context, e *entry, c rolestore.Credentials, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, now := e.instance.ID, r.now()
	dropped := r.entries[id] != e || errors.Is(ctx.Err(), context.Canceled)
	r.fetching[id]() // frees the timer of the time-out
	delete(r.fetching, id)
	if dropped {
		return
	}
	if err != nil {
		e.schedule.Fail(id, err, now)
		r.config.Logger.Warn("credentials not refreshed", "instance_id", id, "role", e.instance.Profile.Role.Name(),
			"retry_at", e.schedule.Next, "valid_for", e.schedule.Autonomy(now), "err", err)
		return
	}
	e.schedule.Succeed(id, c, now)
	e.withdrawn = false
	r.config.Sink.Publish(e.instance, c)
	r.config.Logger.Info("credentials refreshed", "instance_id", id, "role", e.instance.Profile.Role.Name(),
		"access_key_id", c.AccessKeyID, "expiration", c.Expiration, "next_refresh", e.schedule.Next)
}

// now is the wall clock's time without the monotonic reading that time.Now adds:
// comparisons would prefer it, and it stands still while a machine is suspended.
func (r *Rotator) now() time.Time { return r.config.Now().Round(0) }

// poke asks Run for a look; one request is as good as many.
func (r *Rotator) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
