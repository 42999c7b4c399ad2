package network

import (
	"errors"
	"maps"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// restore brings back what others took from the tables, and takes away what they put
// there. To look takes some time where there are many devices, and nobody waits for it;
// only if something seems to be wrong it is looked at with the lock.
func (s *State) restore(p *place) {
	d, ok := s.demand(p)
	if !ok {
		return
	}
	met := false
	err := p.do(func() (err error) {
		met, err = d.Met()
		return err
	})
	if met && err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looksAfter(p) || !p.ensured {
		return
	}
	if err := p.do(func() error { return s.mendTables(p) }); err != nil {
		s.logger.Error("the tables that keep guests from other metadata services are not back yet, and it is tried again", "netns", p.path, "err", err)
	}
}

// demand is what the tables of a place are to be now; false where there are none.
func (s *State) demand(p *place) (steer.Demand, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looksAfter(p) || !p.ensured {
		return steer.Demand{}, false
	}
	d, err := p.demand()
	return d, err == nil
}

func (p *place) demand() (steer.Demand, error) {
	return p.guard.Demand(p.rules(), p.confined(), p.refusing.have())
}

// have are the devices that refuse by themselves, and their indexes.
func (r *refusing) have() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.made)
}

// mendTables is called inside the place's namespace. s.mu is held.
func (s *State) mendTables(p *place) error {
	present, err := p.guard.Present()
	if err == nil && present && p.confined() {
		present, err = p.guard.Confined()
	}
	if err != nil {
		return err
	}
	if !present {
		return s.remake(p)
	}
	d, err := p.demand()
	if err != nil {
		return err
	}
	undone, err := p.guard.Mend(d)
	if errors.Is(err, steer.ErrAbsent) { // a set is missing
		return s.remake(p)
	}
	if err != nil {
		return err
	}
	if undone != "" {
		s.mends.add("tables", p.path, undone)
	}
	lost, err := d.Unrefusing()
	if undid(lost) {
		s.mends.add("tables", p.path, "what the devices of guests refuse by themselves, in table netdev rolecall")
		p.refusing.by(p.guard)
	}
	return err
}

// undid reports whether one of those that do not refuse any more, given by name and index,
// is the device that it was. What was of one that is gone is gone with it, and what is of
// one that was renamed goes by another name, or will when we are told of that.
func undid(lost map[string]int) bool {
	for device, index := range lost {
		if name, err := link.Named(index); err == nil && name == device {
			return true
		}
	}
	return false
}

// remake makes the tables anew. s.mu is held.
func (s *State) remake(p *place) error {
	s.mends.add("tables", p.path, "the nftables tables named rolecall")
	if err := p.guard.Ensure(); err != nil {
		return err
	}
	p.refusing.by(p.guard)
	if err := p.guard.Replace(p.rules()); err != nil || !p.confined() {
		return err
	}
	return p.guard.Confine(true)
}
