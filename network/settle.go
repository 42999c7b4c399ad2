package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/network/link"
)

// settle does all that can be done for w now, and sets its phase. It may be called
// again at any time.
func (s *State) settle(ctx context.Context, w *wanted) {
	if w.phase == Lost {
		return
	}
	if !w.manages() {
		s.settleLoopback(ctx, w)
		return
	}
	if err := s.recallEnds(w); err != nil { // be the namespace there or not
		w.fail(w.withRemedy(err))
		return
	}
	err := s.find(w)
	if errors.Is(err, errAbsent) {
		w.absent(err)
		return
	}
	if err == nil && w.elsewhere() { // before anything is made there
		s.quit(w)
		w.lose(w.deserted())
		return
	}
	if err == nil {
		err = s.watchProcess(w)
	}
	if err == nil {
		err = s.lead(w)
	}
	if err == nil {
		err = s.watchOver(w)
	}
	if err == nil {
		err = s.watchEnds(w)
	}
	if err != nil {
		w.fail(w.withRemedy(err))
		return
	}
	st := w.place.stands[w.Device]
	if st == nil {
		st = &stand{state: s, place: w.place, device: w.Device}
		w.place.stands[w.Device] = st
	}
	if w.stand == nil {
		if err := st.room(w); err != nil {
			w.fail(err)
			return
		}
		w.stand = st
		st.users = append(st.users, w)
		if w.Member != nil {
			w.place.members[w.Member.Port] = append(w.place.members[w.Member.Port], w)
		}
	}
	s.arrange(ctx, st, w)
}

// absent says what is done without the namespace. That of a process that has ended is
// not waited for: its number is given again, to whomever.
func (w *wanted) absent(err error) {
	switch {
	case w.Follow:
		w.wait(err.Error())
	case w.Bound != (Bound{}):
		w.lose(w.deserted())
	case strings.HasPrefix(w.Netns, "/proc/"):
		w.fail(fmt.Errorf("network namespace %s is not there: a process that does not run has none, and the next one with its number is another; name that of a running one", w.Netns))
	default:
		w.wait(err.Error())
	}
}

// elsewhere reports whether the path of the namespace that w is bound to is another's now:
// the numbers of processes are given again.
func (w *wanted) elsewhere() bool {
	if w.place == nil || w.Netns == "" || w.Follow || w.Bound == (Bound{}) {
		return false
	}
	boot, err := bootID()
	return err == nil && (w.Bound.Boot != boot || w.Bound.Netns != w.place.number)
}

// quit leaves a place in which nothing was made for w.
func (s *State) quit(w *wanted) {
	if w.place != nil {
		s.vacate(w.place)
		w.place = nil
	}
}

// deserted is why an attachment ends with its namespace.
func (w *wanted) deserted() string {
	return fmt.Sprintf("network namespace %s that the instance was bound to is gone: put the instance again, or say reattach: name", w.Netns)
}

// room reports whose the device is already. The claims know it by its name; it may have
// been reached by another path, or be attached as a bridge and not.
func (st *stand) room(w *wanted) error {
	if w.Member != nil && st.bridge() {
		return nil
	}
	for _, u := range st.users {
		if u.Name != w.Name {
			return fmt.Errorf("device %s %w, %s: remove that one first, or attach this one elsewhere", st.device, ErrClaimed, u.Name)
		}
	}
	return nil
}

// settleLoopback opens a door at a loopback address, which needs nothing else.
func (s *State) settleLoopback(ctx context.Context, w *wanted) {
	if w.stand == nil {
		w.stand = &stand{state: s, device: w.Device, users: []*wanted{w}}
		w.stand.sole.Store(w)
	}
	err := s.own.do(func() error { return w.stand.furnish(ctx, link.Device{Name: loopback, Up: true}) })
	if err != nil {
		w.fail(w.withRemedy(fmt.Errorf("attachment %s: %w", w.Name, err)))
		return
	}
	w.attached(Bound{})
}

// arrange makes a device what its users want it to be, and sets the phases of those
// who are concerned: some users of a bridge, or all.
func (s *State) arrange(ctx context.Context, st *stand, concerned ...*wanted) {
	s.untidy[st.place] = struct{}{}
	err := st.place.do(func() error {
		st.arrange(ctx, concerned)
		return nil
	})
	if err != nil {
		st.all(func(w *wanted) { w.fail(err) })
	}
	s.loseLost(st.users)
}

// loseLost ends those that were found to be lost, who leave those that we go through.
func (s *State) loseLost(among []*wanted) {
	var lost []*wanted
	for _, w := range among {
		if w.phase == Lost {
			lost = append(lost, w)
		}
	}
	for _, w := range lost {
		s.lose(w)
	}
}

