package imds

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Limit is how often an instance may do something: PerSecond in the long run, and Burst
// times at once if it did nothing before. The zero Limit is none.
type Limit struct{ PerSecond, Burst int }

const (
	// refusalPace is how far apart the refusals of one instance leave that asks too often.
	// EC2 delays those too. The caller waits for a turn that no other caller shares, so a
	// flood costs us the same however many connections it has, and a closed connection
	// would only be made anew, which costs more.
	refusalPace = 2 * time.Millisecond
	// longestHold bounds that wait: what an instance may have of connections takes a
	// second's turns, unless its callers give up and come again.
	longestHold = 2 * time.Second
	// fieldsOfOne is how many fields of a header are parsed in the time that a small request
	// takes, roughly: who sends more of them has asked more often. SDKs send ten.
	fieldsOfOne = 32
	// keptPerSecond is how many of these refusals are kept and told. All are counted.
	keptPerSecond = 1
	// podsShare is which part of what an instance may ask a pod on a node may: it has few
	// programs, and each asks once an hour or so. Twenty pods that flood are as one instance.
	podsShare = 20
)

// throttle is what an instance has used of its limits. They are of all its connections,
// and end with it.
type throttle struct {
	requests, tokens, kept bucket
	refusals               bucket

	requestsRefused, tokensRefused atomic.Uint64
}

// uptime is the time since the server was made: by the clock's monotonic reading if it has
// one, so that nobody is kept waiting when the time of day is set back.
func (s *Server) uptime() time.Duration { return s.now().Sub(s.began) }

// of is a part of the limit: at least one a second, and one at once, if there is a limit.
func (l Limit) of(parts int) Limit {
	if l.PerSecond <= 0 {
		return Limit{}
	}
	return Limit{max(1, l.PerSecond/parts), max(1, l.Burst/parts)}
}

// admit counts a request of an instance, whatever it asks for. Of one too many it returns
// why, when that may leave. What is of nobody is refused elsewhere.
func (s *Server) admit(r *http.Request, in *instance, limit Limit) *refusal {
	if in == nil || in.throttle.requests.take(limit, weight(r), s.uptime()) {
		return nil
	}
	in.throttle.requestsRefused.Add(1)
	in.throttle.hold(r, s.uptime())
	if connOf(r.Context()).form == Pod {
		return throttledPod
	}
	return throttledRequests
}

// weight is how many requests this one counts as.
func weight(r *http.Request) int {
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	return 1 + fields/fieldsOfOne
}

// admitToken is [Server.admit] of a session token, which takes more of us than others.
func (s *Server) admitToken(r *http.Request, in *instance) *refusal {
	if in.throttle.tokens.take(s.newTokens, 1, s.uptime()) {
		return nil
	}
	in.throttle.tokensRefused.Add(1)
	in.throttle.hold(r, s.uptime())
	return throttledTokens
}

// hold waits until the refusal of the request may leave, or the caller has left.
func (t *throttle) hold(r *http.Request, now time.Duration) {
	turn := time.NewTimer(t.refusals.turn(refusalPace*time.Duration(weight(r)), longestHold, now))
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-r.Context().Done():
	}
}

// bucket holds one caller to a [Limit] by the generic cell rate algorithm (ITU-T I.371,
// annex A, virtual scheduling). All that it knows is when the next would be due if all
// came at their pace: one number, so that nobody waits for a lock. The zero bucket is
// ready. Its time is that since some moment, and is never set back.
type bucket struct{ due atomic.Int64 } // in nanoseconds

// take reports whether n more may be done now, or all at once that ever may, and counts
// them if so.
func (b *bucket) take(l Limit, n int, now time.Duration) bool {
	if l.PerSecond <= 0 {
		return true
	}
	at, pace := int64(now), int64(time.Second)/int64(l.PerSecond)
	for {
		due := b.due.Load()
		next := max(due, at) + pace*int64(max(1, min(n, l.Burst)))
		if next-at > pace*int64(l.Burst) {
			return false
		}
		if b.due.CompareAndSwap(due, next) {
			return true
		}
	}
}

// turn takes the next of the turns that are pace apart, and returns how far it is: at
// most longest, where there is room for any number.
func (b *bucket) turn(pace, longest time.Duration, now time.Duration) time.Duration {
	at := int64(now)
	for {
		due := b.due.Load()
		turn := max(due, at)
		if turn-at >= int64(longest) {
			return longest
		}
		if b.due.CompareAndSwap(due, turn+int64(pace)) {
			return time.Duration(turn - at)
		}
	}
}
