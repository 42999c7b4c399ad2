package network

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// What guards a container that is attached from the inside lies in its namespace, where
// its own root may take it away. So the host's ends of its devices are guarded too, in
// the agent's namespace. They are guarded until the attachment is removed, whatever
// becomes of it and of them: a container may give its device to a namespace of its own.

// endsKept bounds the names that are guarded for one attachment although there is no such
// device now. One that follows its namespace's path gets another with each container.
const endsKept = 64

// hasEnds reports whether there may be such devices.
func (w *wanted) hasEnds() bool { return !w.guest() && w.Netns != "" }

// home opens the agent's own namespace as a file.
func (s *State) home() (*os.File, error) {
	if s.own.file != nil {
		return os.Open(fmt.Sprintf("/proc/self/fd/%d", s.own.file.Fd()))
	}
	return os.Open(threadNetns)
}

// watchEnds guards the host's ends of all devices of w's namespace.
func (s *State) watchEnds(w *wanted) error {
	if !w.hasEnds() {
		return nil
	}
	return s.endsAmong(w, link.Devices)
}

// endsAmong guards the host's ends of some devices of w's namespace.
func (s *State) endsAmong(w *wanted, some func() ([]link.Device, error)) error {
	home, err := s.home()
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	var ends []int
	err = w.place.do(func() error {
		id, err := link.NamespaceID(home)
		if err != nil || id < 0 {
			return err
		}
		devices, err := some()
		for _, d := range devices {
			if d.Kind == "veth" && d.PeerNetns == id {
				ends = append(ends, d.Peer)
			}
		}
		return err
	})
	for _, end := range ends {
		err = errors.Join(err, s.watchEnd(w, end))
	}
	if err != nil {
		return fmt.Errorf("attachment %s: keep its packets from other metadata services, on the host: %w", w.Name, err)
	}
	return nil
}

// watchEnd guards the device of an index for w.
func (s *State) watchEnd(w *wanted, index int) error {
	if err := s.goOutside(w); err != nil {
		return err
	}
	return w.outside.do(func() error {
		d, err := link.At(index)
		if errors.Is(err, link.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		w.outside.ends[index] = w
		if slices.Contains(w.ends, d.Name) {
			return w.outside.hold(d)
		}
		if err := w.outside.guard.GuardFor(d.Name, w.Name); err != nil {
			return err
		}
		w.keepEnd(d.Name)
		return errors.Join(w.outside.hold(d), w.dropOldest())
	})
}

// goOutside has w looked after in the agent's own namespace too.
func (s *State) goOutside(w *wanted) error {
	if w.outside != nil {
		return nil
	}
	p := s.places[s.own.inode]
	if p == nil {
		s.awaitEnd(s.own.inode)
		var err error
		if p, err = s.openPlace(s.own); err != nil {
			return err
		}
	}
	w.outside = p
	p.visitors++
	return p.do(func() error {
		p.containers = p.containers || w.forContainers()
		if err := s.choose(p); err != nil {
			return err
		}
		return s.ensure(p)
	})
}

func (w *wanted) keepEnd(name string) {
	w.ends = append(w.ends, name)
	w.outside.guarded[name]++
	w.outside.endsOf[name] = w.Name
	delete(w.outside.abandoned, name)
}

// dropOldest forgets the first end that is no more, of too many.
func (w *wanted) dropOldest() error {
	if len(w.ends) <= endsKept {
		return nil
	}
	for i, name := range w.ends {
		if _, err := link.Describe(name); errors.Is(err, link.ErrNotFound) {
			w.ends = slices.Delete(w.ends, i, i+1)
			return w.outside.unguardEnd(name)
		}
	}
	return nil
}

func (p *place) unguardEnd(name string) error {
	if p.guarded[name]--; p.guarded[name] > 0 {
		return nil
	}
	delete(p.guarded, name)
	delete(p.endsOf, name)
	return p.unguard(name)
}

// forgetEnds takes back what was done for w in the agent's own namespace.
func (s *State) forgetEnds(w *wanted) {
	p := w.outside
	if p == nil {
		return
	}
	w.outside = nil
	p.visitors--
	for index, of := range p.ends {
		if of == w {
			delete(p.ends, index)
		}
	}
	err := p.do(func() error {
		var errs []error
		for _, name := range w.ends {
			errs = append(errs, p.unguardEnd(name))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		s.logger.Error("a device is still kept from all metadata services; rolecall cleanup ends that", "attachment", w.Name, "err", err)
	}
	w.ends = nil
	s.untidy[p] = struct{}{}
	s.vacate(p)
}

// recallEnds takes over what an earlier process guarded for w: its namespace may be gone,
// or its devices elsewhere.
func (s *State) recallEnds(w *wanted) error {
	if !w.hasEnds() {
		return nil
	}
	if s.recorded == nil {
		var notes map[string]string
		err := s.own.do(func() (err error) { notes, err = steer.New().GuardedFor(); return err })
		if err != nil {
			return err
		}
		s.recorded = map[string][]string{}
		for name, owner := range notes {
			s.recorded[owner] = append(s.recorded[owner], name)
		}
	}
	names := s.recorded[w.Name]
	if len(names) == 0 {
		return nil
	}
	if err := s.goOutside(w); err != nil {
		return err
	}
	for _, name := range names {
		w.keepEnd(name)
	}
	delete(s.recorded, w.Name)
	return nil
}

// followEnds goes by a device that is new in a container, or renamed on the host. s.mu is
// held.
func (s *State) followEnds(p *place, name string, index int) {
	if !s.looksAfter(p) {
		return
	}
	var err error
	if w := p.ends[index]; w != nil {
		err = s.watchEnd(w, index)
	}
	if st := p.stands[loopback]; st != nil {
		for _, w := range st.users {
			if w.hasEnds() {
				err = errors.Join(err, s.endsAmong(w, func() ([]link.Device, error) { return one(name) }))
			}
		}
	}
	if err != nil {
		s.logger.Error("the host's end of a container's device is not guarded yet, and it is tried again", "device", name, "netns", p.path, "err", err)
	}
}

// one is a device by its name, or none.
func one(name string) ([]link.Device, error) {
	d, err := link.Describe(name)
	if errors.Is(err, link.ErrNotFound) {
		return nil, nil
	}
	return []link.Device{d}, err
}

// lookForEnds is [State.followEnds] for all devices of a container. s.mu is held.
func (s *State) lookForEnds(p *place) {
	st := p.stands[loopback]
	if st == nil || !s.looksAfter(p) {
		return
	}
	for _, w := range st.users {
		if err := s.watchEnds(w); err != nil {
			s.logger.Error("the host's ends of a container's devices are not guarded yet, and it is tried again", "netns", p.path, "err", err)
		}
	}
}
