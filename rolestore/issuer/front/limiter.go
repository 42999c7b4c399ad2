package front

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// What one source may ask of us without a signature. A host that starts with all its
// instances asks for one session each.
const (
	UnsignedEvery = 10 * time.Millisecond
	UnsignedBurst = 1000
)

// maxLimited bounds how many callers a limiter remembers, half of them at least for
// as long as they come.
const maxLimited = 8192

// Limiter gives each caller a rate of his own. Its memory is bounded: those who have
// not been seen for longest are forgotten first, and begin anew.
type Limiter[K comparable] struct {
	every rate.Limit
	burst int

	mu            sync.Mutex
	recent, older map[K]*rate.Limiter
}

// NewLimiter returns one that has seen nobody.
func NewLimiter[K comparable](every rate.Limit, burst int) *Limiter[K] {
	return &Limiter[K]{every: every, burst: burst, recent: map[K]*rate.Limiter{}}
}

// Allow reports whether a caller may ask now, and counts it.
func (l *Limiter[K]) Allow(who K, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, ok := l.recent[who]
	if !ok {
		if own, ok = l.older[who]; !ok {
			own = rate.NewLimiter(l.every, l.burst)
		}
		if len(l.recent) >= maxLimited/2 {
			l.recent, l.older = map[K]*rate.Limiter{}, l.recent
		}
		l.recent[who] = own
	}
	return own.AllowN(now, 1)
}

// Forget lets a caller begin anew.
func (l *Limiter[K]) Forget(who K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.recent, who)
	delete(l.older, who)
}

// source is who is counted as one: an IPv4 address, or the network of 64 bits that
// one machine has in IPv6 (RFC 4291 section 2.5.1). A Unix socket is not counted:
// who may open it is decided by its permissions.
func source(a netip.Addr) (netip.Prefix, bool) {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

// Sources limits what each source may ask of us without a signature of AWS's.
type Sources struct{ limiter *Limiter[netip.Prefix] }

// NewSources returns one that has seen nobody.
func NewSources() *Sources { return newSources(UnsignedBurst) }

func newSources(burst int) *Sources {
	return &Sources{NewLimiter[netip.Prefix](rate.Every(UnsignedEvery), burst)}
}

// Allow reports whether whoever sends r may ask now, and counts it.
func (s *Sources) Allow(r *http.Request, now time.Time) bool {
	return s.allow(query.New(r).Source, now)
}

func (s *Sources) allow(a netip.Addr, now time.Time) bool {
	from, counted := source(a)
	return !counted || s.limiter.Allow(from, now)
}

// StrangerPause is how long a refusal waits whose source is refused too often. A source
// has so many connections, and so no more refusals a second, each with its line in the log.
const StrangerPause = time.Second

// slow holds up the refusal of a caller who has not proved who he is, if his source had
// too many: what he sends is looked at before that is known, so that nobody else of the
// same address has to be refused for him.
func (s *Server) slow(ctx context.Context, c *caller.Call) {
	if c.Caller != nil || s.refused.allow(c.Source, c.Now) {
		return
	}
	pause := time.NewTimer(StrangerPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}