// arrange is called inside the stand's namespace.
func (st *stand) arrange(ctx context.Context, concerned []*wanted) {
	if !st.whole {
		concerned = st.users
	}
	st.whole = false // unless we come to the end
	device, err := link.Describe(st.device)
	switch {
	case errors.Is(err, link.ErrNotFound):
		err := st.renamed()
		st.shut()
		st.refuse(0)
		st.all(st.miss)
		if err != nil {
			st.state.logger.Error("what was made on a device that has another name now is still there", "device", st.device, "err", err)
		}
		return
	case err != nil:
		st.all(func(w *wanted) { w.fail(err) })
		return
	}
	if st.index != 0 && st.index != device.Index {
		st.shut() // the doors are bound to a device that is no more
		concerned = st.users
	}
	if !st.bridge() {
		b, err := st.bound(device.Index)
		if err != nil {
			st.all(func(w *wanted) { w.fail(err) })
			return
		}
		st.all(func(w *wanted) {
			if !w.accepts(b) {
				w.lose(st.gone())
			}
		})
		if !slices.ContainsFunc(st.users, func(w *wanted) bool { return w.phase != Lost }) {
			st.shut()
			return
		}
	}
	if reason := st.down(device); reason != "" {
		st.all(func(w *wanted) {
			if w.wait(reason); st.place.path == "" { // that of the agent comes up by nobody's hand
				w.fail(errors.New(reason))
			}
		})
		return
	}
	st.refuse(device.Index)
	if st.device != loopback {
		if err := st.place.hold(device); err != nil {
			st.all(func(w *wanted) { w.fail(err) })
			return
		}
	}
	if err = st.unsuitable(device); err != nil {
		st.shut() // who is there now may be anybody
	} else {
		err = st.unheard(device)
	}
	if err == nil && !st.bridge() {
		// Before the doors are open: whoever came to one without a resident would be
		// turned away.
		st.all(func(w *wanted) { st.sole.Store(w) })
	}
	if err == nil {
		err = st.furnish(ctx, device)
	}
	if err == nil {
		st.take(device.Index)
		err = st.serve(device, concerned)
	}
	st.whole = err == nil
	if err != nil {
		st.all(func(w *wanted) { w.fail(w.withRemedy(fmt.Errorf("attachment %s: %w", w.Name, err))) })
	}
}

// serve tells the kernel and the doors whose requests are expected.
func (st *stand) serve(device link.Device, concerned []*wanted) error {
	if st.bridge() {
		return st.admitAll(device, concerned)
	}
	b, err := st.bound(device.Index)
	if err != nil {
		return err
	}
	if st.place.ensured {
		if err := st.expect(); err != nil {
			return err
		}
	}
	st.all(func(w *wanted) { w.attached(b) })
	return nil
}

// expect tells the kernel, once, that requests on the device are no strays.
func (st *stand) expect() error {
	if st.expected {
		return nil
	}
	err := st.place.guard.Serve(st.device)
	st.expected = err == nil
	return err
}

// bound is what a user of the stand is bound to: for lo, the namespace.
func (st *stand) bound(index int) (Bound, error) {
	boot, err := bootID()
	if st.device == loopback {
		index = 0
	}
	return Bound{Boot: boot, Netns: st.place.number, Index: index}, err
}

// miss says what a user of a device that is not there does.
func (st *stand) miss(w *wanted) {
	if w.Bound != (Bound{}) && !w.Follow && w.Member == nil {
		w.lose(st.gone())
		return
	}
	w.wait(fmt.Sprintf("device %s is not there yet", st.device))
}

func (st *stand) gone() string {
	return fmt.Sprintf("device %s that the instance was bound to is gone: put the instance again, or say reattach: name", st.device)
}

// all calls f for every user that is not lost.
func (st *stand) all(f func(*wanted)) {
	for _, w := range st.users {
		if w.phase != Lost {
			f(w)
		}
	}
}

// end ends w for good.
func (s *State) end(w *wanted) {
	w.connections.end()
	s.leave(w)
	s.forgetEnds(w)
}

// leave undoes all that was done for w.
func (s *State) leave(w *wanted) {
	s.dismiss(w)
	p := w.place
	if p == nil {
		return
	}
	w.place = nil
	p.visitors--
	s.untidy[p] = struct{}{}
	if err := p.forget(w); err != nil {
		s.logger.Error("a device is still kept from all metadata services; rolecall cleanup ends that", "device", w.Device, "err", err)
	}
	s.vacate(p)
}

// lose ends w but for what keeps its device from another metadata service.
func (s *State) lose(w *wanted) {
	w.connections.end()
	s.dismiss(w)
	s.disclaim(w)
	s.logger.Warn("an attachment is lost", "attachment", w.Name, "why", w.reason)
}

// dismiss takes w from its stand.
func (s *State) dismiss(w *wanted) {
	if w.unwatch != nil {
		w.unwatch()
		w.unwatch = nil
	}
	st := w.stand
	if st == nil {
		return
	}
	w.stand = nil
	is := func(u *wanted) bool { return u == w }
	st.users = slices.DeleteFunc(st.users, is)
	st.sole.CompareAndSwap(w, nil)
	if st.place == nil {
		st.shut()
		return
	}
	if w.Member != nil {
		port := w.Member.Port
		if st.place.members[port] = slices.DeleteFunc(st.place.members[port], is); len(st.place.members[port]) == 0 {
			delete(st.place.members, port)
		}
	}
	s.untidy[st.place] = struct{}{}
	err := st.place.do(func() error { return errors.Join(st.expel(w), st.withdraw()) })
	if err != nil {
		s.logger.Error("something of an attachment is still there; rolecall cleanup removes it", "attachment", w.Name, "err", err)
	}
}

// withdraw leaves a device that has no users any more.
func (st *stand) withdraw() error {
	if len(st.users) > 0 {
		return nil
	}
	st.shut()
	st.refuse(0)
	delete(st.place.stands, st.device)
	var errs []error
	for index, of := range st.place.ports {
		if of == st {
			delete(st.place.ports, index)
			errs = append(errs, st.place.guard.DelPort(index))
		}
	}
	if st.expected {
		errs = append(errs, st.place.guard.Unserve(st.device), st.place.guard.Unshare(st.device))
	}
	return errors.Join(append(errs, st.clear())...)
}
