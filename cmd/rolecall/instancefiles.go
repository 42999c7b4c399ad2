package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
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
	documents, there := f.read(entries)
	f.forget(there)
	owners := f.owners(documents)
	if len(documents) == len(there) { // or nobody knows which instances the others are for
		f.sweep(owners)
	}
	for _, path := range slices.Sorted(maps.Keys(documents)) {
		d := documents[path]
		if owner := owners[d.InstanceID]; owner != path {
			f.fault(path, fmt.Errorf("%s: instance %s is defined in %s too: remove one of them", path, d.InstanceID, owner))
			continue
		}
		if err := f.put(ctx, d); err != nil {
			f.fault(path, fmt.Errorf("%s: %w", path, err))
			continue
		}
		delete(f.faults, path)
		f.defines[path] = d.InstanceID
	}
}

// read returns what the files say, as far as they can be read, and which files there are.
func (f *instanceFiles) read(entries []fs.DirEntry) (documents map[string]admin.Document, there map[string]bool) {
	documents, there = map[string]admin.Document{}, map[string]bool{}
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			continue
		}
		there[path] = true
		if what, err := os.Stat(path); err == nil && !what.Mode().IsRegular() {
			f.fault(path, fmt.Errorf("%s: it is a pipe or a device, whose end may never come: take it away", path))
			continue
		}
		d, err := readInstance(path)
		if err != nil {
			f.fault(path, err)
			continue
		}
		documents[path] = d
	}
	return documents, there
}

// forget drops what is known of files that are gone.
func (f *instanceFiles) forget(there map[string]bool) {
	gone := func(path string) bool { return path != f.dir && !there[path] }
	maps.DeleteFunc(f.defines, func(path, _ string) bool { return gone(path) })
	maps.DeleteFunc(f.faults, func(path string, _ error) bool { return gone(path) })
}

// owners are the files by the instances that they define: of two files of one instance
// that which has defined it before. One that cannot be read goes on defining its own.
func (f *instanceFiles) owners(documents map[string]admin.Document) map[string]string {
	owners := map[string]string{}
	for path, id := range f.defines {
		if d, ok := documents[path]; !ok || d.InstanceID == id {
			owners[id] = path
		}
	}
	for _, path := range slices.Sorted(maps.Keys(documents)) {
		if id := documents[path].InstanceID; owners[id] == "" {
			owners[id] = path
		}
	}
	return owners
}

func (f *instanceFiles) put(ctx context.Context, d admin.Document) error {
	i, err := f.agent.define(d)
	if err != nil {
		return err
	}
	return f.agent.put(ctx, hold.Registration{Instance: i, File: true})
}

// sweep removes the instances that no file defines any more, before what takes their
// place is put.
func (f *instanceFiles) sweep(owners map[string]string) {
	for _, r := range f.agent.identity.Registrations() {
		if !r.File || owners[r.Instance.ID] != "" {
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
