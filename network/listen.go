package network

import (
	"time"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

const (
	// firstReopen and lastReopen bound the pause before the kernel is listened to anew
	// after the socket that told of changes has failed.
	firstReopen = 100 * time.Millisecond
	lastReopen  = 30 * time.Second
)

// reopening is the wait of one who listens to a place, for as long as his sockets fail.
type reopening struct {
	s     *State
	p     *place
	what  string
	pause time.Duration
	calm  <-chan time.Time // fires when the last failure is long ago
}

// until tries open, with the lock and inside the place, until it succeeds. False is the
// end of the place. It is told once as long as it goes on, and counted each time.
func (r *reopening) until(why error, open func() error) bool {
	select {
	case <-r.calm:
		r.pause = 0
	default:
	}
	if r.p.ctx.Err() != nil {
		return false
	}
	if r.pause == 0 {
		r.s.logger.Error("the kernel's news broke off; they are listened to anew, and everything is looked at", "of", r.what, "netns", r.p.path, "err", why)
		r.pause = firstReopen
	}
	for {
		select {
		case <-r.p.ctx.Done():
			return false
		case <-time.After(r.pause):
		}
		r.pause = min(2*r.pause, lastReopen)
		r.s.mu.Lock()
		if !r.s.looksAfter(r.p) {
			r.s.mu.Unlock()
			return false
		}
		err := r.p.do(open)
		r.s.mu.Unlock()
		if err == nil {
			r.s.mends.count("watches")
			r.calm = time.After(fight)
			return true
		}
	}
}

// follow mends what changes in a place, until its end.
func (s *State) follow(p *place, events *link.Events) {
	told := make(chan link.Changed)
	go s.mend(p, told)
	defer close(told)
	again := reopening{s: s, p: p, what: "devices"}
	for {
		changed, err := events.Next(p.ctx)
		if err == nil {
			if changed.Lost {
				s.logger.Warn("the kernel had more changes to tell than its socket holds, and everything is looked at", "netns", p.path)
			}
			told <- changed
			continue
		}
		reopened := again.until(err, func() (err error) {
			_ = events.Close()
			if events, err = link.Open(); err == nil {
				p.events = events
			} else {
				events = p.events
			}
			return err
		})
		if !reopened {
			return
		}
		told <- link.Changed{Lost: true}
	}
}

// restoreAfter mends the tables after changes that others made to nf_tables, at most
// every mendPause.
func (s *State) restoreAfter(p *place, changes <-chan struct{}) {
	again := reopening{s: s, p: p, what: "nf_tables"}
	for {
		for range changes {
			s.restore(p)
			select {
			case <-p.ctx.Done():
			case <-time.After(mendPause):
			}
		}
		reopened := again.until(nil, func() (err error) {
			changes, err = steer.Changes(p.ctx)
			return err
		})
		if !reopened {
			return
		}
		s.restore(p)
	}
}
