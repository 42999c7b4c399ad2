package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
)

// threadNetns is the namespace of the calling thread. That of /proc/self is the
// main thread's.
const threadNetns = "/proc/thread-self/ns/net"

// errAbsent is returned for a namespace that is not there, or not yet: `ip netns
// add` makes a plain file first.
var errAbsent = errors.New("is not there yet")

// atStart is the namespace in which the process was started, and every thread is that
// did not leave it; 0 where that cannot be told. Later a thread may have.
var atStart, _ = inodeOf("/proc/self/ns/net")

// namespace is a network namespace that is held open. It does not go away before
// it is closed.
type namespace struct {
	path  string   // as it was asked for; empty for the agent's own
	file  *os.File // nil if every thread is in it anyway
	inode uint64   // tells it from all others that exist at the same time
	// number tells it from all others since boot; see Bound.
	number uint64
}

// ownNamespace is that of the calling thread, which is every thread's but in tests.
func ownNamespace() (*namespace, error) {
	inode, err := inodeOf(threadNetns)
	if err != nil {
		return nil, err
	}
	number, err := cookie(inode)
	if err != nil {
		return nil, err
	}
	own := &namespace{inode: inode, number: number}
	if inode != atStart {
		own.file, err = os.Open(threadNetns)
	}
	return own, err
}

// user is the number by which rules of the namespace know the user that our sockets are
// of, nil where it is unknown: in another user namespace (user_namespaces(7)) he has
// another number, or none. Then it is a container's own, and so is who listens in it.
func (n *namespace) user() *uint32 {
	file := n.file
	if file == nil {
		var err error
		if file, err = os.Open(threadNetns); err != nil {
			return nil
		}
		defer func() { _ = file.Close() }()
	}
	fd, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		return nil
	}
	owner := os.NewFile(uintptr(fd), "user namespace")
	defer func() { _ = owner.Close() }()
	theirs, err := owner.Stat()
	if err != nil {
		return nil
	}
	if ours, err := os.Stat("/proc/self/ns/user"); err != nil || !os.SameFile(theirs, ours) {
		return nil
	}
	uid := uint32(os.Geteuid())
	return &uid
}

// openNamespace opens the namespace at path. The error wraps [errAbsent] if there is
// none (yet), and otherwise says what is there instead.
func openNamespace(path string) (*namespace, error) {
	inode, err := inodeOf(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, absent(path, err)
	}
	n := &namespace{path: path, file: file, inode: inode}
	kind, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		_ = file.Close()
		return nil, fmt.Errorf("%s is no network namespace: name one of /run/netns, or /proc/PID/ns/net", path)
	}
	err = n.do(func() error {
		var err error
		n.number, err = cookie(inode)
		return err
	})
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return n, nil
}

// inodeOf returns the inode of the namespace at path, without opening it.
func inodeOf(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, absent(path, err)
	}
	var on unix.Statfs_t
	if err := unix.Statfs(path, &on); err != nil {
		return 0, absent(path, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || on.Type != unix.NSFS_MAGIC {
		if info.Mode().IsRegular() && info.Size() == 0 {
			return 0, fmt.Errorf("network namespace %s: nothing is mounted: %w", path, errAbsent)
		}
		return 0, fmt.Errorf("%s is no network namespace: name one of /run/netns, or /proc/PID/ns/net", path)
	}
	return stat.Ino, nil
}

func absent(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("network namespace %s %w", path, errAbsent)
	}
	return fmt.Errorf("network namespace %s: %w", path, err)
}

// do calls f with its thread inside the namespace. Goroutines that f starts are
// outside; sockets that it opens stay inside.
func (n *namespace) do(f func() error) error {
	if n.file == nil {
		return f()
	}
	runtime.LockOSThread()
	home, err := os.Open(threadNetns)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() { _ = home.Close() }()
	if err := n.enter(); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace %s: %w", n.path, link.Denied(link.SysAdmin, err))
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		// The thread stays locked, and dies with its goroutine: nobody else may run
		// in a namespace that is not his.
		return errors.Join(err, fmt.Errorf("leave network namespace %s: %w", n.path, back))
	}
	runtime.UnlockOSThread()
	return err
}

// enter moves the thread into the namespace. Somebody else may close the namespace
// meanwhile, and its descriptor's number soon be that of another: the file is held until
// the thread is inside.
func (n *namespace) enter() error {
	conn, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	var entered error
	if conn.Control(func(fd uintptr) { entered = unix.Setns(int(fd), unix.CLONE_NEWNET) }) != nil {
		return os.ErrClosed // which its own error does not say
	}
	return entered
}

func (n *namespace) close() {
	if n.file != nil {
		_ = n.file.Close()
	}
}
