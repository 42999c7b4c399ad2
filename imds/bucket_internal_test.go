package imds

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoMoreThanTheLimitPassAtOnce takes from many sides while the clock stands still.
func TestNoMoreThanTheLimitPassAtOnce(t *testing.T) {
	const each, burst = 1_000_000, 3_500_000
	var b bucket
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range each {
				if b.take(Limit{PerSecond: 1000, Burst: burst}, 1, time.Hour) {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != burst {
		t.Errorf("%d passed, want %d", passed.Load(), burst)
	}
}

// TestNoTwoTurnsAreTheSame takes turns from many sides while the clock stands still: the
// next is behind all of them.
func TestNoTwoTurnsAreTheSame(t *testing.T) {
	const each = 1_000_000
	var b bucket
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range each {
				b.turn(time.Microsecond, time.Hour, time.Hour)
			}
		})
	}
	all.Wait()
	if got := b.turn(time.Microsecond, time.Hour, time.Hour); got != 4*each*time.Microsecond {
		t.Errorf("the next turn is in %v, want that of %d", got, 4*each)
	}
}
