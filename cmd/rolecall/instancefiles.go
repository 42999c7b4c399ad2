package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/rolecall/rolecall/rolestore/hold"
)

// settleTime is how long a directory must be quiet before it is read: editors and
// configuration managers write a file in several steps.
const settleTime = 100 * time.Millisecond

// instanceFiles are the instances that files of a directory define, one in each. A
// file that cannot be used changes nothing: what it defined before goes on, and
// `status` shows why.
type instanceFiles struct {
	agent *agentHalf
	dir   string

	mu      sync.Mutex
	defines map[string]string // path to instance id
	faults  map[string]error  // by path
}

func newInstanceFiles(a *agentHalf) *instanceFiles {
	return &instanceFiles{agent: a, dir: a.options.instancesDir, defines: map[string]string{}, faults: map[string]error{}}
}

// load makes it so that the instances of files are those that the files define now.
// A directory that is not there defines none.
func (f *instanceFiles) load(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.fault(f.dir, err)
		return
	}
	delete(f.faults, f.dir)
	there := map[string]bool{}
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			continue
		}
		there[path] = true
		id, err := f.put(ctx, path)
		if err != nil {
			f.fault(path, err)
			continue
		}
		delete(f.faults, path)
		f.defines[path] = id
	}
	f.sweep(there)
}

func (f *instanceFiles) put(ctx context.Context, path string) (string, error) {
	d, err := readInstance(path)
	if err != nil {
		return "", err
	}
	for other, id := range f.defines {
		if other != path && id == d.InstanceID {
			return "", fmt.Errorf("%s: instance %s is defined in %s too: remove one of them", path, id, other)
		}
	}
	i, err := f.agent.define(d)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if err := f.agent.put(ctx, hold.Registration{Instance: i, File: true}); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return d.InstanceID, nil
}

// sweep removes the instances whose file is gone, or defines another now.
func (f *instanceFiles) sweep(there map[string]bool) {
	defined := map[string]bool{}
	for path, id := range f.defines {
		if there[path] {
			defined[id] = true
			continue
		}
		delete(f.defines, path)
		delete(f.faults, path)
	}
	for path := range f.faults {
		if path != f.dir && !there[path] {
			delete(f.faults, path)
		}
	}
	for _, r := range f.agent.identity.Registrations() {
		// While a file is at fault, nobody knows which instance it was for.
		if !r.File || defined[r.Instance.ID] || len(f.faults) > 0 {
			continue
		}
		if err := f.agent.remove(r.Instance.ID); err != nil {
			f.agent.logger.Error("an instance whose file is gone is not removed", "instance_id", r.Instance.ID, "err", err)
		}
	}
}

func (f *instanceFiles) fault(path string, err error) {
	f.faults[path] = err
	f.agent.logger.Error("an instance's file changes nothing", "file", path, "err", err)
}

// notes are what an operator should mend.
func (f *instanceFiles) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var notes []string
	for _, err := range f.faults {
		notes = append(notes, "A file that defines an instance changes nothing: "+err.Error())
	}
	slices.Sort(notes)
	return notes
}

// watch loads the directory when it changes. One that is not there when the agent
// starts is not waited for.
func (f *instanceFiles) watch(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(f.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Events:
			quiet = time.After(settleTime)
		case err := <-watcher.Errors: // events were lost
			f.agent.logger.Warn("the directory of instances is read anew", "err", err)
			quiet = time.After(settleTime)
		case <-quiet:
			f.load(ctx)
		}
	}
}
