package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// Tell implements [admin.Instances].
func (a *agentHalf) Tell(id string, c rolestore.EventChange) error {
	r, ok := a.identity.Registration(id)
	switch {
	case !ok:
		return fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	case r.Ended != "":
		return fmt.Errorf("%w: %s", admin.ErrEnded, r.Ended)
	}
	if err := r.Instance.Events.Check(c); err != nil {
		return fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	err := a.tell(r.Instance, func(e rolestore.Events) rolestore.Events { return e.With(c, a.world.now()) })
	select {
	case a.planned <- struct{}{}:
	default: // it is about to be looked at
	}
	return err
}

// tell changes the events of an instance on the disk, and then for those who ask.
func (a *agentHalf) tell(i rolestore.Instance, change func(rolestore.Events) rolestore.Events) error {
	a.changing.Lock() // the later change is served
	defer a.changing.Unlock()
	r, ok, err := a.identity.Tell(i.ID, i.Incarnation, change)
	if err != nil || !ok {
		return err
	}
	a.imds.Tell(r.Instance)
	return nil
}

// tellPlanned makes the changes that were planned when their time comes, or at once
// after a start if it has come meanwhile. The clock is looked at now and then, as it may
// be set, and timers stand still while a machine sleeps.
func (a *agentHalf) tellPlanned(ctx context.Context) error {
	for {
		now, wait := a.world.now(), a.world.recheck
		for _, r := range a.identity.Registrations() {
			planned := r.Instance.Events.Planned
			if len(planned) == 0 || r.Ended != "" {
				continue
			}
			if left := planned[0].At.Sub(now); left > 0 {
				wait = min(wait, left)
				continue
			}
			err := a.tell(r.Instance, func(e rolestore.Events) rolestore.Events { return e.Due(now) })
			if err != nil {
				a.logger.Error("a planned event is not told yet, and it is tried again", "instance_id", r.Instance.ID, "err", err)
			} else {
				wait = 0 // there may be another
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.planned:
		case <-time.After(wait):
		}
	}
}
