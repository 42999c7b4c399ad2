package main

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// definitionsFile keeps the core's definitions those of core.yaml. A file that cannot
// be used changes nothing, and `status` shows why.
type definitionsFile struct {
	path   string
	check  func(coreFile) error // of the settings, which take effect at the next start
	define func(*directory.Definitions) error
	logger *slog.Logger

	mu    sync.Mutex
	last  *directory.Definitions
	fault error
}

// load brings the core in line with the file.
func (f *definitionsFile) load() {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, want, err := readCoreFile(f.path, f.last == nil)
	if err == nil {
		err = f.check(file)
	}
	switch {
	case err != nil:
	case reflect.DeepEqual(want, f.last):
	case want == nil:
		// As while an editor writes it; and at once would be gone what it defined.
		err = fmt.Errorf("%s defines no account any more: to go back to what is built in, start again", f.path)
	default:
		if err = definitionError(f.path, f.define(want)); err == nil {
			f.last = want
			f.logger.Info("the configuration file is in force", "file", f.path)
		}
	}
	if err != nil && (f.fault == nil || f.fault.Error() != err.Error()) {
		f.logger.Error("the configuration file changes nothing", "file", f.path, "err", err)
	}
	f.fault = err
}

// notes are what an operator should mend.
func (f *definitionsFile) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil {
		return nil
	}
	return []string{"The core's configuration file changes nothing: " + f.fault.Error()}
}

// watch loads the file when it changes.
func (f *definitionsFile) watch(ctx context.Context) error {
	return follow(ctx, f.path, f.logger, f.load)
}

// watchFile makes the core follow its file, also one that is written later.
func (h *coreHalf) watchFile(path string, o coreOptions, w world, logger *slog.Logger) {
	d := defaultsFor(w.uid, w.env)
	h.file = &definitionsFile{
		path: path, last: o.definitions, logger: logger,
		check: func(file coreFile) error {
			return file.Settings.apply(path, coreCommand(w, d).Flags(), upCommand(w, d).Flags())
		},
		define: func(want *directory.Definitions) error {
			if o.survives != nil {
				if err := o.survives(want); err != nil {
					return err
				}
			}
			if err := h.Redefine(want); err != nil || h.redefined == nil {
				return err
			}
			return h.redefined()
		},
	}
	h.tasks = append(h.tasks, task{"configuration file", h.file.watch})
}
