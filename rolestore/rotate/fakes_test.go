package rotate

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const recheck = 10 * time.Second

// issuer is a Source. It answers six-hour credentials at once until told
// otherwise, and notes what it is asked.
type issuer struct {
	now func() time.Time

	mu      sync.Mutex
	answer  func(context.Context, rolestore.Instance) (rolestore.Credentials, error)
	asked   []string    // instance ids
	askedAt []time.Time // by the wall clock
	busy    map[string]int
	all     int
	mostAll int // at once, of all instances
	mostOne int // at once, of one instance
}

func (s *issuer) Fetch(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error) {
	s.mu.Lock()
	s.asked, s.askedAt = append(s.asked, i.ID), append(s.askedAt, s.now())
	s.all++
	s.busy[i.ID]++
	s.mostAll, s.mostOne = max(s.mostAll, s.all), max(s.mostOne, s.busy[i.ID])
	answer := s.answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.all--
		s.busy[i.ID]--
		s.mu.Unlock()
	}()
	if answer == nil {
		return living(s.now(), Lifetime), nil
	}
	return answer(ctx, i)
}

func (s *issuer) set(answer func(context.Context, rolestore.Instance) (rolestore.Credentials, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *issuer) fail(err error) {
	s.set(func(context.Context, rolestore.Instance) (rolestore.Credentials, error) {
		return rolestore.Credentials{}, err
	})
}

func (s *issuer) mend() { s.set(nil) }

// calls returns the ids asked for so far, and when.
func (s *issuer) calls() ([]string, []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...), append([]time.Time(nil), s.askedAt...)
}

// programs is a Sink: what the instances' programs are served.
type programs struct {
	now func() time.Time

	mu        sync.Mutex
	published map[string][]rolestore.Credentials
	refused   map[string][]time.Time
	roles     []string // of what was published
	withdrawn []string // ids
}

func (p *programs) Publish(i rolestore.Instance, c rolestore.Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published[i.ID] = append(p.published[i.ID], c)
	p.roles = append(p.roles, i.Profile.Role.Name())
}

func (p *programs) Refuse(i rolestore.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[i.ID] = append(p.refused[i.ID], p.now())
}

func (p *programs) Withdraw(i rolestore.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withdrawn = append(p.withdrawn, i.ID)
}

func (p *programs) publications(id string) []rolestore.Credentials {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.published[id]
}

func (p *programs) refusals(id string) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused[id]
}

// running is a Rotator in a bubble of testing/synctest, with a wall clock that
// can be set apart from the timers.
type running struct {
	*Rotator
	issuer   *issuer
	programs *programs
	stop     func() // ends Run and waits for it

	mu     sync.Mutex
	offset time.Duration
}

func (r *running) wall() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.offset)
}

// setClock moves the wall clock while the timers stand still.
func (r *running) setClock(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offset += by
}

// inBubble runs a test with a Rotator that is configured but not yet started.
func inBubble(t *testing.T, log *slog.Logger, test func(t *testing.T, r *running)) {
	synctest.Test(t, func(t *testing.T) {
		r := &running{}
		r.issuer = &issuer{now: r.wall, busy: map[string]int{}}
		r.programs = &programs{now: r.wall, published: map[string][]rolestore.Credentials{}, refused: map[string][]time.Time{}}
		r.Rotator = New(Config{Source: r.issuer, Sink: r.programs, Now: r.wall, Recheck: recheck, Logger: log})
		r.stop = func() {}
		defer func() { r.stop() }()
		test(t, r)
	})
}

// start calls Run.
func (r *running) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
}

// rotating runs a test with a Rotator that runs.
func rotating(t *testing.T, test func(t *testing.T, r *running)) {
	inBubble(t, nil, func(t *testing.T, r *running) {
		r.start(t)
		test(t, r)
	})
}

// put adds an instance without credentials.
func (r *running) put(id string) {
	r.Put(withRole(id, "web"), Schedule{})
	synctest.Wait()
}

// later lets d go by.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func withRole(id, role string) rolestore.Instance {
	return rolestore.Instance{ID: id, Profile: rolestore.InstanceProfile{
		Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/" + role},
	}}
}

// untilEnd is an answer that never comes.
func untilEnd(ctx context.Context, _ rolestore.Instance) (rolestore.Credentials, error) {
	<-ctx.Done()
	return rolestore.Credentials{}, errors.Join(errors.New("no answer"), ctx.Err())
}
