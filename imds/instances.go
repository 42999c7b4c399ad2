package imds

import (
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// Put adds an instance or replaces its definition, which must be valid (see
// [rolestore.Instance.Validate]). Credentials stay if its incarnation and role
// do, and the signed identity document if it says the same. A new incarnation is a new
// instance: tokens and open connections of the earlier one are worth nothing.
func (s *Server) Put(i rolestore.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[i.ID]
	old := in.load()
	if old == nil || old.instance.Incarnation != i.Incarnation {
		s.remove(i.ID)
		in = &instance{id: i.ID}
		s.instances[i.ID] = in
		in.replace(s.newState(i, identity.Signed{}))
		return
	}
	var signed identity.Signed
	if identity.Same(old.instance, i) {
		signed = old.signed
	}
	in.replace(s.changed(old, i, signed))
}

// changed is old with another definition. Its credentials stay if what they are for does.
func (s *Server) changed(old *state, i rolestore.Instance, signed identity.Signed) *state {
	next := s.newState(i, signed)
	if sameSession(old.instance, i) && old.role.body != nil {
		return next.with(old.role, old.tokenless, old.updated)
	}
	return next
}

// sameSession reports whether credentials that were fetched for a are good for b. A pod's
// have session tags that tell which pod it is.
func sameSession(a, b rolestore.Instance) bool {
	return a.Incarnation == b.Incarnation && a.Profile.Role == b.Profile.Role && a.Containers.Pod == b.Containers.Pod
}

// Tell answers the instance with its definition's events from now on, if it is still of
// this incarnation.
func (s *Server) Tell(i rolestore.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[i.ID]
	old := in.load()
	if old == nil || old.instance.Incarnation != i.Incarnation {
		return
	}
	told := old.instance
	told.Events = i.Events
	in.replace(s.changed(old, told, old.signed))
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
// wait for it. Credentials that were fetched for a role, a pod or a life that the
// instance no longer has, or for one that was removed, are dropped.
func (s *Server) Publish(i rolestore.Instance, c rolestore.Credentials) {
	role, tokenless := roleDocument{credentialsDocument(c), c}, roleDocument{}
	if c.Tokenless != nil {
		tokenless = roleDocument{credentialsDocument(*c.Tokenless), *c.Tokenless}
	}
	s.fill(i, c.LastUpdated, role, tokenless)
}

// Refuse answers the instance with EC2's error document, until the next
// Publish: the issuer has refused the role, and the last good credentials have
// expired. SDKs see that the role may not be assumed and stop asking, where they
// would take a missing document for a fault of the network.
func (s *Server) Refuse(i rolestore.Instance) {
	now := s.now()
	refused := roleDocument{document: refusedDocument(i.Profile.Role, now)}
	s.fill(i, now, refused, refused)
}

// Withdraw takes the instance's role document away: it was revoked. Requests for it
// wait for the next one, as those for the first do.
func (s *Server) Withdraw(i rolestore.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[i.ID]
	if old := in.load(); old != nil && old.instance.Incarnation == i.Incarnation {
		in.replace(s.newState(old.instance, old.signed))
	}
}

// fill gives an instance its role's documents, if it is still the one that they were
// made for.
func (s *Server) fill(of rolestore.Instance, updated time.Time, role, tokenless roleDocument) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.instances[of.ID]
	old := in.load()
	if old == nil || !sameSession(old.instance, of) {
		return
	}
	in.replace(old.with(role, tokenless, updated))
}

// LastRefusal returns the last request of an instance that was refused, since it
// was first put, and whether there was one.
func (s *Server) LastRefusal(id string) (Refusal, bool) {
	in := s.find(id)
	if in == nil {
		return Refusal{}, false
	}
	r := in.refused.Load()
	if r == nil {
		return Refusal{}, false
	}
	return *r, true
}

// Calls counts what an instance asked for since it was first put.
type Calls struct {
	// NoToken are the calls of IMDSv1 that were let in, found or not, and NoTokenRejected
	// those that were not as the instance requires session tokens: EC2's metrics
	// MetadataNoToken and MetadataNoTokenRejected
	// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html).
	NoToken, NoTokenRejected uint64
	// Browser are those that were refused as a web page may have made them: they name
	// another host, or say that they come from a page.
	Browser uint64
	// Throttled and TokensThrottled are the requests, and the session tokens, that were
	// refused as there were too many.
	Throttled, TokensThrottled uint64
	// Unread is what was refused before it was a request: its headers were too large, it
	// was no HTTP, or it came too slowly.
	Unread uint64
}

// Calls returns the counts of an instance; an unknown one has made none.
func (s *Server) Calls(id string) Calls {
	in := s.find(id)
	if in == nil {
		return Calls{}
	}
	return Calls{
		NoToken: in.noToken.Load(), NoTokenRejected: in.noTokenRejected.Load(), Browser: in.byBrowser.Load(),
		Throttled: in.throttle.requestsRefused.Load(), TokensThrottled: in.throttle.tokensRefused.Load(),
		Unread: in.unread.Load(),
	}
}

// find returns the instance of an id, nil if there is none.
func (s *Server) find(id string) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[id]
}
