package network

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"
)

// The end of a namespace is not told by the namespace: our own sockets keep it
// alive. It has ended for its owner when its path is unmounted, or the process whose
// /proc entry the path is has exited.

var ofProcess = regexp.MustCompile(`^/proc/([1-9][0-9]*)/(task/[0-9]+/)?ns/net$`)

// whenExits calls f once, when the process that the path of a namespace belongs to
// has exited, and returns what ends the wait. For other paths it does nothing.
func whenExits(path string, f func()) (stop func(), err error) {
	match := ofProcess.FindStringSubmatch(path)
	if match == nil {
		return func() {}, nil
	}
	pid, err := strconv.Atoi(match[1])
	if err != nil {
		return nil, err
	}
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	process := os.NewFile(uintptr(fd), "pidfd")
	go func() {
		defer func() { _ = process.Close() }()
		if waitFor(process, unix.POLLIN) == nil {
			f()
		}
	}()
	return func() { _ = process.Close() }, nil
}

// mounts tells of changes to this mount namespace's table of mounts (proc(5),
// /proc/pid/mounts): network namespaces get and lose their names there.
type mounts struct{ table *os.File }

func openMounts() (*mounts, error) {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("watch the mounts: %w", err)
	}
	return &mounts{os.NewFile(uintptr(fd), "mountinfo")}, nil
}

// follow calls f now and after every change, until close is called. The poller takes
// the change from the file before we could ask for it, so f is called whenever it
// wakes us, and not before it listens again: no change goes by in between.
func (m *mounts) follow(f func()) error {
	raw, err := m.table.SyscallConn()
	if err != nil {
		return err
	}
	for err == nil {
		first := true
		err = raw.Read(func(uintptr) bool {
			if first {
				f()
			}
			woken := !first
			first = false
			return woken
		})
	}
	return err
}

func (m *mounts) close() { _ = m.table.Close() }

// waitFor waits in the runtime's poller, which lets go of a file when it is closed;
// a thread in poll(2) would not.
func waitFor(file *os.File, events int16) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0 && poll[0].Revents&(events|unix.POLLHUP) != 0
	})
}

// exited looks whether the namespace of w is there, and at no others: many processes may
// exit at once.
func (s *State) exited(w *wanted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revise(w)
	s.tidy()
}

// watchProcess has w looked at when the process of its namespace has exited.
func (s *State) watchProcess(w *wanted) error {
	if w.unwatch != nil {
		return nil
	}
	stop, err := whenExits(w.Netns, func() { s.exited(w) })
	if err != nil {
		return err
	}
	w.unwatch = stop
	// The process may have been another's by then, if the one that was meant exited
	// before its descriptor was had.
	if w.Netns != "" {
		if inode, err := inodeOf(w.Netns); err != nil || inode != w.place.inode {
			return fmt.Errorf("network namespace %s has just gone away", w.Netns)
		}
	}
	return nil
}

// revisit looks whether some of the namespaces have come or gone. What that takes, it
// takes without the lock.
func (s *State) revisit(some func(*wanted) bool) {
	s.mu.Lock()
	var named []*wanted
	for _, w := range s.wanted {
		if w.Netns != "" && w.phase != Lost && some(w) {
			named = append(named, w)
		}
	}
	s.mu.Unlock()
	for _, w := range named {
		inode, err := inodeOf(w.Netns) // which never changes for one w
		s.mu.Lock()
		if (w.place == nil) == (err == nil) || w.place != nil && w.place.inode != inode {
			s.revise(w)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
}

// revise goes by what is at the path of w's namespace now. s.mu is held.
func (s *State) revise(w *wanted) {
	if s.closed || w.phase == Lost || s.wanted[w.Name] != w {
		return
	}
	inode, err := inodeOf(w.Netns)
	if w.place != nil && (err != nil || inode != w.place.inode) {
		s.desert(w)
		s.tell(w)
	}
	if w.place == nil && w.phase != Lost && err == nil {
		s.settle(context.Background(), w)
		s.tell(w)
	}
}

// desert leaves the namespace of w, which has lost its name. Our own sockets keep it
// alive otherwise, with all devices in it. Where others do, as the processes that a
// container's first one leaves behind, they still reach no other metadata service.
func (s *State) desert(w *wanted) {
	w.connections.drop()
	w.place.abandon(w)
	s.leave(w)
	if w.Bound != (Bound{}) && !w.Follow {
		w.lose(w.deserted())
		s.lose(w)
		return
	}
	w.wait(fmt.Sprintf("network namespace %s %v", w.Netns, errAbsent))
}
