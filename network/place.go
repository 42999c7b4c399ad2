package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// place is a network namespace in which something is wanted.
type place struct {
	*namespace
	guard  *steer.Guard // of no mode before the tables are made
	lock   *lock
	events *link.Events
	ctx    context.Context // of those who follow the events
	end    context.CancelFunc

	visitors int // attachments whose namespace this is

	stands  map[string]*stand    // by the name of the device
	byIndex map[int]*stand       // those whose device is there
	members map[string][]*wanted // of bridges, by the name of their port
	kin     map[string][]*wanted // of bridges, the admitted, by MAC address and by IP address
	ports   map[int]*stand       // of which bridge a device is a port, by its index
	guarded map[string]int       // by name of a device, for how many attachments
	held    held                 // the same devices, by index
	ends    map[int]*wanted      // whose namespace has the peer of a device, by its index
	endsOf  map[string]string    // the notes on record, of whom a guarded device is an end
	// abandoned are devices that stay guarded although nobody asks for it any more, as
	// long as there is the namespace.
	abandoned map[string]bool
	placed    map[string]*link.Settings // devices on which the addresses are ours, and what they had before
	// tables are how they are made, nil before they are; ensured says that what an earlier
	// process recorded in them is known, too.
	tables   *steer.Way
	ensured  bool
	refusing *refusing
	// needs says for whom routes of ours may be there, preceded for which addresses they
	// were needed; see route.
	needs    needs
	preceded map[netip.Addr]bool
	// containers says that somebody is, or was, served at an address of containers.
	containers bool
	// all are the settings of all devices, as they were seen last.
	all link.Settings
	// bypass says that the host's own way leads past the guests' devices.
	bypass bool
	// gone is closed when all of ours is, after the last who was attached.
	gone chan struct{}
}

// find gives w its place. The error wraps errAbsent where there is none yet.
func (s *State) find(w *wanted) error {
	if w.place != nil {
		return nil
	}
	n := s.own
	if w.Netns != "" {
		inode, err := inodeOf(w.Netns)
		if err != nil {
			return err
		}
		if inode == s.own.inode {
			return fmt.Errorf("%s is the agent's own network namespace: leave netns out, or attach the machine itself with {host: true}", w.Netns)
		}
		if p := s.places[inode]; p != nil {
			w.enter(p)
			return nil
		}
		if n, err = openNamespace(w.Netns); err != nil {
			return err
		}
	} else if p := s.places[n.inode]; p != nil {
		w.enter(p)
		return nil
	}
	s.awaitEnd(n.inode)
	p, err := s.openPlace(n)
	if err != nil {
		if n != s.own {
			n.close()
		}
		return err
	}
	w.enter(p)
	return nil
}

func (w *wanted) enter(p *place) {
	w.place = p
	p.visitors++
}

