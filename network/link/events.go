package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// receiveBuffer holds what the kernel tells while we do not read, in bytes. A
	// device that is made takes some 10 kB of it. It is memory only while in use.
	receiveBuffer = 8 << 20

	// messageSize is more than the kernel puts into what is read at once, in bytes.
	messageSize = 1 << 16

	// maxChanged bounds the devices that are told at once. Whoever is not asked for
	// so long is told that changes were lost.
	maxChanged = 1 << 16
)

// groups are the multicast groups of rtnetlink(7) that are heard.
var groups = []uint{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
	unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV4_NETCONF,
}

// Changed is what changed in a namespace.
type Changed struct {
	// Links are the devices that came, went or changed, by index, with the name that
	// was told last. Of a device that was renamed, the old name is not told.
	Links map[int]string
	// Gone are the indexes of those devices that went, though another may have come with
	// the index since.
	Gone map[int]bool
	// Addrs are the indexes of devices of which something else changed: an address,
	// rp_filter, a default route, a route to a metadata address or with our mark.
	Addrs map[int]bool
	// Entries are the neighbours with our mark that came, went or changed.
	Entries map[Entry]bool
	// Rules says that a rule for IPv4 routes changed.
	Rules bool
	// Settings says that rp_filter of "all" changed, which all devices go by.
	Settings bool
	// Lost says that the kernel had more to tell than its socket holds (ENOBUFS,
	// netlink(7)): look at everything.
	Lost bool
}

// Entry is the neighbour of an address on a device.
type Entry struct {
	Index int
	Addr  netip.Addr
}

func (c *Changed) empty() bool {
	return len(c.Links) == 0 && len(c.Addrs) == 0 && len(c.Entries) == 0 && !c.Rules && !c.Settings && !c.Lost
}

// Events tells what changes in a network namespace. It may be used by any goroutine.
// As long as it is open, it keeps the namespace alive.
type Events struct {
	socket *os.File      // read by way of the poller, so that Close ends a wait
	wake   chan struct{} // holds one value when there is something to tell
	ended  chan struct{} // closed when the reader is through

	mu      sync.Mutex // guards what follows
	changed Changed
	err     error // why nothing more will be told
}

// Open returns the events of the calling thread's namespace, from now on. It needs no
// capability; without CAP_NET_ADMIN the socket holds what net.core.rmem_max allows.
func Open() (*Events, error) { return openEvents(receiveBuffer) }

func openEvents(buffer int) (*Events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch the network: open a netlink socket: %w", err)
	}
	e := &Events{socket: os.NewFile(uintptr(fd), "netlink"), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	address := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	for _, g := range groups {
		address.Groups |= 1 << (g - 1)
	}
	if err := errors.Join(resize(fd, buffer), unix.Bind(fd, address)); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the network: %w", err), e.socket.Close())
	}
	raw, err := e.socket.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch the network: %w", err), e.socket.Close())
	}
	go e.follow(raw)
	return e, nil
}

// resize sets how much a socket holds, in bytes: as much as is asked for with
// CAP_NET_ADMIN, and what the system allows without (socket(7)).
func resize(fd, buffer int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
}

// Next waits until something changed, and returns all that did since the last call.
// The error is that of ctx, or wraps [os.ErrClosed] after [Events.Close]. With any
// other, nothing will be told any more.
func (e *Events) Next(ctx context.Context) (Changed, error) {
	for {
		e.mu.Lock()
		changed, err := e.changed, e.err
		e.changed = Changed{}
		e.mu.Unlock()
		if !changed.empty() {
			return changed, nil
		}
		if err != nil {
			return Changed{}, fmt.Errorf("watch the network: %w", err)
		}
		select {
		case <-ctx.Done():
			return Changed{}, ctx.Err()
		case <-e.wake:
		case <-e.ended:
		}
	}
}

// Close lets go of the namespace; it has on return. Closing twice is no error.
func (e *Events) Close() error {
	e.end(os.ErrClosed)
	<-e.ended
	return nil
}

// end closes the socket, once for all reasons.
func (e *Events) end(reason error) {
	e.mu.Lock()
	first := e.err == nil
	if first {
		e.err = reason
	}
	e.mu.Unlock()
	if first { // without the lock: Close waits for the reader, who may wait for the lock
		_ = e.socket.Close() // it was only read
	}
}

// follow takes in what the kernel tells as fast as it can, so that its socket seldom
// overflows, until the socket is closed.
func (e *Events) follow(raw syscall.RawConn) {
	defer close(e.ended)
	var failure error
	buffer, lost := make([]byte, messageSize), false
	err := raw.Read(func(fd uintptr) bool {
		failure = e.drain(int(fd), buffer, &lost)
		return failure != nil // or else wait for more
	})
	e.end(errors.Join(failure, err))
}

// drain reads all that the socket holds. That changes were lost is told at the end of
// it: until its socket is empty, the kernel drops further ones without a word, which
// might be later than what who is told looks at.
func (e *Events) drain(fd int, buffer []byte, lost *bool) error {
	for {
		n, from, err := unix.Recvfrom(fd, buffer, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			*lost = true
		case errors.Is(err, unix.EAGAIN):
			e.tell(func(c *Changed) { c.Lost = c.Lost || *lost })
			*lost = false
			return nil
		case err != nil:
			return err
		default:
			if kernel, ok := from.(*unix.SockaddrNetlink); ok && kernel.Pid == 0 {
				*lost = !e.take(buffer[:n]) || *lost
			}
		}
	}
}

// take notes what was read, and reports whether it could be.
func (e *Events) take(raw []byte) bool {
	messages, err := syscall.ParseNetlinkMessage(raw)
	e.tell(func(c *Changed) {
		for _, m := range messages {
			c.note(m.Header.Type, m.Data)
		}
	})
	return err == nil
}

// tell adds to what is told next.
func (e *Events) tell(add func(*Changed)) {
	e.mu.Lock()
	add(&e.changed)
	news := !e.changed.empty()
	e.mu.Unlock()
	if !news {
		return
	}
	select {
	case e.wake <- struct{}{}:
	default: // it waits to be heard
	}
}
