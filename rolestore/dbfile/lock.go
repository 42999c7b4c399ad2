package dbfile

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockTimeout lets a predecessor that is just being restarted finish; a
	// process that means to stay is not worth waiting for.
	lockTimeout = time.Second

	// lockRetry is how often the lock is asked for: flock(2) has no time-out.
	lockRetry = 50 * time.Millisecond
)

// lock takes bbolt's own lock before bbolt does, so that the file can be checked
// while nobody writes to it.
func lock(file *os.File) error {
	for waited := time.Duration(0); ; waited += lockRetry {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("lock %s: %w", file.Name(), err)
		case waited >= lockTimeout:
			return inUse(file)
		}
		time.Sleep(lockRetry)
	}
}

func inUse(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	id := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	locks, _ := os.ReadFile("/proc/locks") // absent under systemd's ProcSubset=pid
	pid := lockHolder(string(locks), id)
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return &InUseError{Path: file.Name(), PID: pid, Command: strings.TrimSpace(string(comm))}
}

// lockHolder finds in the text of /proc/locks (proc_locks(5)) who holds a flock
// on the file with this device and inode. Who waits for one has "->" in the
// second column. It is 0 if nobody is found.
func lockHolder(locks, id string) int {
	for line := range strings.Lines(locks) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == id {
			pid, _ := strconv.Atoi(f[4])
			return max(pid, 0) // -1 stands for a process that cannot be seen from here
		}
	}
	return 0
}
