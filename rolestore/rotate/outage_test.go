package rotate

import (
	"testing"
	"time"
)

func TestAnOutageIsServedThroughAndEndsWithinAMinute(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		first := r.programs.publications("i-1")[0]
		r.issuer.fail(errUnreachable)
		later(10 * time.Hour)
		if s, _ := r.Schedule("i-1"); s.Credentials != first || s.Autonomy(r.wall()) != 0 {
			t.Errorf("long after their expiry the schedule is %+v", s)
		}
		if got := r.programs.publications("i-1"); len(got) != 1 {
			t.Errorf("published %d times", len(got))
		}
		if refused := r.programs.refusals("i-1"); len(refused) > 0 {
			t.Errorf("an outage is taken for a refusal, at %v", refused)
		}
		_, at := r.issuer.calls()
		for n := 2; n < len(at); n++ { // the second is the first that fails
			wait, doubled := at[n].Sub(at[n-1]), min(lastRetry, firstRetry<<min(n-2, 10))
			if wait < doubled*9/10 || wait > doubled*11/10 {
				t.Errorf("after %d failures it waited for %s, want %s, a tenth more or less", n-1, wait, doubled)
			}
		}
		r.issuer.mend()
		later(lastRetry * 11 / 10)
		if got := r.programs.publications("i-1"); len(got) != 2 {
			t.Errorf("published %d times after the outage", len(got))
		}
		if s, _ := r.Schedule("i-1"); s.Failures != 0 || s.Err != nil {
			t.Errorf("after the outage the schedule is %+v", s)
		}
	})
}

func TestARefusalTakesEffectAtExpiryAndOnce(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		for round := 1; round <= 2; round++ {
			published := r.programs.publications("i-1")
			end := published[len(published)-1].Expiration
			r.issuer.fail(errDenied)
			later(end.Sub(r.wall()) - time.Second)
			if got := r.programs.refusals("i-1"); len(got) != round-1 {
				t.Fatalf("refused at %v, while credentials last until %s", got, end)
			}
			later(24 * time.Hour)
			got := r.programs.refusals("i-1")
			if len(got) != round || !got[round-1].Equal(end) {
				t.Fatalf("refused at %v, want once at %s", got, end)
			}
			if s, _ := r.Schedule("i-1"); s.Credentials.Expiration != end {
				t.Errorf("the schedule is %+v", s)
			}
			r.issuer.mend()
			later(lastRetry * 11 / 10)
			if got := r.programs.publications("i-1"); len(got) != round+1 {
				t.Fatalf("published %d times after the role was granted again", len(got))
			}
		}
	})
}

func TestARoleThatWasNeverHadIsRefusedOnce(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.fail(errDenied)
		r.put("i-1")
		asked := r.wall()
		later(24 * time.Hour)
		if got := r.programs.refusals("i-1"); len(got) != 1 || !got[0].Equal(asked) {
			t.Errorf("refused at %v, want once at %s", got, asked)
		}
		r.issuer.mend()
		later(lastRetry * 11 / 10)
		if got := r.programs.publications("i-1"); len(got) != 1 {
			t.Errorf("published %d times after the role was granted", len(got))
		}
	})
}

func TestARefusalIsNotForgottenWhenTheIssuerFallsSilent(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		end := r.programs.publications("i-1")[0].Expiration
		r.issuer.fail(errDenied)
		later(2 * time.Hour)
		r.issuer.fail(errUnreachable)
		later(10 * time.Hour)
		if got := r.programs.refusals("i-1"); len(got) != 1 || !got[0].Equal(end) {
			t.Errorf("refused at %v, want once at %s", got, end)
		}
	})
}

func TestARefusalThatWasSleptThroughIsNoticed(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		r.issuer.fail(errDenied)
		later(70 * time.Minute)
		r.setClock(Lifetime)
		later(recheck)
		if got := r.programs.refusals("i-1"); len(got) != 1 {
			t.Errorf("refused at %v, want once", got)
		}
	})
}

func TestAnInstancePutAgainIsRefusedAgain(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.fail(errDenied)
		r.put("i-1")
		r.put("i-1")
		if got := r.programs.refusals("i-1"); len(got) != 2 {
			t.Errorf("refused at %v, want once for each life of the id", got)
		}
	})
}
