package imds

import (
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// Put adds an instance or replaces its definition, which must be valid (see
// [rolestore.Instance.Validate]). Credentials stay if its incarnation and role
// do. A new incarnation is a new instance: tokens and open connections of the
// earlier one are worth nothing.
func (s *Server) Put(i rolestore.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := newState(i, s.now())
	in := s.instances[i.ID]
	switch old := in.load(); {
	case old == nil || old.instance.Incarnation != i.Incarnation:
		s.remove(i.ID)
		in = &instance{id: i.ID}
		s.instances[i.ID] = in
	case old.instance.Profile.Role == i.Profile.Role && old.credentials.body != nil:
		next = next.with(old.credentials, old.updated)
	}
	in.replace(next)
}

// Remove ends an instance: its tokens, its credentials and every request on its
// open connections. An unknown id is no fault.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
}

func (s *Server) remove(id string) {
	if in := s.instances[id]; in != nil {
		in.replace(nil)
		delete(s.instances, id)
	}
}

// Publish answers the instance with c from now on, and wakes the requests that
// wait for it. It does nothing for an id that is unknown, because removed.
//
// The caller sees to it that c is of the instance's current role and life: a
// result that was asked for before a Put or Remove must not be published after.
func (s *Server) Publish(id string, c rolestore.Credentials) {
	s.fill(id, c.LastUpdated, func(rolestore.Role) document { return credentialsDocument(c) })
}

// Refuse answers the instance with EC2's error document, until the next
// Publish: the issuer has refused the role, and the last good credentials have
// expired. SDKs see that the role may not be assumed and stop asking, where they
// would take a missing document for a fault of the network.
func (s *Server) Refuse(id string) {
	now := s.now()
	s.fill(id, now, func(r rolestore.Role) document { return refusedDocument(r, now) })
}

func (s *Server) fill(id string, updated time.Time, render func(rolestore.Role) document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[id]
	if in == nil {
		return
	}
	old := in.load()
	in.replace(old.with(render(old.instance.Profile.Role), updated))
}

// LastRefusal returns the last request of an instance that was refused, since it
// was first put, and whether there was one.
func (s *Server) LastRefusal(id string) (Refusal, bool) {
	s.mu.Lock()
	in := s.instances[id]
	s.mu.Unlock()
	if in == nil {
		return Refusal{}, false
	}
	r := in.refused.Load()
	if r == nil {
		return Refusal{}, false
	}
	return *r, true
}
