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

// refusingPause is the time from one change of what devices refuse to the next. Each
// makes the kernel look at the rules of all devices, and others wait for it meanwhile.
const refusingPause = 250 * time.Millisecond

// refusing has the guests' devices refuse what is no request; see
// [steer.Guard.Refuse]. The kernel takes tens of milliseconds for that, however many
// devices it is told of at once, so nobody waits for it: until then the tables refuse.
type refusing struct {
	place  *place // whose guard is another's to use
	logger *slog.Logger
	kick   chan struct{} // tells of a change
	ended  chan struct{} // closed when run has returned

	mu    sync.Mutex
	guard *steer.Guard
	want  map[int]string // the names of devices, by their index
	lost  bool           // that somebody else took away what was there
	made  map[int]string // of want, what the kernel has
}

func newRefusing(p *place, logger *slog.Logger) *refusing {
	return &refusing{
		place: p, logger: logger, want: map[int]string{},
		kick: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (r *refusing) add(index int, device string) { r.change(func() { r.want[index] = device }) }
func (r *refusing) remove(index int)             { r.change(func() { delete(r.want, index) }) }

// by says that the tables were made anew, by this guard.
func (r *refusing) by(g *steer.Guard) {
	r.change(func() { r.guard, r.lost, r.made = g, r.guard != nil, nil })
}

func (r *refusing) change(f func()) {
	r.mu.Lock()
	f()
	r.mu.Unlock()
	select {
	case r.kick <- struct{}{}:
	default: // one is waiting already
	}
}

// run makes it so until ctx ends.
func (r *refusing) run(ctx context.Context) {
	defer close(r.ended)
	have := map[int]bool{}
	known := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		}
		err := r.place.do(func() (err error) {
			if !known {
				if have, err = steer.New().Refusing(); err != nil {
					return err
				}
				known = true
			}
			return r.settle(have)
		})
		switch {
		case errors.Is(err, steer.ErrKernel):
			r.logger.Info("devices of guests do not refuse by themselves: with equal addresses, one may wait where it is refused", "err", err)
		case err != nil:
			r.logger.Warn("a device of a guest does not refuse by itself yet", "err", err)
			known = false
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(refusingPause):
		}
	}
}

// settle does what differs. What is there already and what is gone are no errors.
func (r *refusing) settle(have map[int]bool) error {
	r.mu.Lock()
	guard, want := r.guard, maps.Clone(r.want)
	if r.lost {
		clear(have)
		r.lost = false
	}
	r.mu.Unlock()
	more := map[int]string{}
	for index, device := range want {
		if !have[index] {
			more[index] = device
		}
	}
	var less []int
	for index := range have {
		if _, wanted := want[index]; !wanted {
			less = append(less, index)
		}
	}
	if err := errors.Join(guard.Unrefuse(less...), guard.Refuse(more)); err != nil {
		return err
	}
	clear(have)
	for index := range want {
		have[index] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.lost {
		r.made = want
	}
	return nil
}
