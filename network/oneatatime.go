package network

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/network/steer"
)

// turns gives each of many its turn, a few at a time. They are asked for anew when
// everybody has had his.
type turns[T any] struct{ waiting []T }

// next returns those whose turn it is, at most so many.
func (t *turns[T]) next(most int, all func() []T) []T {
	if len(t.waiting) == 0 {
		t.waiting = all()
	}
	n := min(most, len(t.waiting))
	now := t.waiting[:n]
	t.waiting = t.waiting[n:]
	return now
}

// failed are those that are worth another try.
func (s *State) failed() []*wanted {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed []*wanted
	for _, w := range s.wanted {
		if w.phase == Failed {
			failed = append(failed, w)
		}
	}
	return failed
}

// retry tries again what failed. It lets others in between.
func (s *State) retry(some iter.Seq[*wanted]) {
	for w := range some {
		s.mu.Lock()
		if w.phase == Failed && !s.closed && s.wanted[w.Name] == w {
			s.settle(context.Background(), w)
			s.tell(w)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
}

// everyPlace are those that are looked after now.
func (s *State) everyPlace() []*place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.places))
}

// changeable are the places with a device whose settings decide who is heard, which is
// not so of a container's lo. That of the agent, with the most, is looked at by itself.
func (s *State) changeable() []*place {
	s.mu.Lock()
	defer s.mu.Unlock()
	var some []*place
	for inode, p := range s.places {
		_, lo := p.stands[loopback]
		if guests := len(p.stands) > 1 || len(p.stands) == 1 && !lo; guests && inode != s.own.inode {
			some = append(some, p)
		}
	}
	return some
}

// ownPlace is that of the agent, nil where it serves nobody.
func (s *State) ownPlace() *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places[s.own.inode]
}

// Refused counts packets for the metadata addresses that the kernel refused, in all
// namespaces, by the reason; see [steer.Counters]. Where nothing was refused there is
// no entry.
func (s *State) Refused() (map[string]uint64, error) {
	return s.refusedIn(slices.Values(s.everyPlace()))
}

// refusedIn lets others in between.
func (s *State) refusedIn(places iter.Seq[*place]) (map[string]uint64, error) {
	refused := map[string]uint64{}
	var errs []error
	for p := range places {
		counters, err := s.counters(p)
		errs = append(errs, err)
		for reason, packets := range counters.ByName() {
			if packets > 0 {
				refused[reason] += packets
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("count refused packets: %w", err)
	}
	return refused, nil
}

// counters are those of one place, all 0 where it is left.
func (s *State) counters(p *place) (counters steer.Counters, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looksAfter(p) || !p.ensured {
		return counters, nil
	}
	err = p.do(func() (err error) {
		counters, err = p.guard.Counters()
		return err
	})
	return counters, err
}
