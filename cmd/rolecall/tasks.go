package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// drain is how long the requests under way get when the process is to end. They
// are answered from memory; a second is what a Ctrl-C may take in all.
const drain = 500 * time.Millisecond

// task is something that runs until its context ends.
type task struct {
	name string
	run  func(context.Context) error
}

// runTasks runs all until ctx ends or one fails, and returns what failed.
func runTasks(ctx context.Context, tasks []task) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range tasks {
		group.Go(func() error {
			if err := t.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// httpServer is what is served and shut down: an [http.Server] is one.
type httpServer interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// serve is the task of serving one listener.
func serve(name string, s httpServer, l net.Listener) task {
	return task{name, func(ctx context.Context) error {
		drained := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(drained)
			ctx, cancel := context.WithTimeout(context.Background(), drain)
			defer cancel()
			_ = s.Shutdown(ctx) // who has not finished by then is cut off
		})
		err := s.Serve(l)
		if !stop() { // Serve returns when Shutdown begins
			<-drained
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}}
}

// closed closes a listener that its server may have closed already.
func closed(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// closeAll closes the last first and goes on after an error.
func closeAll(closers []func() error) error {
	var errs []error
	for _, c := range slices.Backward(closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
