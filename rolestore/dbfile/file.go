package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/rolecall/rolecall/rolestore/seal"
)

// Options says which file to open.
type Options struct {
	// Path is made, mode 0600, if it does not exist; its directory must.
	Path string
	// Keyring seals and opens the values.
	Keyring *seal.Keyring
	// Kind says what the file is for, such as "agent". A file of another kind is
	// refused.
	Kind string
}

// File is an open file. Its methods may be called by many goroutines.
type File struct {
	path    string
	keyring *seal.Keyring

	mu     sync.Mutex // held through a transaction
	file   *os.File   // bbolt's, kept for the day that bbolt panics
	db     *bbolt.DB
	damage error // a *DamagedError once bbolt has panicked
}

// Open opens the file, makes it if it does not exist, and reads all of it. Its
// errors are a [*InUseError], after a second of waiting, a [*DamagedError], one
// that wraps a [*seal.KeyMissingError], and those of the operating system with
// what mends them.
func Open(o Options) (*File, error) {
	file, err := os.OpenFile(o.Path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(o.Path, o.Keyring, header{Kind: o.Kind, Schema: schema}); err != nil {
			return nil, fmt.Errorf("create database file %s: %w", o.Path, withRemedy(o.Path, err))
		}
		file, err = os.OpenFile(o.Path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("database file: %w", withRemedy(o.Path, err))
	}
	f := &File{path: o.Path, keyring: o.Keyring, file: file}
	if err := f.start(o.Kind); err != nil {
		_ = f.Close() // the first error says more
		return nil, err
	}
	return f, nil
}

func (f *File) start(kind string) error {
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("database file %s is not a regular file: check the path", f.path)
	}
	if err := lock(f.file); err != nil {
		return err
	}
	if info, err = f.file.Stat(); err != nil { // who had the lock may have written
		return fmt.Errorf("database file: %w", err)
	}
	if err := check(f.file, info.Size()); err != nil {
		return f.damaged(err)
	}
	if err := f.attach(); err != nil {
		return err
	}
	return f.verify(kind)
}

// attach hands the locked file to bbolt, which locks it once more to no effect.
// No other option is set. The defaults sync the freelist, so that opening is not
// a scan and writes nothing, and keep it as a sorted array, which takes the lowest
// free page and so keeps small files small.
func (f *File) attach() error {
	return f.guard(func() error {
		db, err := bbolt.Open(f.path, 0o600, &bbolt.Options{
			OpenFile: func(string, int, fs.FileMode) (*os.File, error) { return f.file, nil },
		})
		if err != nil {
			return fmt.Errorf("database file %s: %w", f.path, withRemedy(f.path, err))
		}
		f.db = db
		return nil
	})
}

// Close waits for the running transaction and lets go of the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db == nil || f.damage != nil {
		return f.abandon()
	}
	return f.db.Close()
}
