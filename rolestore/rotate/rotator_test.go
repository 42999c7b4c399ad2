package rotate

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

func TestCredentialsAreReplacedHourly(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		for hour := range 24 {
			if got := len(r.programs.publications("i-1")); got < hour*60/66+1 || got > hour*60/54+1 {
				t.Fatalf("after %d hours there were %d publications", hour, got)
			}
			s, ok := r.Schedule("i-1")
			if left := s.Autonomy(r.wall()); !ok || left < Lifetime-67*time.Minute {
				t.Fatalf("after %d hours %s are left", hour, left)
			}
			later(time.Hour)
		}
		if refused := r.programs.refusals("i-1"); len(refused) > 0 {
			t.Errorf("refused at %v", refused)
		}
	})
}

func TestScheduleTellsWhatIsKnown(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		if s, ok := r.Schedule("i-1"); ok || s != (Schedule{}) {
			t.Errorf("of an unknown instance: %+v, %t", s, ok)
		}
		r.put("i-1")
		fetched := r.wall()
		s, ok := r.Schedule("i-1")
		want := r.programs.publications("i-1")[0]
		if !ok || s.Credentials != want || s.Err != nil || !s.Attempted.Equal(fetched) {
			t.Errorf("after a success: %+v, %t", s, ok)
		}
		r.issuer.fail(errUnreachable)
		later(67 * time.Minute)
		s, _ = r.Schedule("i-1")
		if s.Credentials != want || s.Failures == 0 || !errors.Is(s.Err, errUnreachable) || !s.Next.After(s.Attempted) {
			t.Errorf("after a failure: %+v", s)
		}
		r.Remove("i-1")
		if s, ok := r.Schedule("i-1"); ok {
			t.Errorf("of a removed instance: %+v", s)
		}
	})
}

func TestAnInstanceWithoutARoleIsNotRotated(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.Put(rolestore.Instance{ID: "i-1"}, Schedule{})
		later(time.Hour)
		r.put("i-2")
		r.Put(rolestore.Instance{ID: "i-2"}, Schedule{})
		later(24 * time.Hour)
		if asked, _ := r.issuer.calls(); len(asked) != 1 {
			t.Errorf("asked for %v", asked)
		}
		if _, ok := r.Schedule("i-2"); ok {
			t.Error("an instance whose role was taken away has a schedule")
		}
	})
}

func TestAResumedInstanceWaitsForItsTurn(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		c := living(r.wall().Add(-30*time.Minute), Lifetime)
		r.Put(withRole("i-1", "web"), Resume("i-1", c))
		later(20 * time.Minute)
		if asked, _ := r.issuer.calls(); len(asked) > 0 {
			t.Error("asked too early")
		}
		later(20 * time.Minute)
		if got := r.programs.publications("i-1"); len(got) != 1 {
			t.Errorf("published %d times", len(got))
		}
	})
}

// TestASuspendedMachineNoticesThatTimeHasPassed moves the wall clock while the
// timers stand still, as they do in suspend.
func TestASuspendedMachineNoticesThatTimeHasPassed(t *testing.T) {
	for name, by := range map[string]time.Duration{"hours asleep": 8 * time.Hour, "a clock set back": -9 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			rotating(t, func(t *testing.T, r *running) {
				r.put("i-1")
				later(25 * time.Second) // anywhere between two looks
				r.setClock(by)
				later(recheck)
				if got := r.programs.publications("i-1"); len(got) != 2 || got[1].Left(r.wall()) < Lifetime-recheck {
					t.Errorf("published %d times, want a second time", len(got))
				}
				later(recheck)
				if asked, _ := r.issuer.calls(); len(asked) != 2 {
					t.Errorf("asked %d times", len(asked))
				}
			})
		})
	}
}

// TestDeadlinesAreWallTimes runs outside a bubble, in which time.Now has no
// monotonic reading.
func TestDeadlinesAreWallTimes(t *testing.T) {
	if now := New(Config{Now: time.Now}).now(); now != now.Round(0) {
		t.Errorf("%s would be compared by a clock that stands still in suspend", now)
	}
}

func TestAHangingFetchEndsByItsTimeout(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(untilEnd)
		r.put("i-1")
		later(fetchTimeout - time.Nanosecond)
		if s, _ := r.Schedule("i-1"); s.Failures != 0 {
			t.Errorf("given up early: %+v", s)
		}
		later(time.Nanosecond)
		if s, _ := r.Schedule("i-1"); s.Failures != 1 || !errors.Is(s.Err, context.DeadlineExceeded) {
			t.Errorf("after the time-out: %+v", s)
		}
		r.issuer.mend()
		later(2 * firstRetry)
		if got := r.programs.publications("i-1"); len(got) != 1 {
			t.Errorf("published %d times", len(got))
		}
	})
}

func TestRunReturnsAtOnceAndForgetsWhatItInterrupts(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		r.issuer.set(untilEnd)
		r.put("i-2")
		began := time.Now()
		r.stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("Run returned %s after its end", took)
		}
		if s, _ := r.Schedule("i-2"); s.Failures != 0 || s.Err != nil {
			t.Errorf("the interrupted fetch counts as a failure: %+v", s)
		}
		if asked, _ := r.issuer.calls(); len(asked) != 2 {
			t.Errorf("asked for %v", asked)
		}
	})
}

func TestRunLeavesNoFetchBehind(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(r.issuer.slow)
		r.put("i-1")
		r.stop()
		if r.issuer.all != 0 || len(r.programs.publications("i-1")) > 0 {
			t.Errorf("after Run %d fetches are under way, and %d have published", r.issuer.all, len(r.programs.publications("i-1")))
		}
	})
}

func TestIncompleteCredentialsAreAFailure(t *testing.T) {
	for name, change := range map[string]func(*rolestore.Credentials){
		"nothing":          func(c *rolestore.Credentials) { *c = rolestore.Credentials{} },
		"no secret":        func(c *rolestore.Credentials) { c.SecretAccessKey = rolestore.Secret{} },
		"expired at birth": func(c *rolestore.Credentials) { c.Expiration = c.LastUpdated },
	} {
		t.Run(name, func(t *testing.T) {
			rotating(t, func(t *testing.T, r *running) {
				r.put("i-1")
				r.issuer.set(func(context.Context, rolestore.Instance) (rolestore.Credentials, error) {
					c := living(r.wall(), Lifetime)
					change(&c)
					return c, nil
				})
				later(70 * time.Minute)
				s, _ := r.Schedule("i-1")
				if !errors.Is(s.Err, rolestore.ErrIncompleteCredentials) || s.Failures < 3 {
					t.Errorf("the schedule is %+v", s)
				}
				if got := r.programs.publications("i-1"); len(got) != 1 || s.Credentials != got[0] {
					t.Errorf("published %d times", len(got))
				}
			})
		})
	}
}

func TestTheLogTellsInstancesAndNoSecrets(t *testing.T) {
	var out strings.Builder
	inBubble(t, slog.New(slog.NewTextHandler(&out, nil)), func(t *testing.T, r *running) {
		r.start(t)
		r.put("i-1")
		r.issuer.fail(errUnreachable)
		later(70 * time.Minute)
		r.stop()
		synctest.Wait()
	})
	for _, want := range []string{"credentials refreshed", "credentials not refreshed", "instance_id=i-1", "role=web", `err="connection refused"`, "valid_for=4h"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, secret := range []rolestore.Secret{living(noon, 0).SecretAccessKey, living(noon, 0).SessionToken} {
		if strings.Contains(out.String(), secret.Reveal()) {
			t.Errorf("the log shows %s", secret.Reveal())
		}
	}
}
