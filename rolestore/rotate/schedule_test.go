package rotate

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

var (
	noon           = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	errUnreachable = errors.New("connection refused")
	errDenied      = fmt.Errorf("%w: not authorized to perform sts:AssumeRole", rolestore.ErrRefused)
)

// living are credentials that were issued at an instant and live for a time.
func living(issued time.Time, life time.Duration) rolestore.Credentials {
	return rolestore.Credentials{
		AccessKeyID:     "ASIAIOSFODNN7EXAMPLE",
		SecretAccessKey: rolestore.NewSecret("the secret access key"),
		SessionToken:    rolestore.NewSecret("the session token"),
		LastUpdated:     issued,
		Expiration:      issued.Add(life),
	}
}

func numbered(n int) string { return fmt.Sprintf("i-%017x", n) }

func TestSixHourCredentialsAreReplacedHourlyAndNotAllAtOnce(t *testing.T) {
	const instances = 10_000
	minutes := map[int]int{}
	for n := range instances {
		after := refreshAt(numbered(n), living(noon, Lifetime)).Sub(noon)
		if after < 54*time.Minute || after > 66*time.Minute {
			t.Fatalf("%s is due after %s, want an hour, a tenth more or less", numbered(n), after)
		}
		minutes[int(after/time.Minute)]++
	}
	for minute := 54; minute < 66; minute++ {
		if got := minutes[minute]; got < instances/14 || got > instances/10 {
			t.Errorf("%d of %d instances are due in minute %d, want a fourteenth to a tenth", got, instances, minute)
		}
	}
}

func TestWhenCredentialsAreReplaced(t *testing.T) {
	for _, test := range []struct {
		name               string
		life, least, after time.Duration // due between least and after
	}{
		{"twelve hours", 12 * time.Hour, 108 * time.Minute, 132 * time.Minute},
		{"an hour", time.Hour, 9 * time.Minute, 11 * time.Minute},
		{"half an hour, of which 25 minutes are to be left", 30 * time.Minute, 270 * time.Second, 5 * time.Minute},
		{"26 minutes, of which 25 are to be left", 26 * time.Minute, time.Minute, time.Minute},
		{"less than anybody wants left: the shortest session of STS", 15 * time.Minute, 135 * time.Second, 165 * time.Second},
		{"less than a minute more than is to be left", minLeft + time.Second, minInterval, minInterval},
		{"seconds", 10 * time.Second, minInterval, minInterval},
		{"centuries", 1<<63 - 1, time.Hour, 1<<63 - 1},
	} {
		var s Schedule
		s.Succeed(numbered(1), living(noon, test.life), noon)
		if got := s.Next.Sub(noon); got < test.least || got > test.after {
			t.Errorf("%s: due after %s, want %s to %s", test.name, got, test.least, test.after)
		}
	}
}

func TestAnOldAnswerIsNotAskedForAgainAtOnce(t *testing.T) {
	var s Schedule
	s.Succeed(numbered(1), living(noon.Add(-5*time.Hour), Lifetime), noon)
	if got := s.Next.Sub(noon); got != minInterval {
		t.Errorf("due after %s, want %s", got, minInterval)
	}
}

func TestResumedCredentialsAreDueWhenTheyWouldHaveBeen(t *testing.T) {
	var running Schedule
	running.Succeed(numbered(1), living(noon, Lifetime), noon)
	if resumed := Resume(numbered(1), running.Credentials); resumed != running {
		t.Errorf("Resume = %+v, want %+v", resumed, running)
	}
}

func TestBackoffDoublesToAMinute(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 16 * time.Second,
		6: 32 * time.Second, 7: time.Minute, 8: time.Minute, 11: time.Minute, 64: time.Minute, 1 << 40: time.Minute,
	} {
		seen := map[time.Duration]bool{}
		for n := range 100 {
			got := backoff(numbered(n), failures)
			if got < want*9/10 || got > want*11/10 {
				t.Errorf("after %d failures: %s, want %s, a tenth more or less", failures, got, want)
			}
			seen[got] = true
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures 100 instances wait for %d different times", failures, len(seen))
		}
	}
	if backoff(numbered(1), 8) == backoff(numbered(1), 9) {
		t.Error("two instances that met once would meet at every retry")
	}
}

func TestAFailureHidesNothing(t *testing.T) {
	var s Schedule
	c := living(noon, Lifetime)
	s.Succeed("i-1", c, noon)
	s.Fail("i-1", errUnreachable, noon.Add(time.Hour))
	s.Fail("i-1", errDenied, noon.Add(2*time.Hour))
	if s.Credentials != c || s.Failures != 2 || !errors.Is(s.Err, errDenied) || !s.Attempted.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("after two failures: %+v", s)
	}
	if got := s.Autonomy(noon.Add(2 * time.Hour)); got != 4*time.Hour {
		t.Errorf("Autonomy = %s, want 4h", got)
	}
	if got := s.Autonomy(noon.Add(7 * time.Hour)); got != 0 {
		t.Errorf("Autonomy of expired credentials = %s", got)
	}
	s.Succeed("i-1", c, noon)
	if s.Failures != 0 || s.Err != nil || s.Withdrawn(c.Expiration) {
		t.Errorf("a success leaves %+v", s)
	}
}

func TestWhenARoleIsWithdrawn(t *testing.T) {
	end := noon.Add(Lifetime)
	for _, test := range []struct {
		name   string
		had    bool // credentials until end
		errors []error
		at     time.Time
		want   bool
	}{
		{"never asked", false, nil, noon, false},
		{"never reached", false, []error{errUnreachable}, noon, false},
		{"refused from the start", false, []error{errDenied}, noon, true},
		{"refused while credentials last", true, []error{errDenied}, end.Add(-time.Second), false},
		{"refused when they have ended", true, []error{errDenied}, end, true},
		{"out of reach when they have ended", true, []error{errUnreachable}, end.Add(time.Hour), false},
		{"refused, then out of reach", true, []error{errDenied, errUnreachable}, end, true},
		{"out of reach, then refused", true, []error{errUnreachable, errDenied}, end, true},
	} {
		var s Schedule
		if test.had {
			s.Succeed("i-1", living(noon, Lifetime), noon)
		}
		for _, err := range test.errors {
			s.Fail("i-1", err, noon)
		}
		if got := s.Withdrawn(test.at); got != test.want {
			t.Errorf("%s: Withdrawn = %t", test.name, got)
		}
	}
}

func TestAClockThatIsSetBackPostponesNothing(t *testing.T) {
	var failed, fresh Schedule
	failed.Fail("i-1", errUnreachable, noon)
	fresh.Succeed("i-1", living(noon, Lifetime), noon)
	for name, s := range map[string]Schedule{"a retry": failed, "a refresh": fresh} {
		if s.due(noon) || !s.due(noon.Add(-time.Hour)) || !s.due(s.Next) || s.due(s.Next.Add(-time.Millisecond)) {
			t.Errorf("%s is due at the wrong time: %+v", name, s)
		}
	}
	if !(&Schedule{}).due(noon) {
		t.Error("the zero schedule is not due")
	}
}
