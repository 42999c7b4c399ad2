package network

import "errors"

// retireAtOnce bounds how many places are left at the same time. Each keeps a thread
// waiting for the kernel, mostly for a grace period of its RCU; see [steer.Guard.Gather].
const retireAtOnce = 32

// empty reports whether nobody is attached here.
func (p *place) empty() bool { return p.visitors == 0 }

// vacate ends a place that nobody is left in. That takes the kernel some 20 ms, for
// which nobody else waits: of a thousand containers that end together the last would
// wait for half a minute.
func (s *State) vacate(p *place) {
	if !p.empty() {
		return
	}
	delete(s.places, p.inode)
	delete(s.untidy, p)
	s.retiring[p.inode] = p
	go s.retire(p)
}

// looksAfter reports whether p is not left. s.mu is held.
func (s *State) looksAfter(p *place) bool { return !s.closed && s.places[p.inode] == p }

// retire removes all of ours from a place, but for what guards the abandoned, and lets go
// of the namespace.
func (s *State) retire(p *place) {
	s.retirements <- struct{}{}
	defer func() { <-s.retirements }()
	p.leave()
	err := p.do(func() error {
		if !p.ensured || len(p.abandoned) > 0 {
			return nil
		}
		return errors.Join(p.keepHostWay(false), p.guard.Remove())
	})
	if err != nil {
		s.logger.Error("tables of a namespace that nobody is attached in any more are still there; rolecall cleanup removes them", "netns", p.path, "err", err)
	}
	p.lock.release()
	if p.namespace != s.own {
		p.namespace.close()
	}
	close(p.gone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retiring[p.inode] == p {
		delete(s.retiring, p.inode)
	}
}

// awaitEnd waits for the end of a place, so that who comes next finds the namespace as it
// was. Who retires it needs no lock for that.
func (s *State) awaitEnd(inode uint64) {
	if p := s.retiring[inode]; p != nil {
		<-p.gone
		delete(s.retiring, inode)
	}
}

// finish is the end of a call that changes what is wanted: what is to be gone is gone
// when the call returns. s.mu is held, and is not afterwards.
func (s *State) finish() {
	s.tidy()
	var ends []*place
	for _, p := range s.retiring {
		ends = append(ends, p)
	}
	s.mu.Unlock()
	for _, p := range ends {
		<-p.gone
	}
}

// tidy has the kernel forget, at once, what was taken away since the last time, and begin
// what need not be done at once. s.mu is held.
func (s *State) tidy() {
	for p := range s.untidy {
		if err := p.do(p.guard.Flush); err != nil {
			s.logger.Error("something of an attachment is still there; rolecall cleanup removes it", "netns", p.path, "err", err)
		}
		p.refusing.begin()
	}
	clear(s.untidy)
}
