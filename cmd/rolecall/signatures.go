package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/identity"
	"github.com/rolecall/rolecall/rolestore/source"
)

const (
	// signEvery is how often a document is signed anew, so that the core's next
	// certificate is in use long before its last one ends.
	signEvery = 24 * time.Hour

	// signRate is how many are signed in a second, and at once. The core remembers the
	// tokens of a host's last minute, and the credentials of 10,000 instances must not
	// wait for their documents.
	signRate = 50

	// firstSign and lastSign bound the time until the core is asked again.
	firstSign = time.Second
	lastSign  = time.Minute
)

// signatures are the identity documents that the core is to sign. An instance is in it
// from its first credentials on, for before them it is not leased to this host.
type signatures struct {
	wake chan struct{} // holds one: something is due, or the core is there again

	mu     sync.Mutex
	wanted map[string]*signature // by instance id
	due    []string              // ids that are to be signed now, in order
	lost   error                 // why documents are not signed; nil while they are
}

// signature is one instance's.
type signature struct {
	instance rolestore.Instance
	at       time.Time // when it is to be signed; while it is due, when it fell due
	failures int
}

func newSignatures() *signatures {
	return &signatures{wake: make(chan struct{}, 1), wanted: map[string]*signature{}}
}

// want has an instance's document signed at a time.
func (s *signatures) want(i rolestore.Instance, at time.Time) {
	if isPod(i) {
		return // it has no metadata to find one in
	}
	s.mu.Lock()
	s.wanted[i.ID] = &signature{instance: i, at: at}
	s.mu.Unlock()
	s.poke()
}

// first has the document signed now of an instance that has its first credentials.
func (s *signatures) first(i rolestore.Instance, now time.Time) {
	s.mu.Lock()
	_, known := s.wanted[i.ID]
	s.mu.Unlock()
	if !known {
		s.want(i, now)
	}
}

func (s *signatures) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wanted, id)
}

func (s *signatures) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next returns an instance whose document is to be signed now, or else how long there
// is none. What would be due later than a document ever is fell due before the clock
// was set back.
func (s *signatures) next(now time.Time, longest time.Duration) (rolestore.Instance, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := longest
	if len(s.due) == 0 {
		for id, w := range s.wanted {
			switch left := w.at.Sub(now); {
			case left <= 0 || left > signEvery:
				s.due = append(s.due, id)
			default:
				wait = min(wait, left)
			}
		}
	}
	for len(s.due) > 0 {
		w := s.wanted[s.due[0]]
		s.due = s.due[1:]
		if w != nil {
			w.at = now.Add(lastSign) // whatever comes of it
			return w.instance, 0
		}
	}
	return rolestore.Instance{}, wait
}

// done notes what came of signing. It reports whether that is news, and whether the
// document is still wanted.
func (s *signatures) done(i rolestore.Instance, now time.Time, err error) (news, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = (err == nil) != (s.lost == nil)
	s.lost = err
	w, ok := s.wanted[i.ID]
	if !ok || !w.instance.Equal(i) {
		return news, false
	}
	switch {
	case errors.Is(err, source.ErrNotFound):
		delete(s.wanted, i.ID) // until it has credentials again
	case errors.Is(err, source.ErrAway):
		w.at = now // as soon as it is there
	case err != nil:
		w.at = now.Add(min(firstSign<<min(w.failures, 6), lastSign))
		w.failures++
	default:
		w.at, w.failures = now.Add(signEvery), 0
	}
	return news, true
}

// note is for who looks at the status.
func (s *signatures) note() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		return ""
	}
	return "An identity document was not signed, and what was signed before is served on: " + s.lost.Error()
}

// signAll is the task of having documents signed.
func (a *agentHalf) signAll(ctx context.Context) error {
	limit := rate.NewLimiter(signRate, signRate)
	for ctx.Err() == nil {
		i, wait := a.signatures.next(a.world.now(), a.world.recheck)
		if wait == 0 {
			_ = limit.Wait(ctx) // it fails at the end alone
			if a.sign(ctx, i) {
				continue
			}
			wait = lastSign // the others need not try; the core's events wake us
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-a.signatures.wake:
		}
		timer.Stop()
	}
	return nil
}

// sign has one document signed, and serves it. It reports whether the core was there.
func (a *agentHalf) sign(ctx context.Context, i rolestore.Instance) bool {
	asked := a.world.now()
	signed, err := a.core.Identity(ctx, i.ID, identity.Of(i).Declared)
	if ctx.Err() != nil {
		return false
	}
	news, wanted := a.signatures.done(i, asked, err)
	if news && err != nil {
		a.logger.Warn("an instance's identity document is not signed, which is tried again", "instance_id", i.ID, "err", err)
	}
	switch {
	case errors.Is(err, source.ErrNotFound):
		a.unsign(i.ID)
	case err == nil && wanted:
		a.publishSigned(i, hold.SignedDocument{Signed: signed, At: asked})
	}
	return !errors.Is(err, source.ErrAway)
}

// publishSigned serves a document to the instance that it was signed for, if that is
// still there.
func (a *agentHalf) publishSigned(i rolestore.Instance, d hold.SignedDocument) {
	a.changing.Lock()
	defer a.changing.Unlock()
	now, ok := a.identity.Instance(i.ID)
	if !ok || now.Incarnation != i.Incarnation || !identity.Same(now, i) {
		return
	}
	a.imds.PublishIdentity(i, d.Signed)
	a.cache.PutDocument(i, d)
}

// serveSigned serves the document that is in the store, and has it signed in time.
func (a *agentHalf) serveSigned(i rolestore.Instance, hasRole bool) {
	d, ok := a.cache.Document(i)
	switch {
	case ok:
		a.imds.PublishIdentity(i, d.Signed)
		a.signatures.want(i, d.At.Add(signEvery))
	case hasRole:
		a.signatures.want(i, a.world.now())
	default:
		a.signatures.forget(i.ID) // until it has
	}
}

// unsign drops the signatures of an instance that is not this host's in the eyes of the
// core.
func (a *agentHalf) unsign(id string) {
	a.signatures.forget(id)
	a.cache.DropDocument(id)
	if i, ok := a.identity.Instance(id); ok {
		a.imds.WithdrawIdentity(i)
	}
}
