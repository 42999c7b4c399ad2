package front

import (
	"testing"
	"time"
)

func TestALimiterForgetsThoseNotSeenForLongest(t *testing.T) {
	l := NewLimiter[int](1, 1)
	now := time.Unix(1, 0)
	l.Allow(-1, now)
	for i := range 10 * maxLimited {
		if l.Allow(-1, now) {
			t.Fatal("who comes all the time was forgotten")
		}
		l.Allow(i, now)
	}
	if n := len(l.recent) + len(l.older); n > maxLimited {
		t.Errorf("%d are remembered", n)
	}
}
