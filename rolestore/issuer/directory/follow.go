package directory

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
)

// follower brings what is done in the store into the snapshot. That is the one way
// there, whoever did it: this core or another.
type follower struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	moved    *sync.Cond
	revision int64
	err      error // why it follows no more
}

// follow begins to follow the store from where the snapshot is.
func (d *Directory) follow() {
	f := &d.follower
	f.moved, f.revision, f.ended = sync.NewCond(&f.mu), d.Snapshot().revision, make(chan struct{})
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(f.ended)
		err := d.watch(ctx)
		for errors.Is(err, store.ErrCompacted) {
			if err = d.load(); err == nil {
				d.watches.tellAll()
				f.reached(d.Snapshot().revision)
				err = d.watch(ctx)
			}
		}
		if err == nil {
			err = errors.New("the directory is closed")
		} else {
			d.logger.Error("the directory's store is followed no more: what is changed is not seen until a restart", "err", err)
		}
		f.end(err)
	}()
}

// watch applies what is done until ctx ends, when it returns nil.
func (d *Directory) watch(ctx context.Context) error {
	for done, err := range d.store.Watch(ctx, d.Snapshot().revision) {
		if err != nil {
			return err
		}
		if err := d.apply(done); err != nil {
			return err
		}
		d.follower.reached(done.Revision)
	}
	return nil
}

// apply makes the next snapshot and tells those whom it concerns.
func (d *Directory) apply(done store.Committed) error {
	before := d.Snapshot()
	changed, err := read(done.Changes, func(c store.Change) store.Record {
		return store.Record{Key: c.Key, Value: c.Value, Revision: done.Revision}
	})
	if err != nil {
		return d.damaged(err)
	}
	d.snapshot.Store(before.with(done.Revision, changed...))
	d.watches.tell(before, changed)
	return nil
}

// load makes a snapshot of all that is in the store.
func (d *Directory) load() error {
	all, revision, err := d.store.Load(context.Background())
	if err != nil {
		return err
	}
	entries, err := read(all, func(r store.Record) store.Record { return r })
	if err != nil {
		return d.damaged(err)
	}
	s := newSnapshot(func(kind, name string, err error) {
		d.logger.Error("something is of no use until its policies are written anew", "kind", kind, "name", name, "err", err)
	})
	d.snapshot.Store(s.with(revision, entries...))
	return nil
}

// read makes entries of records, on all processors: a core has up to hundreds of
// thousands to read when it starts.
func read[R any](all []R, record func(R) store.Record) ([]*entry, error) {
	entries := make([]*entry, len(all))
	rest := entries
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 1000
	for part := range slices.Chunk(all, share) {
		into := rest[:len(part)]
		rest = rest[len(part):]
		group.Go(func() (err error) {
			for n := range part {
				if r := record(part[n]); r.Value == nil {
					into[n] = &entry{Record: r}
				} else if into[n], err = newEntry(r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return entries, group.Wait()
}

// reached is called when the snapshot is at a revision.
func (f *follower) reached(revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision = revision
	f.moved.Broadcast()
}

func (f *follower) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	f.moved.Broadcast()
}

// wait waits until the snapshot is at a revision or beyond.
func (f *follower) wait(revision int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.revision < revision && f.err == nil {
		f.moved.Wait()
	}
	if f.revision < revision {
		return f.err
	}
	return nil
}

// failed is why it follows no more, or nil.
func (f *follower) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *follower) stop() {
	f.cancel()
	<-f.ended
}