// openPlace starts to look after a namespace.
func (s *State) openPlace(n *namespace) (*place, error) {
	p := &place{
		namespace: n, guard: steer.New().Gather(), gone: make(chan struct{}),
		stands: map[string]*stand{}, byIndex: map[int]*stand{}, members: map[string][]*wanted{}, kin: map[string][]*wanted{}, preceded: map[netip.Addr]bool{}, ports: map[int]*stand{}, guarded: map[string]int{}, held: newHeld(), abandoned: map[string]bool{}, ends: map[int]*wanted{}, endsOf: map[string]string{}, placed: map[string]*link.Settings{},
	}
	err := n.do(func() (err error) {
		if p.lock, err = n.takeLock(s.logger); err != nil {
			return err
		}
		p.events, err = link.Open()
		return err
	})
	if err != nil {
		p.lock.release()
		return nil, err
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.refusing = newRefusing(p, s.logger)
	go s.follow(p, p.events)
	s.places[n.inode] = p
	return p, nil
}

// ensure makes the tables, and learns what an earlier process recorded in them.
func (s *State) ensure(p *place) error {
	if p.tables == nil || p.tables.Containers != p.containers {
		if err := s.steer(p, *s.way); err != nil {
			return err
		}
	}
	if p.ensured {
		return nil
	}
	placed, err := p.guard.Placed()
	if err != nil {
		return err
	}
	for device := range placed {
		if p.placed[device], err = beforeUs(placed, device); err != nil {
			return err
		}
	}
	if err := p.guard.Inherit(); err != nil {
		return err
	}
	if err := p.recallHeld(); err != nil {
		return err
	}
	changes, err := steer.Changes(p.ctx)
	if err != nil {
		return err
	}
	p.ensured = true
	go s.restoreAfter(p, changes)
	go p.refusing.run(p.ctx)
	return nil
}

// steer makes the tables for all addresses that somebody is served at.
func (s *State) steer(p *place, way steer.Way) error {
	way.Containers, way.Owner = p.containers, p.user()
	if err := p.guard.Flush(); err != nil { // what the one before was to take away
		return err
	}
	p.guard = steer.Via(way).Succeed(p.guard).Gather()
	if err := p.guard.Ensure(); err != nil {
		return err
	}
	p.refusing.by(p.guard)
	p.tables = &way
	return nil
}

// watchOver lets nothing from w's device, or from its port, reach another metadata service
// from now on, be they there or not.
func (s *State) watchOver(w *wanted) error {
	if w.isHost() {
		return nil
	}
	p := w.place
	err := p.do(func() error {
		if s.config.HostWay && p.namespace == s.own {
			if err := p.keepHostWay(true); err != nil {
				return err
			}
		}
		if w.Member != nil {
			if err := p.watch(w, w.Member.Port); err != nil {
				return err
			}
		}
		return p.watch(w, w.Device)
	})
	if err != nil {
		return fmt.Errorf("attachment %s: keep its packets from other metadata services: %w", w.Name, err)
	}
	return nil
}

// watch has the kernel guard a device for w, or confine the programs of the namespace.
func (p *place) watch(w *wanted, device string) error {
	if slices.Contains(w.guarded, device) {
		return nil
	}
	guard := func() error { return p.guard.Guard(device) }
	if !w.guest() {
		guard = func() error { return p.guard.Confine(true) }
	}
	if err := guard(); err != nil {
		return err
	}
	w.guarded = append(w.guarded, device)
	p.guarded[device]++
	delete(p.abandoned, device)
	if device == loopback {
		return nil
	}
	return p.holdNamed(device)
}

// forget takes back watch, of devices that no other attachment has.
func (p *place) forget(w *wanted) error {
	free := p.release(w)
	if len(free) == 0 {
		return nil
	}
	if p.empty() {
		return nil // all goes with the tables
	}
	return p.do(func() error {
		if !w.guest() {
			return p.guard.Confine(false)
		}
		var errs []error
		for _, device := range free {
			errs = append(errs, p.unguard(device))
		}
		return errors.Join(errs...)
	})
}

// abandon is forget where the guest has to be guarded as long as there is one.
func (p *place) abandon(w *wanted) {
	for _, device := range p.release(w) {
		p.abandoned[device] = true
	}
}

// release returns the devices that were guarded for w alone, and are for nobody now.
func (p *place) release(w *wanted) (free []string) {
	for _, device := range w.guarded {
		if p.guarded[device]--; p.guarded[device] == 0 {
			delete(p.guarded, device)
			free = append(free, device)
		}
	}
	w.guarded = nil
	return free
}

// confined reports whether the programs of the namespace are kept from other metadata
// services.
func (p *place) confined() bool { return p.guarded[loopback] > 0 || p.abandoned[loopback] }

// leave stops looking after the namespace, as it is.
func (p *place) leave() {
	p.end()
	_ = p.events.Close()
	if p.ensured {
		<-p.refusing.ended
	}
}

// keepHostWay makes or ends the host's own way to a metadata service that is not
// ours.
func (p *place) keepHostWay(keep bool) error {
	if p.bypass == keep {
		return nil
	}
	if _, err := link.Bypass(keep); err != nil {
		return err
	}
	p.bypass = keep
	return nil
}

// close leaves the namespace with what keeps guests from other metadata services.
// What is there for the host alone is removed unless keep is set.
func (p *place) close(keep bool) error {
	p.leave()
	defer p.lock.release()
	st := p.stands[loopback]
	if st == nil || keep {
		return nil
	}
	delete(p.stands, loopback)
	return p.do(func() error {
		err := st.clear()
		switch {
		case !p.ensured:
		case len(p.guarded) == 0:
			err = errors.Join(err, p.guard.Remove())
		default:
			err = errors.Join(err, p.guard.Unserve(loopback))
		}
		return err
	})
}

// route has the host itself come before its guests, and bridges do without an address
// of their own. It looks at the kernel's routes, of which each guest has one, when that
// is new, or if it may be no more.
func (s *State) route(p *place, again bool) error {
	_, host := p.stands[loopback]
	now := needs{host: host, bridge: p.bridges(), containers: p.containers}
	new := now != p.needs && (now.any() || p.needs.any())
	if !new && (!again || !now.any()) {
		return nil
	}
	for _, addr := range p.hosts() {
		added, err := link.Precede(addr, now.any(), now.bridge)
		if err != nil {
			return err
		}
		if added && p.preceded[addr] {
			s.mends.add("routes", p.path, "the local route to "+addr.String())
		}
		p.preceded[addr] = now.any() && (p.preceded[addr] || added)
	}
	p.needs = now
	return nil
}

// needs are who needs routes of ours, and whether to all addresses.
type needs struct{ host, bridge, containers bool }

func (n needs) any() bool { return n.host || n.bridge }

// hosts are the IPv4 addresses that somebody here is served at.
func (p *place) hosts() []netip.Addr {
	if !p.containers {
		return []netip.Addr{link.MetadataIPv4}
	}
	return slices.DeleteFunc(link.Served(), netip.Addr.Is6)
}

// bridges reports whether ports matter.
func (p *place) bridges() bool { return len(p.members) > 0 }

// rules are what the tables are to hold.
func (p *place) rules() steer.Want {
	want := steer.Want{
		Guarded: slices.AppendSeq(slices.Collect(maps.Keys(p.guarded)), maps.Keys(p.abandoned)),
		Placed:  map[string]string{}, GuardedFor: p.endsOf, GuardedIndexes: p.held.texts(),
	}
	want.Guarded = slices.DeleteFunc(want.Guarded, func(name string) bool { return name == loopback }) // confined instead
	for device, before := range p.placed {
		want.Placed[device] = before.String()
	}
	for name, st := range p.stands {
		if st.expected {
			want.Served = append(want.Served, name)
		}
		if st.expected && st.bridge() {
			want.Bridges = append(want.Bridges, name)
		}
		for _, w := range st.users {
			if w.member != nil {
				want.Members = append(want.Members, w.member.members...)
			}
		}
	}
	for index, st := range p.ports {
		want.Ports = append(want.Ports, steer.Port{Bridge: st.index, Index: index})
	}
	return want
}

// standsInOrder are all, by name, so that logs and tests see one order.
func (p *place) standsInOrder() []*stand {
	var stands []*stand
	for _, name := range slices.Sorted(maps.Keys(p.stands)) {
		stands = append(stands, p.stands[name])
	}
	return stands
}
