package steer

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Gather has what is taken away from now on wait for [Guard.Flush], or for the next
// element that is put, and go with it in one transaction, in this order.
//
// The kernel lets go of what was taken away after a grace period of its RCU, some
// 10 ms, and who closes a netlink socket until then waits for that, with nf_tables
// locked. So to take away a thousand elements at once costs as much as one; one by one
// they would take ten seconds, and everybody else with them.
//
// A guard that gathers belongs to one network namespace, and is used by one goroutine
// at a time.
func (g *Guard) Gather() *Guard {
	g.gathers = true
	return g
}

// Flush takes away what waits to be. Nothing to take away is no error, and costs
// nothing.
func (g *Guard) Flush() error {
	if len(g.waiting) == 0 {
		return nil
	}
	return gone(g.change("take away what nobody wants any more", add))
}

// drop takes elements away, now or with the next transaction.
func (g *Guard) drop(what string, elements ...element) error {
	g.disinherit(elements)
	if g.gathers {
		g.waiting = append(g.waiting, elements...)
		return nil
	}
	return gone(g.change(what, remove, elements...))
}

// change adds or removes elements, without a table that is whole: [ErrAbsent].
func (g *Guard) change(what string, do func(*nftables.Conn, []element) error, elements ...element) error {
	waiting := g.waiting
	g.waiting = nil
	g.disinherit(elements)
	err := transact(func(cc *nftables.Conn) error { return errors.Join(remove(cc, waiting), do(cc, elements)) })
	if err != nil && len(waiting) > 0 {
		// One of them may be gone with a table that was made anew meanwhile.
		err = errors.Join(oneByOne(waiting), transact(func(cc *nftables.Conn) error { return do(cc, elements) }))
	}
	if errors.Is(err, unix.ENOENT) {
		err = errors.Join(ErrAbsent, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// oneByOne takes away those elements that are there.
func oneByOne(elements []element) error {
	var errs []error
	for _, e := range elements {
		err := transact(func(cc *nftables.Conn) error { return remove(cc, []element{e}) })
		if !errors.Is(err, unix.ENOENT) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
