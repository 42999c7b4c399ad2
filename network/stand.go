package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rolecall/rolecall/network/link"
)

// stand is a device at which requests are taken: a guest's own, a bridge of many, or
// lo of a whole namespace.
type stand struct {
	state  *State
	place  *place // nil for a loopback address, which needs nothing
	device string
	users  []*wanted
	index  int              // of the device that the doors are bound to; 0 for none
	served []netip.AddrPort // what it has of what its users want
	doors  []*door
	// refusing is the index of the device that refuses by itself; 0 for none.
	refusing int
	listed   bool         // that a bridge's ports are known
	had      []link.Thing // what the device was made to have
	// routed are the addresses that the kernel's own route was seen to.
	routed map[netip.Addr]bool
	seen   link.Settings // the device's, when they were looked at last
	// whole says that nothing is wrong with the device itself, so that who looks at a
	// bridge need not look at all its members.
	whole bool
	// expected says that the kernel was told of the device.
	expected bool

	// residents says whose a connection is by the peer's address. It is asked on a
	// bridge, where the kernel lets no packet in whose source is not its sender's.
	residents sync.Map               // netip.Addr to *wanted
	sole      atomic.Pointer[wanted] // in all other cases
}

func (st *stand) bridge() bool { return len(st.users) > 0 && st.users[0].Member != nil }

// resident is asked by doors, and takes no lock.
func (st *stand) resident(peer netip.Addr) *wanted {
	if w, ok := st.residents.Load(peer.WithZone("")); ok {
		return w.(*wanted)
	}
	return st.sole.Load()
}

// possible is what all users want to be served at and the device can have: IPv6
// drops out while it is off or the device down, and comes back with it.
func (st *stand) possible(up bool) []netip.AddrPort {
	var served []netip.AddrPort
	for _, w := range st.users {
		for _, s := range w.Served {
			if !slices.Contains(served, s) && (s.Addr().Is4() || st.place == nil || up && link.IPv6(st.device)) {
				served = append(served, s)
			}
		}
	}
	return served
}

// want is what the device is to have. A bridge has IPv4 addresses of ours only where its
// guests are not heard without: its keepers take offence at them.
func (st *stand) want(served []netip.AddrPort, d link.Device) (want []link.Thing, err error) {
	bare := false
	if st.bridge() {
		if bare, err = link.NeedsAddress(d); err != nil {
			return nil, err
		}
	}
	reply := false
	for _, s := range served {
		if !st.bridge() || bare || s.Addr().Is6() {
			want = append(want, link.Metadata(st.device, s.Addr()))
		}
		reply = reply || s.Addr().Is6() && st.device != loopback
	}
	if reply {
		want = append(want, link.ReplyRoute(st.device))
	}
	if st.device != loopback && !st.bridge() {
		want = append(want, link.HearGuests(st.device)...)
	}
	return want, nil
}

// answersIPv6 reports whether the device has a guest's way back.
func (st *stand) answersIPv6() bool {
	return slices.ContainsFunc(st.had, func(t link.Thing) bool { _, way := t.(link.Reply); return way })
}

// furnish makes the device as it is wanted, and opens what doors are missing. Where
// it was so before, it changes nothing.
func (st *stand) furnish(ctx context.Context, d link.Device) error {
	served := st.possible(d.Up)
	if st.place != nil {
		want, err := st.want(served, d)
		if err != nil {
			return err
		}
		if err := st.converge(want, d); err != nil {
			return err
		}
	}
	listening := st.listening(served)
	for _, at := range listening {
		if slices.ContainsFunc(st.doors, func(d *door) bool { return d.at == at }) {
			continue
		}
		door, err := openDoor(ctx, st.device, d.Index, at, st.resident)
		if err != nil {
			return err
		}
		st.doors = append(st.doors, door)
		st.state.logger.Info("listener opened", "device", st.device, "netns", st.netns(), "listen", door.Addr())
		go st.state.hall.attend(door)
	}
	st.doors = slices.DeleteFunc(st.doors, func(d *door) bool {
		if slices.Contains(listening, d.at) {
			return false
		}
		_ = d.Close()
		return true
	})
	st.served = served
	return nil
}

// converge changes what differs from what is wanted.
func (st *stand) converge(want []link.Thing, d link.Device) error {
	have, err := link.List(st.device, st.place.placed[st.device])
	if err != nil {
		return err
	}
	if err := st.rejoin(have, want); err != nil {
		return err
	}
	ops := link.Plan(have, want)
	if len(ops) == 0 {
		st.had = want
		return st.state.route(st.place, false)
	}
	if st.device != loopback && st.place.placed[st.device] == nil {
		// On record first: who cleans up after a crash removes what is on record.
		if err := st.place.guard.Place(st.device, d.Settings.String()); err != nil {
			return err
		}
		st.place.placed[st.device] = &d.Settings
	}
	// The host is told that it is served when the kernel is ready for it. Guests are
	// not waited for, and neither is somebody who keeps undoing what we do.
	apply := link.Mend
	if st.state.patient && st.device == loopback {
		apply = link.Apply
	}
	if err := apply(ops); err != nil {
		return err
	}
	if err := st.state.route(st.place, st.device == loopback); err != nil {
		return err
	}
	for _, op := range ops {
		if op.Restores(st.had) {
			st.state.mends.add(op.Kind(), st.netns(), op.String())
			continue
		}
		st.state.logger.Info("network changed", "change", op.String(), "netns", st.netns())
	}
	st.had = want
	return nil
}

// clear takes from the device what is ours.
func (st *stand) clear() error {
	have, err := link.List(st.device, st.place.placed[st.device])
	if errors.Is(err, link.ErrNotFound) {
		err = nil
	}
	if err == nil {
		err = errors.Join(link.Apply(link.Plan(have, nil)), st.state.route(st.place, false))
	}
	if err != nil {
		return fmt.Errorf("device %s: %w", st.device, err)
	}
	if st.place.placed[st.device] != nil {
		delete(st.place.placed, st.device)
		return st.place.guard.Unplace(st.device)
	}
	return nil
}

// shut closes the doors.
func (st *stand) shut() {
	for _, d := range st.doors {
		_ = d.Close()
		st.state.logger.Info("listener closed", "device", st.device, "netns", st.netns(), "listen", d.at)
	}
	for _, w := range st.users {
		w.connections.drop()
	}
	st.doors, st.listed, st.had, st.routed = nil, false, nil, nil
	st.take(0)
}

// take notes which device the stand is at; 0 is none.
func (st *stand) take(index int) {
	if st.place != nil {
		delete(st.place.byIndex, st.index)
		if index != 0 {
			st.place.byIndex[index] = st
		}
	}
	st.index = index
}

// refuse has a device refuse by itself, also one whose requests are not taken: its guest
// reaches nobody else by what is on top of it. 0 is none.
func (st *stand) refuse(index int) {
	if st.device == loopback || st.refusing == index {
		return
	}
	st.place.refusing.at(st.device, index)
	st.refusing = index
}

func (st *stand) netns() string {
	if st.place == nil {
		return ""
	}
	return st.place.path
}
