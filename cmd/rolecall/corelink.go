package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/source"
)

const (
	// firstReconnect and lastReconnect bound the time until the core is asked again for
	// its events.
	firstReconnect = time.Second
	lastReconnect  = 30 * time.Second

	// releaseRetry is the time between two tries to release what was removed here.
	releaseRetry = time.Minute

	// releaseTime is how long `instance rm` waits for the core.
	releaseTime = 3 * time.Second

	// clockSkew is how far the clocks of host and core may be apart: the tokens of a
	// host whose clock is further off are refused.
	clockSkew = time.Minute
)

// link is what the agent knows of its connection with the core.
type link struct {
	wake      chan struct{} // holds one: there is something to release
	releasing sync.Mutex    // held while a lease is released

	mu       sync.Mutex
	lost     error                // why the core's events do not come; nil while they do
	answered map[string]time.Time // by instance id: the revocation that was acted upon last
}

func newLink() *link {
	return &link{wake: make(chan struct{}, 1), answered: map[string]time.Time{}, lost: errNotYet}
}

// errNotYet is of the time before the core was first asked for events.
var errNotYet = errors.New("the core was not asked yet")

// poke asks for a look at what is to be released.
func (l *link) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// set notes whether the events come, and reports whether that is news.
func (l *link) set(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := (err == nil) != (l.lost == nil) || errors.Is(l.lost, errNotYet)
	l.lost = err
	return news
}

// note is for who looks at the status.
func (l *link) note() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil || errors.Is(l.lost, errNotYet) {
		return ""
	}
	return "What the core revokes is not heard of at once: " + l.lost.Error()
}

// acted notes that a revocation is acted upon, and reports whether it was before.
func (l *link) acted(id string, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answered[id].Equal(since) {
		return true
	}
	l.answered[id] = since
	return false
}

// trustOf is by what the core is known that this host has joined.
func trustOf(e hold.Enrolment) source.Trust {
	trust := source.Trust{Authority: e.Authority}
	if e.Pinned {
		trust.Core = e.CoreID
	}
	return trust
}

// watchCore listens to the core, and comes back when the connection is lost.
func (a *agentHalf) watchCore(ctx context.Context) error {
	wait := firstReconnect
	for ctx.Err() == nil {
		err := a.core.Watch(ctx, func() {
			wait = firstReconnect
			a.link.poke()
			a.signatures.poke()
			if a.link.set(nil) {
				a.logger.Info("the core tells at once what is revoked")
			}
		}, a.heed)
		if ctx.Err() == nil && a.link.set(err) {
			a.logger.Warn("the core's events do not come, and are asked for again: what is revoked meanwhile is served here until then", "err", err)
		}
		if errors.Is(err, source.ErrUnknownHost) {
			a.denyAll(err)
			wait = lastReconnect
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, lastReconnect)
	}
	return nil
}

// heed does what an event of the core calls for.
func (a *agentHalf) heed(e hosttoken.Event) {
	if !e.Valid {
		a.unsign(e.InstanceID)
	}
	schedule, ok := a.rotator.Schedule(e.InstanceID)
	if !ok {
		return // it has ended here, or has no role
	}
	held := schedule.Credentials.AccessKeyID != ""
	switch {
	case !e.Valid && held:
		a.logger.Warn("the core has taken an instance's role away", "instance_id", e.InstanceID)
		a.rotator.Deny(e.InstanceID, fmt.Errorf("%w: the core has taken the role away from this instance or host", rolestore.ErrRefused))
	case !e.Valid:
	case !e.Since.IsZero() && !a.link.acted(e.InstanceID, e.Since) && held && !schedule.Credentials.LastUpdated.After(e.Since.Add(clockSkew)):
		a.logger.Warn("an instance's credentials were revoked, and are replaced", "instance_id", e.InstanceID)
		a.rotator.Renew(e.InstanceID)
	default:
		a.rotator.Retry(e.InstanceID)
	}
}

// denyAll drops what a core gave that does not know this host any more.
func (a *agentHalf) denyAll(err error) {
	for _, r := range a.identity.Registrations() {
		a.unsign(r.Instance.ID)
		if s, ok := a.rotator.Schedule(r.Instance.ID); ok && s.Credentials.AccessKeyID != "" {
			a.rotator.Deny(r.Instance.ID, fmt.Errorf("%w: %w", rolestore.ErrRefused, err))
		}
	}
}

// Revoke implements [admin.Instances].
func (a *agentHalf) Revoke(ctx context.Context, id string) error {
	if _, ok := a.identity.Registration(id); !ok {
		return fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	}
	event, err := a.core.Revoke(ctx, id)
	switch {
	case err == nil:
		a.heed(event)
		return nil
	case errors.Is(err, source.ErrNotFound):
		a.rotator.Renew(id) // it has nothing that the core knows of
		return nil
	}
	a.rotator.Renew(id)
	return fmt.Errorf("%w: instance %s is served its credentials no more, but they are still good where they are known: %w: try again when the core is there",
		admin.ErrNotReady, id, err)
}

// release gives the lease of a removed instance up, or says why it is to be tried
// again.
func (a *agentHalf) release(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	a.link.releasing.Lock()
	defer a.link.releasing.Unlock()
	if _, ok := a.identity.Registration(id); ok {
		return // it was put again
	}
	err := a.core.Release(ctx, id)
	if err == nil {
		err = a.identity.Released(id)
	}
	if err != nil {
		a.logger.Warn("the core still has an instance leased to this host, which is tried again", "instance_id", id, "err", err)
	}
}

// releaseAll is the task of releasing what could not be released at once.
func (a *agentHalf) releaseAll(ctx context.Context) error {
	ticker := time.NewTicker(releaseRetry)
	defer ticker.Stop()
	for {
		ids, err := a.identity.Releases()
		if err != nil {
			a.logger.Error("what is to be released cannot be read", "err", err)
		}
		for _, id := range ids {
			if ctx.Err() == nil {
				a.release(ctx, id)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-a.link.wake:
		}
	}
}
