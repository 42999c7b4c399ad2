package link

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settleTimeout bounds the wait for the kernel's worker. It needs the lock of
	// all network configuration, for which it queued up to 1.5 s in tests, behind
	// namespaces that were torn down.
	settleTimeout = 10 * time.Second
	// settlePoll is how often to look. Commonly once is enough.
	settlePoll = 2 * time.Millisecond
)

// Apply does all of ops, or undoes what it has done and returns the error. An
// addition that is there already and a removal of what is gone, be it with its
// device, are no errors. On return an added address can be bound and reached.
// Without CAP_NET_ADMIN the error is a [*CapabilityError], without the device it
// wraps [ErrNotFound], and where IPv6 is off for it, it is an [*IPv6OffError].
func Apply(ops []Op) error {
	for i, op := range ops {
		if err := op.do(); err != nil {
			return errors.Join(err, Undo(ops[:i]))
		}
	}
	if err := settle(ops); err != nil {
		return errors.Join(err, Undo(ops))
	}
	return nil
}

// Mend does each of ops by itself and waits for nothing, so that who keeps undoing
// one of them holds up neither the others nor us. An added IPv6 address is
// reachable a moment later.
func Mend(ops []Op) error {
	var errs []error
	for _, op := range ops {
		errs = append(errs, op.do())
	}
	return errors.Join(errs...)
}

// Undo takes back what [Apply] did, last first. It does not stop at an error.
func Undo(ops []Op) error {
	var errs []error
	var back []Op
	for _, op := range slices.Backward(ops) {
		back = append(back, op.inverse())
		errs = append(errs, op.inverse().do())
	}
	return errors.Join(append(errs, settle(back))...)
}

// do makes the change. What was on a device that is gone is gone too.
func (o Op) do() error {
	err := o.Thing.change(o.Verb)
	if err == nil || o.Verb == Del && errors.Is(err, ErrNotFound) {
		return nil
	}
	return fmt.Errorf("%s: %w", o, Denied(NetAdmin, err))
}

// Await waits until packets for metadata addresses on a device reach this host, as
// [Apply] does.
func Await(device string, addrs ...netip.Addr) error {
	var ops []Op
	for _, addr := range addrs {
		ops = append(ops, Op{Add, Metadata(device, addr)})
	}
	return settle(ops)
}

// settle waits until packets for the IPv6 addresses that ops add reach this host.
// The kernel adds their routes later, from a worker, even where there are no
// duplicates to detect; until then connecting fails with ENETUNREACH. (IPv4 has
// its route at once.) A device that is gone again has none to wait for.
func settle(ops []Op) error {
	timeout := time.After(settleTimeout)
	for _, op := range ops {
		addr, ok := op.Thing.(Addr)
		if !ok || op.Verb == Del || addr.Prefix.Addr().Is4() {
			continue
		}
		for {
			settled, err := addr.settled()
			if err != nil {
				return fmt.Errorf("%s: %w", op, err)
			}
			if settled {
				break
			}
			select {
			case <-timeout:
				return fmt.Errorf("%s: the address is not routed to this host after %v", op, settleTimeout)
			case <-time.After(settlePoll):
			}
		}
	}
	return nil
}

// settled asks for the route by the device: others may have the address too.
func (a Addr) settled() (bool, error) {
	d, err := Find(a.Device)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	r, err := lookup(a.Prefix.Addr(), netip.Addr{}, d.Index)
	return r.kind == unix.RTN_LOCAL, err
}

// ignore drops the one error that says that there is nothing left to do.
func ignore(done, err error) error {
	if errors.Is(err, done) {
		return nil
	}
	return err
}
