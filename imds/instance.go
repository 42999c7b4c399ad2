package imds

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

// instance is one life of an instance id, from its first Put to its removal.
type instance struct {
	id      string
	current atomic.Pointer[state]   // nil once removed
	refused atomic.Pointer[Refusal] // the last one, or nil
	told    telling                 // what the log says of it

	throttle                 throttle
	noToken, noTokenRejected atomic.Uint64 // calls of IMDSv1
	byBrowser                atomic.Uint64 // requests that a web page may have made
	unread                   atomic.Uint64 // what could not be read as a request
}

// state is what an instance is answered from. It never changes, except that
// replaced is closed when another state takes its place.
type state struct {
	instance rolestore.Instance
	tree     *tree.Tree
	modified []string // of what the tree holds, as a header's value

	signed   identity.Signed // the identity document in tree; zero until it is signed
	unsigned bool            // it is going to be

	role      roleDocument // for who has a session token
	tokenless roleDocument // for who has none
	info      document     // iam/info; it comes and goes with the role's
	updated   time.Time

	replaced chan struct{}
}

// roleDocument is iam/security-credentials/<role>.
type roleDocument struct {
	document                       // zero until there is one
	issued   rolestore.Credentials // what is in it, for other forms; zero if the role was refused
}

// newState returns the state of an instance without credentials.
func (s *Server) newState(i rolestore.Instance, signed identity.Signed) *state {
	return &state{
		instance: i,
		tree:     tree.New(i, signed),
		modified: httpDate(s.now()),
		signed:   signed,
		unsigned: s.unsigned(i, signed),
		replaced: make(chan struct{}),
	}
}

// unsigned reports whether an identity document is going to be signed.
func (s *Server) unsigned(i rolestore.Instance, signed identity.Signed) bool {
	return s.signs && i.Profile.Role.ARN != "" && signed == identity.Signed{}
}

// with returns a copy of st that answers with other documents of the role, of that
// time.
func (st *state) with(role, tokenless roleDocument, updated time.Time) *state {
	next := *st
	next.role, next.tokenless = role, tokenless
	next.info = infoDocument(st.instance.Profile, updated)
	next.updated = updated
	next.replaced = make(chan struct{})
	return &next
}

// load returns the current state: nil if there is no such instance or no more.
func (in *instance) load() *state {
	if in == nil {
		return nil
	}
	return in.current.Load()
}

// replace puts next in the place of the current state, and wakes those who
// wait for a change. Server.mu is held.
func (in *instance) replace(next *state) {
	if old := in.current.Swap(next); old != nil {
		close(old.replaced)
	}
}

func httpDate(t time.Time) []string { return []string{t.UTC().Format(http.TimeFormat)} }
