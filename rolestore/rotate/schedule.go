package rotate

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	// Lifetime is what the agent asks its issuer for: EC2's six hours.
	Lifetime = 6 * time.Hour

	// minLeft is the least time that served credentials should have left.
	// botocore takes less than 15 minutes, plus up to 10 of jitter, for an outage.
	minLeft = 25 * time.Minute

	// minInterval keeps credentials that live hardly longer than minLeft, or of
	// which an issuer hands out the last minutes, from being replaced all the time.
	minInterval = time.Minute

	// lifeFraction makes six-hour credentials hourly, as EC2's are.
	lifeFraction = 6

	// firstRetry and lastRetry bound the back-off after a failure. The upper
	// bound is how long a machine waits at most once its issuer is back.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Schedule is what is known of one instance's credentials and what is to happen
// next. The zero Schedule has no credentials and is due at once.
type Schedule struct {
	// Credentials are the last good ones; the zero value means none yet.
	Credentials rolestore.Credentials
	// Next is when to ask the issuer again.
	Next time.Time
	// Failures counts failed fetches since the last success.
	Failures int
	// Err is the last failure, nil after a success.
	Err error
	// Attempted is when the issuer was last asked.
	Attempted time.Time

	// refused says that the issuer said no since the last success. A failure to
	// reach it afterwards does not take that back.
	refused bool
}

// Resume is the schedule of credentials that were found in the store: they are
// due when they would have been had the agent run on.
func Resume(id string, c rolestore.Credentials) Schedule {
	return Schedule{Credentials: c, Next: refreshAt(id, c), Attempted: c.LastUpdated}
}

// Succeed notes that c was fetched at now.
func (s *Schedule) Succeed(id string, c rolestore.Credentials, now time.Time) {
	next := refreshAt(id, c)
	if soonest := now.Add(minInterval); next.Before(soonest) {
		next = soonest
	}
	*s = Schedule{Credentials: c, Next: next, Attempted: now}
}

// Fail notes that fetching failed at now. The credentials stay.
func (s *Schedule) Fail(id string, err error, now time.Time) {
	s.Failures++
	s.Err = err
	s.refused = s.refused || errors.Is(err, rolestore.ErrRefused)
	s.Attempted = now
	s.Next = now.Add(backoff(id, s.Failures))
}

// Withdrawn reports whether programs are to be told that the role was refused:
// the issuer said no with authority and what it gave before has ended.
func (s *Schedule) Withdrawn(now time.Time) bool {
	return s.refused && s.Credentials.Left(now) <= 0
}

// Autonomy is how long valid credentials can be served from now on without the
// issuer; zero when there are none.
func (s *Schedule) Autonomy(now time.Time) time.Duration {
	return max(0, s.Credentials.Left(now))
}

// due reports whether the issuer is to be asked at now. If the clock was set back
// since it was last asked, Next may lie hours ahead and means nothing.
func (s *Schedule) due(now time.Time) bool {
	return !s.Next.After(now) || s.Attempted.After(now)
}

// wake is when the schedule next needs a look: a fetch falls due, or refused
// credentials end.
func (s *Schedule) wake(now time.Time) time.Time {
	if s.refused && s.Credentials.Left(now) > 0 && s.Credentials.Expiration.Before(s.Next) {
		return s.Credentials.Expiration
	}
	return s.Next
}

// refreshAt is a sixth into the life of c, a tenth earlier or later for each
// instance, so that a host's instances do not ask all at once; sooner where that
// would leave less than minLeft.
func refreshAt(id string, c rolestore.Credentials) time.Time {
	life := c.Lifetime()
	after := spread(id, 0, life/lifeFraction)
	if life > minLeft {
		after = min(after, life-minLeft)
	}
	return c.LastUpdated.Add(after)
}

// backoff doubles from firstRetry to lastRetry, spread by a tenth.
func backoff(id string, failures int) time.Duration {
	wait := lastRetry
	if shift := failures - 1; shift < 10 {
		wait = min(firstRetry<<shift, lastRetry)
	}
	return spread(id, failures, wait)
}

// spread moves d by up to a tenth either way: always the same way for an id and
// a round, and evenly over many ids.
func spread(id string, round int, d time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	_, _ = h.Write([]byte{byte(round)})
	const parts = 1000
	return d - d/10 + d/5/parts*time.Duration(h.Sum32()%parts) // no product outgrows d
}
