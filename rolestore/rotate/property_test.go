package rotate

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const rounds = 20_000

// anyLife is a lifetime of any magnitude: from a second to centuries.
func anyLife(random *rand.Rand) time.Duration {
	return max(time.Second, time.Duration(random.Uint64()>>(1+random.IntN(34))))
}

func TestAnyCredentialsAreReplacedWellBeforeTheirHalfLife(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		life := anyLife(random)
		c := living(noon, life)
		at := refreshAt(numbered(random.Int()), c)
		if at.Before(noon) || at.Sub(noon) >= c.Lifetime()/4 {
			t.Fatalf("credentials that live for %s are due after %s", life, at.Sub(noon))
		}
		soonest := c.Lifetime() / lifeFraction / 10 * 9
		if c.Lifetime() > minLeft {
			soonest = min(soonest, c.Lifetime()-minLeft)
		}
		if at.Sub(noon) < soonest {
			t.Fatalf("credentials that live for %s are due after %s already", life, at.Sub(noon))
		}
		if c.Lifetime() >= minLeft && c.Left(at) < minLeft {
			t.Fatalf("credentials that live for %s have %s left when they are due", life, c.Left(at))
		}
	}
}

func TestNoFailureWaitsForLongerThanTheCap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range rounds {
		failures := 1 + random.IntN(1<<random.IntN(62))
		if got := backoff(numbered(random.Int()), failures); got < firstRetry*9/10 || got > lastRetry*11/10 {
			t.Fatalf("after %d failures: %s", failures, got)
		}
	}
}

// TestNoSequenceLosesGoodCredentials compares a Schedule with the little that has
// to be true of it after anything that may happen to it.
func TestNoSequenceLosesGoodCredentials(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range rounds / 20 {
		id, now := numbered(random.Int()), noon
		var s Schedule
		var last rolestore.Credentials
		failures, refused := 0, false
		for range 20 {
			now = now.Add(time.Duration(random.Int64N(int64(2 * time.Hour))))
			switch random.IntN(3) {
			case 0:
				last, failures, refused = living(now, anyLife(random)), 0, false
				s.Succeed(id, last, now)
			case 1:
				failures++
				s.Fail(id, errUnreachable, now)
			case 2:
				failures, refused = failures+1, true
				s.Fail(id, errDenied, now)
			}
			if s.Credentials != last || s.Failures != failures || (s.Err == nil) != (failures == 0) {
				t.Fatalf("want %+v after %d failures, have %+v", last, failures, s)
			}
			if !s.Next.After(now) || failures > 0 && s.Next.Sub(now) > lastRetry*11/10 {
				t.Fatalf("at %s the next fetch is at %s: %+v", now, s.Next, s)
			}
			later := now.Add(time.Duration(random.Int64N(int64(12 * time.Hour))))
			if got, want := s.Withdrawn(later), refused && !last.Expiration.After(later); got != want {
				t.Fatalf("Withdrawn = %t, want %t: %+v", got, want, s)
			}
			if s.wake(now).Before(now) || s.wake(now).After(s.Next) {
				t.Fatalf("at %s the next look is at %s: %+v", now, s.wake(now), s)
			}
		}
	}
}

func TestARefusedSchedulesNextLookIsAtItsEnd(t *testing.T) {
	var s Schedule
	c := living(noon, Lifetime)
	s.Succeed("i-1", c, noon)
	now := c.Expiration.Add(-5 * time.Second)
	for range 10 {
		s.Fail("i-1", errors.Join(errDenied), now)
	}
	if !s.wake(now).Equal(c.Expiration) {
		t.Errorf("the next look is at %s, want %s", s.wake(now), c.Expiration)
	}
	if !s.wake(c.Expiration).Equal(s.Next) {
		t.Errorf("once withdrawn, the next look is at %s, want %s", s.wake(c.Expiration), s.Next)
	}
}
