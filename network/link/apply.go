package link

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forever is the lifetime that never ends: the kernel takes the low 32 bits, and
// all ones mean infinity. (Where int has 32 bits it comes out as 68 years.)
const forever = math.MaxInt

const (
	// settleTimeout bounds the wait for the kernel's worker. It needs the lock of
	// all network configuration, for which it queued up to 1.5 s in tests, behind
	// namespaces that were torn down.
	settleTimeout = 10 * time.Second
	// settlePoll is how often to look. Commonly once is enough.
	settlePoll = 2 * time.Millisecond
)

// Apply does all of ops, or undoes what it has done and returns the error. An
// addition that is there already and a removal of what is gone are no errors.
// On return an added address can be bound and reached. Without CAP_NET_ADMIN the
// error is a [*CapabilityError].
func Apply(ops []Op) error {
	for i, op := range ops {
		if err := op.do(); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", op, Denied(NetAdmin, err)), Undo(ops[:i]))
		}
	}
	return nil
}

// Mend does each of ops by itself and waits for nothing, so that who keeps undoing
// one of them holds up neither the others nor us. An added IPv6 address is
// reachable a moment later.
func Mend(ops []Op) error {
	var errs []error
	for _, op := range ops {
		if err := op.change(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", op, Denied(NetAdmin, err)))
		}
	}
	return errors.Join(errs...)
}

// Undo takes back what [Apply] did, last first. It does not stop at an error.
func Undo(ops []Op) error {
	var errs []error
	for _, op := range slices.Backward(ops) {
		back := op.inverse()
		if err := back.do(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", back, Denied(NetAdmin, err)))
		}
	}
	return errors.Join(errs...)
}

// do is change, and the wait until an added address can be used.
func (o Op) do() error {
	if err := o.change(); err != nil || o.Verb == Del || o.Addr.Prefix.Addr().Is4() {
		return err
	}
	if err := settle(o.Addr.marked().IPNet); err != nil {
		return errors.Join(err, o.inverse().change())
	}
	return nil
}

func (o Op) change() error {
	link, err := netlink.LinkByName(o.Addr.Device)
	if err != nil {
		return err
	}
	if o.Verb == Del {
		return ignore(unix.EADDRNOTAVAIL, netlink.AddrDel(link, o.Addr.marked()))
	}
	return ignore(unix.EEXIST, netlink.AddrAdd(link, o.Addr.marked()))
}

// settle waits until packets for an IPv6 address reach this host. The kernel adds
// the route later, from a worker, even where there are no duplicates to detect;
// until then connecting fails with ENETUNREACH. (IPv4 has its route at once.)
func settle(ip *net.IPNet) error {
	local := &netlink.Route{Table: unix.RT_TABLE_LOCAL, Dst: ip}
	timeout := time.After(settleTimeout)
	for {
		routes, err := netlink.RouteListFiltered(netlink.FAMILY_V6, local, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST)
		if err == nil && len(routes) > 0 {
			return nil
		}
		select {
		case <-timeout:
			return fmt.Errorf("the address is not routed to this host after %v", settleTimeout)
		case <-time.After(settlePoll):
		}
	}
}

// ignore drops the one error that says that there is nothing left to do.
func ignore(done, err error) error {
	if errors.Is(err, done) {
		return nil
	}
	return err
}

// marked is the address as the kernel shall hold it. Without nodad even lo holds
// an IPv6 address back as tentative for a moment, and a bind to it fails.
func (a Addr) marked() *netlink.Addr {
	ip := a.Prefix.Addr()
	marked := &netlink.Addr{IPNet: &net.IPNet{
		IP:   ip.AsSlice(),
		Mask: net.CIDRMask(a.Prefix.Bits(), ip.BitLen()),
	}}
	if ip.Is4() {
		marked.Scope, marked.Label = unix.RT_SCOPE_HOST, label
		return marked
	}
	marked.Flags, marked.ValidLft, marked.PreferedLft = unix.IFA_F_NODAD, forever, 0
	return marked
}
