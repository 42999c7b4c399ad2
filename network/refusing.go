package network

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/rolecall/rolecall/network/steer"
)

// refusingPause is the time from one change of what devices refuse to the next. For each
// device the kernel goes through the names of all, and others wait for it meanwhile.
const refusingPause = 250 * time.Millisecond

// refusing has the guests' devices refuse what is no request; see
// [steer.Guard.Refuse]. The kernel takes tens of milliseconds for that, so nobody waits
// for it: until then the tables refuse.
type refusing struct {
	place  *place // whose guard is another's to use
	logger *slog.Logger
	kick   chan struct{} // tells of a change
	ended  chan struct{} // closed when run has returned

	mu    sync.Mutex
	guard *steer.Guard
	want  map[string]int // the indexes of devices, by name
	due   map[string]int // of want, what changed; 0 is one that is nobody's any more
	lost  bool           // that it is not known what the kernel has
	made  map[string]int // of want, what the kernel has
}

func newRefusing(p *place, logger *slog.Logger) *refusing {
	return &refusing{
		place: p, logger: logger, want: map[string]int{}, due: map[string]int{},
		kick: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// at says which device has the name, 0 for none that is a guest's. It is made so after
// [refusing.begin]: before, what else is to be told to the kernel would wait for it.
func (r *refusing) at(device string, index int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	put(r.want, device, index)
	r.due[device] = index
}

// put has 0 be none.
func put(indexes map[string]int, device string, index int) {
	if indexes[device] = index; index == 0 {
		delete(indexes, device)
	}
}

// by says that the tables were made anew, by this guard, or that somebody else took
// away what was there.
func (r *refusing) by(g *steer.Guard) {
	r.mu.Lock()
	r.guard, r.lost, r.made = g, true, nil
	r.mu.Unlock()
	r.begin()
}

// begin has what is due be made so.
func (r *refusing) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.due) == 0 && !r.lost {
		return
	}
	select {
	case r.kick <- struct{}{}:
	default: // one is waiting already
	}
}

// run makes it so until ctx ends.
func (r *refusing) run(ctx context.Context) {
	defer close(r.ended)
	have := map[string]int{} // the indexes of those that refuse
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		}
		err := r.place.do(func() error { return r.settle(have) })
		switch {
		case errors.Is(err, steer.ErrKernel):
			r.logger.Info("devices of guests do not refuse by themselves: with equal addresses, one may wait where it is refused", "err", err)
		case err != nil:
			r.logger.Warn("a device of a guest does not refuse by itself yet", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(refusingPause):
		}
	}
}

// settle does what is due, and no more: its price does not depend on how many refuse.
// What is there already and what is gone are no errors.
func (r *refusing) settle(have map[string]int) (err error) {
	r.mu.Lock()
	guard, due, lost := r.guard, r.due, r.lost
	if lost {
		due = maps.Clone(r.want)
	}
	r.due, r.lost = map[string]int{}, false
	r.mu.Unlock()
	defer func() { r.record(due, lost, err) }()
	if lost {
		found, err := guard.Refusing()
		if err != nil {
			return err
		}
		clear(have)
		for device := range found {
			have[device] = due[device]
			due[device] = have[device] // 0 where it is nobody's
		}
	}
	var less, more []string
	for device, index := range due {
		was, is := have[device]
		switch {
		case index == 0 && is:
			less = append(less, device)
		case index != was:
			more = append(more, device)
		}
	}
	if err := errors.Join(guard.Unrefuse(less...), guard.Refuse(more...)); err != nil {
		return err
	}
	for device, index := range due {
		put(have, device, index)
	}
	return nil
}

// record notes what was made of what was due.
func (r *refusing) record(due map[string]int, all bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost = r.lost || err != nil; r.lost {
		return
	}
	if all {
		r.made = map[string]int{}
	}
	for device, index := range due {
		put(r.made, device, index)
	}
}
