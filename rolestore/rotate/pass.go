package rotate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// pass starts what is due and returns how long nothing else will be. It costs what
// there is to do, however many instances wait for their turn.
func (r *Rotator) pass(ctx context.Context, fetches *sync.WaitGroup) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	for e := r.looks.first(); e != nil && !e.look.After(now); e = r.looks.first() {
		r.settle(e, now) // its deadline is met: the next one lies ahead, if there is one
	}
	for e := r.due.first(); e != nil && r.start(ctx, fetches, e, now); {
		e = r.due.first()
	}
	if e := r.looks.first(); e != nil {
		return min(r.config.Recheck, e.look.Sub(now))
	}
	return r.config.Recheck
}

// start asks the source for e's credentials, or reports that all slots are taken:
// a fetch that ends wakes the loop for the rest. What was due because it seemed to
// have been asked for in the future is not, when that future came while it waited.
func (r *Rotator) start(ctx context.Context, fetches *sync.WaitGroup, e *entry, now time.Time) bool {
	if e.schedule.due(now) {
		select {
		case r.slots <- struct{}{}:
		default:
			return false
		}
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		r.fetching[e.instance.ID] = cancel
		fetches.Go(func() { r.fetch(ctx, e) })
	}
	r.settle(e, now)
	return true
}

// settle tells e's programs of a refusal that has taken effect, and queues e for
// what is next: a slot, if it is due; else the deadline that comes first. Whoever
// changes e calls it, with r.mu held.
func (r *Rotator) settle(e *entry, now time.Time) {
	s := &e.schedule
	if s.Withdrawn(now) && !e.withdrawn {
		e.withdrawn = true
		r.config.Sink.Refuse(e.instance)
	}
	_, fetching := r.fetching[e.instance.ID]
	due := !fetching && s.due(now)
	deadline := true
	if e.look = s.wake(now); fetching || due {
		// No fetch is to be planned, but credentials of a role that was refused end.
		e.look, deadline = s.Credentials.Expiration, s.refused && s.Credentials.Left(now) > 0
	}
	r.due.set(e, due)
	r.looks.set(e, deadline)
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
	id, now := e.instance.ID, r.clock()
	dropped := r.entries[id] != e || errors.Is(ctx.Err(), context.Canceled)
	r.fetching[id]() // frees the timer of the time-out
	delete(r.fetching, id)
	switch {
	case dropped:
	case err != nil:
		e.schedule.Fail(id, err, now)
		r.config.Logger.Warn("credentials not refreshed", "instance_id", id, "role", e.instance.Profile.Role.Name(),
			"retry_at", e.schedule.Next, "valid_for", e.schedule.Autonomy(now), "err", err)
	default:
		e.schedule.Succeed(id, c, now)
		e.withdrawn = false
		r.config.Sink.Publish(e.instance, c)
		r.config.Logger.Info("credentials refreshed", "instance_id", id, "role", e.instance.Profile.Role.Name(),
			"access_key_id", c.AccessKeyID, "expiration", c.Expiration, "next_refresh", e.schedule.Next)
	}
	if waiting, ok := r.entries[id]; ok { // e, or what has waited for the end of its fetch
		r.settle(waiting, now)
	}
}

// clock reads the wall clock; r.mu is held. Deadlines are settled for a clock that
// goes forward. If it was set back, all are settled anew.
func (r *Rotator) clock() time.Time {
	now := r.now()
	back := now.Before(r.seen)
	r.seen = now
	if back {
		for _, e := range r.entries {
			r.settle(e, now)
		}
	}
	return now
}

// now is the wall clock's time without the monotonic reading that time.Now adds:
// comparisons would prefer it, and it stands still while a machine is suspended.
func (r *Rotator) now() time.Time { return r.config.Now().Round(0) }
