package imds

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// tellRate and tellBurst bound how many refusals of one instance the log has, per
	// second and at once: a guest must not fill the host's disk by asking for what is
	// not there.
	tellRate  = 1
	tellBurst = 60
)

// telling decides which refusals the log tells. The zero telling is ready.
type telling struct {
	mu     sync.Mutex
	limit  *rate.Limiter
	untold uint64
}

// one reports whether one more is told, and how many were not since the last.
func (t *telling) one(now time.Time) (untold uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit == nil {
		t.limit = rate.NewLimiter(tellRate, tellBurst)
	}
	if !t.limit.AllowN(now, 1) {
		t.untold++
		return 0, false
	}
	untold, t.untold = t.untold, 0
	return untold, true
}

// pass counts one that is not to be told.
func (t *telling) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.untold++
}
