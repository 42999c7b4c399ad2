package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
	"github.com/rolecall/rolecall/rolestore/rotate"
)

// put registers an instance and serves it: on the disk, attached or waiting for its
// device, and known to all rooms when it returns. An error leaves everything as it
// was.
func (a *agentHalf) put(ctx context.Context, r hold.Registration) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := r.Instance.Validate(); err != nil {
		return fmt.Errorf("%w: %w", admin.ErrInvalid, err)
	}
	id := r.Instance.ID
	r.Instance.PendingTime = a.world.now().UTC().Truncate(time.Second)
	if known, ok := a.identity.Registration(id); ok && (known.File != r.File || known.Node != "") {
		return fmt.Errorf("%w: instance %s is defined %s: change it there", admin.ErrConflict, id, a.whence(known))
	}
	way, err := a.way(r)
	if err != nil {
		return err
	}
	a.link.releasing.Lock() // what is about to be released is put, and so kept
	defer a.link.releasing.Unlock()
	err = a.network.Put(ctx, way, func() error {
		stored, err := a.identity.Put(r)
		if err != nil {
			return err
		}
		a.serve(stored.Instance)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", admin.ErrConflict, err)
	}
	a.news.tell(id)
	a.pods.poke() // it may be no node any more, or another
	return nil
}

// restore serves an instance that the agent knows from before. What cannot be had of
// the network now is tried again, and its device stays guarded.
func (a *agentHalf) restore(ctx context.Context, r hold.Registration) error {
	if r.Node != "" {
		a.serve(r.Instance)
		return nil
	}
	way, err := a.way(r)
	if err != nil {
		return err
	}
	if r.Ended != "" {
		return a.network.Mourn(way, r.Ended)
	}
	a.serve(r.Instance)
	return a.network.Restore(ctx, way)
}

// serve makes an instance known to those who answer it and who fetch for it, from
// the store at once if the store knows its credentials.
func (a *agentHalf) serve(i rolestore.Instance) {
	a.imds.Put(i)
	schedule := rotate.Schedule{}
	if c, ok := a.cache.Get(i); ok {
		schedule = rotate.Resume(i.ID, c)
		if i.Options.HTTPTokens == "optional" && c.Tokenless == nil {
			schedule.Next = time.Time{} // tokens were required until now
		}
		a.imds.Publish(i, c) // even past its expiry, as EC2 does
	}
	a.serveSigned(i, schedule.Credentials.AccessKeyID != "")
	a.rotator.Put(i, schedule)
}

// remove ends an instance: its tokens, credentials, listener and what the kernel has
// of it.
func (a *agentHalf) remove(id string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if _, ok := a.identity.Registration(id); !ok {
		return fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	}
	// The record goes first: what fails later is mended by a restart, and an instance
	// that was removed does not come back with one.
	if err := a.identity.RemoveInstance(id); err != nil {
		return err
	}
	a.silence(id)
	a.network.Remove(id)
	a.news.tell(id)
	a.link.poke()
	a.pods.poke()
	return a.cache.Remove(id)
}

// silence ends what is answered and fetched for an instance.
func (a *agentHalf) silence(id string) {
	a.imds.Remove(id)
	a.rotator.Remove(id)
	a.signatures.forget(id)
}

// Attached implements [network.Observer].
func (a *agentHalf) Attached(id string, b network.Bound) {
	defer a.news.tell(id)
	r, ok := a.identity.Registration(id)
	if !ok || r.File || r.Instance.Attachment.Host || r.Instance.Attachment.Reattach != "" {
		return // these are known by their names
	}
	a.deeds.add(func() {
		bound := rolestore.Bound{Boot: b.Boot, Netns: b.Netns, Index: b.Index}
		if _, err := a.identity.Bind(id, r.Instance.Incarnation, bound); err != nil {
			a.logger.Error("the device of an instance is not on record: after a restart another of its name would be taken for it", "instance_id", id, "err", err)
		}
	})
}

// Lost implements [network.Observer].
func (a *agentHalf) Lost(id, why string) {
	a.silence(id)
	r, ok := a.identity.Registration(id)
	if !ok {
		return
	}
	a.deeds.add(func() {
		if _, err := a.identity.End(id, r.Instance.Incarnation, why); err != nil {
			a.logger.Error("the end of an instance is not on record, and is found again after a restart", "instance_id", id, "err", err)
		}
		a.news.tell(id)
		a.pods.poke()
		if err := a.cache.Remove(id); err != nil {
			a.logger.Error("credentials of an instance that has ended are still in the cache", "instance_id", id, "err", err)
		}
	})
}

// whence says where an instance is defined.
func (a *agentHalf) whence(r hold.Registration) string {
	switch {
	case r.Instance.Attachment.Host:
		return "by rolecall up"
	case r.Node != "":
		return "by a pod on instance " + r.Node + ", and ends with its association"
	case r.File:
		return "in a file of " + a.options.instancesDir
	}
	return "through the admin API"
}
