package dbfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// DamagedError is returned when a file is not what was written: cut, changed, or
// never a file of ours. A wrong key is not damage; so that neither is taken for
// the other, Err is not unwrapped.
type DamagedError struct {
	Path string
	Err  error // what was found first
}

// Error names the file and what was found.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("database file %s is damaged: %v", e.Path, e.Err)
}

// InUseError is returned when another process has the file open.
type InUseError struct {
	Path    string
	PID     int    // 0 if the kernel does not say, as for a process of another PID namespace
	Command string // of that process, at most 15 bytes (proc(5), /proc/pid/comm); empty if unknown
}

// Error names the process and the remedy.
func (e *InUseError) Error() string {
	switch {
	case e.PID == 0:
		return fmt.Sprintf("database file %s is open in another process: find it with fuser %s and stop it first", e.Path, e.Path)
	case strings.HasPrefix(e.Command, "rolecall"):
		return fmt.Sprintf("rolecall is already running as pid %d with database file %s: stop it first", e.PID, e.Path)
	}
	return fmt.Sprintf("database file %s is open in pid %d (%s): stop it first", e.Path, e.PID, e.Command)
}

// withRemedy adds to an operating system's error about path what mends it.
func withRemedy(path string, err error) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: create directory %s, or choose another state directory", err, dir)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free space on the file system of %s", err, dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: make %s writable, or choose another state directory", err, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run as the owner of %s, or choose another state directory", err, dir)
	}
	return err
}
