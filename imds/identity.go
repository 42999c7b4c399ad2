package imds

import (
	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// PublishIdentity answers the instance with its identity document as it was signed, and
// wakes the requests that wait for a signature. A document of another life, or of what
// the instance was before, is dropped.
func (s *Server) PublishIdentity(i rolestore.Instance, d identity.Signed) {
	s.setIdentity(i, d)
}

// WithdrawIdentity takes the signatures away: the instance is not this host's any more
// in the eyes of who signed.
func (s *Server) WithdrawIdentity(i rolestore.Instance) {
	s.setIdentity(i, identity.Signed{})
}

func (s *Server) setIdentity(of rolestore.Instance, d identity.Signed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[of.ID]
	old := in.load()
	if old == nil || old.instance.Incarnation != of.Incarnation || !identity.Same(old.instance, of) || old.signed == d {
		return
	}
	next := *old
	next.tree = tree.New(old.instance, d)
	next.signed, next.unsigned = d, s.unsigned(old.instance, d)
	next.replaced = make(chan struct{})
	in.replace(&next)
}
