package dbfile

import (
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// guard calls bbolt. Panics, and faults when a page of the mapped file cannot be
// read, become a [*DamagedError], after which bbolt is not called again. The
// caller holds f.mu.
func (f *File) guard(call func() error) (err error) {
	if f.damage != nil {
		return f.damage
	}
	// The setting is the goroutine's own, and bbolt starts no other for these calls.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			f.damage = f.damaged(fmt.Errorf("%v", reason))
			err = f.damage
		}
	}()
	return call()
}

func (f *File) damaged(err error) error { return &DamagedError{Path: f.path, Err: err} }

// abandon lets go of the file without bbolt. Its mapping of the file stays until
// the process ends and would keep the lock, which is therefore given back first.
func (f *File) abandon() error {
	return errors.Join(unix.Flock(int(f.file.Fd()), unix.LOCK_UN), f.file.Close())
}
