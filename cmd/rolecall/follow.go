package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follow calls load when a configuration file changes, until ctx ends, also for one that
// is written later. What is watched is its directory, since editors put another file in
// its place.
func follow(ctx context.Context, path string, logger *slog.Logger, load func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(filepath.Dir(path)); err != nil {
		logger.Warn("changes of the configuration file are not seen", "file", path, "err", err)
	}
	quiet := time.After(settleTime) // it may have changed since it was read
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-watcher.Events:
			if filepath.Base(e.Name) == filepath.Base(path) || e.Op&fsnotify.Create != 0 { // the target of a link may change
				quiet = time.After(settleTime)
			}
		case err := <-watcher.Errors: // events were lost
			logger.Warn("the configuration file is read anew", "err", err)
			quiet = time.After(settleTime)
		case <-quiet:
			load()
		}
	}
}
