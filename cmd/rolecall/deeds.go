package main

import (
	"context"
	"sync"
)

// deeds are done one after the other by a task, for those who must not wait for the
// disk. There may be any number of them.
type deeds struct {
	wake chan struct{}
	mu   sync.Mutex
	todo []func()
}

func newDeeds() *deeds { return &deeds{wake: make(chan struct{}, 1)} }

// add has f done soon.
func (d *deeds) add(f func()) {
	d.mu.Lock()
	d.todo = append(d.todo, f)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // it is awake
	}
}

// wait waits until all that was added before is done.
func (d *deeds) wait(ctx context.Context) error {
	done := make(chan struct{})
	d.add(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run does what was added, until ctx ends, and the rest of it then.
func (d *deeds) run(ctx context.Context) error {
	for {
		d.mu.Lock()
		todo := d.todo
		d.todo = nil
		d.mu.Unlock()
		for _, f := range todo {
			f()
		}
		if len(todo) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		}
	}
}
