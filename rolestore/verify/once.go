package verify

import (
	"net/http"
	"sync"
	"time"
)

// maxNonces bounds the nonces of each generation: some 100 bytes each.
const maxNonces = 1 << 16

// once remembers what was used, for as long as a request with it could be replayed: from
// window before now to window after. It does so in two generations, of which the older
// goes when both its windows have passed.
type once struct {
	window time.Duration

	mu            sync.Mutex
	since         time.Time // when recent began
	recent, older map[string]bool
}

// take reports whether what was not used before. When there are too many it takes
// nothing more, for to forget one would let it be used again.
func (o *once) take(what string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := now.Sub(o.since); o.recent == nil || age > 2*o.window {
		if age > 4*o.window {
			o.recent = nil
		}
		o.recent, o.older, o.since = map[string]bool{}, o.recent, now
	}
	if o.recent[what] || o.older[what] || len(o.recent) >= maxNonces {
		return false
	}
	o.recent[what] = true
	return true
}

// nonce returns the request's own. It must be signed, or whoever replays the request
// puts another in its place.
func (g *Guard) nonce(r *http.Request, s signature) (string, error) {
	const longest = 128 // bytes: what is remembered is bounded
	if g.config.Nonce == "" {
		return "", nil
	}
	values := r.Header.Values(g.config.Nonce)
	if len(values) != 1 || values[0] == "" || len(values[0]) > longest || !s.covers(g.config.Nonce) {
		return "", refused("IncompleteSignature", "The request must have one header %s, of at most %d bytes, that is signed and new for each request.", g.config.Nonce, longest)
	}
	return values[0], nil
}
