package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockName is bound by who looks after a network namespace: two agents in one would
	// undo each other's tables, addresses and rules. It is an abstract name (unix(7)), which
	// the kernel keeps apart by network namespace and frees with its holder, however that
	// ends.
	lockName = "@rolecall-agent"

	// lockBacklog and lockPause bound what it costs to be asked: anybody in the namespace
	// may ask, a guest too. Who asks is let in and closed: if he was not, he would stay in
	// the backlog beyond his own end, and the next ones could not ask any more.
	lockBacklog = 8
	lockPause   = time.Millisecond

	// lockTries bounds the wait for one who has the name and does not listen, as he is about
	// to or has just gone, and for one who is asked by many.
	lockTries = 100
)

// lock is held as long as somebody looks after a namespace; nil is one that could not be
// had and does without.
type lock struct{ net.Listener }

// heldError is returned where another agent has the lock.
type heldError struct {
	namespace *namespace
	holder    Holder
}

func (e *heldError) Error() string {
	where := "the agent's own network namespace"
	if e.namespace.path != "" {
		where = "network namespace " + e.namespace.path
	}
	who := fmt.Sprint("another agent, ", e.holder)
	if e.holder.PID == 0 {
		who = "another agent, whose pid is not known in this pid namespace"
	}
	return fmt.Sprintf("%s is looked after by %s, and two would undo each other's work: stop that one first", where, who)
}

// takeLock is called inside the namespace. The error is a [*heldError] where another agent
// has the lock. The name is anybody's to take: a holder who is neither root nor our own
// user is no agent, and keeps nobody out. The root of a container that shares our user
// namespace is root (that of another has a number of its own here, user_namespaces(7)): he
// can keep us out of his own namespace, where he could undo what we do anyway.
func (n *namespace) takeLock(logger *slog.Logger) (*lock, error) {
	for try := 1; ; try++ {
		listener, err := new(net.ListenConfig).Listen(context.Background(), "unix", lockName)
		if err == nil {
			return newLock(listener)
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("lock the network namespace: %w", err)
		}
		err = n.askHolder()
		if try < lockTries && (errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN)) {
			time.Sleep(lockPause)
			continue
		}
		if !slices.ContainsFunc(strangers, func(e error) bool { return errors.Is(err, e) }) {
			return nil, err
		}
		logger.Warn("the name by which agents know each other is taken by somebody who is none: a second agent would not be noticed", "name", lockName, "netns", n.path, "why", err)
		return nil, nil
	}
}

// errStranger is what a holder of the name is who is no agent.
var errStranger = errors.New("neither root nor ours")

// strangers are the errors that such a holder can cause: he does not listen, or is asked by
// too many.
var strangers = []error{errStranger, unix.ECONNREFUSED, unix.EAGAIN}

// askHolder asks the kernel who listens (SO_PEERCRED, unix(7)), and returns it as an error.
func (n *namespace) askHolder() error {
	conn, err := new(net.Dialer).Dial("unix", lockName)
	if err != nil {
		return fmt.Errorf("ask who has the lock of the network namespace: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var holder *unix.Ucred
	err = control(conn, func(fd int) (err error) {
		holder, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	switch {
	case err != nil:
		return err
	case holder.Uid != 0 && int(holder.Uid) != os.Geteuid():
		return fmt.Errorf("%s is user %d, %w", newHolder(int(holder.Pid)), holder.Uid, errStranger)
	}
	return &heldError{n, newHolder(int(holder.Pid))}
}

func newLock(listener net.Listener) (*lock, error) {
	err := control(listener, func(fd int) error { return unix.Listen(fd, lockBacklog) })
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	l := &lock{listener}
	go l.turnAway()
	return l, nil
}

// control calls f with the descriptor of a connection or listener.
func control(of any, f func(fd int) error) error {
	raw, err := of.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	if broken := raw.Control(func(fd uintptr) { err = f(int(fd)) }); broken != nil {
		return broken
	}
	return err
}

// turnAway ends those who ask, one at a time, until the lock is released.
func (l *lock) turnAway() {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_ = conn.Close()
		}
		time.Sleep(lockPause)
	}
}

// release frees the name. A process that is just being started has the socket too, until
// its execve(2): who asks meanwhile is to hear that nobody listens.
func (l *lock) release() {
	if l != nil {
		_ = control(l.Listener, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
		_ = l.Close()
	}
}
