package rotate

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// slow is an answer that takes a second and does not look at its context.
func (s *issuer) slow(context.Context, rolestore.Instance) (rolestore.Credentials, error) {
	time.Sleep(time.Second)
	return living(s.now(), Lifetime), nil
}

func TestAfterAnOutageTheNearestExpiryGoesFirstAndSixteenAtOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *running) {
		const instances = 3*parallel + 2
		r.issuer.set(r.issuer.slow)
		order := make([]string, instances)
		for n := instances - 1; n >= 0; n-- { // put in the wrong order, by names that tell nothing
			order[n] = numbered(n * 37 % 1000)
			s := Schedule{}
			if n >= 3 { // the first three have no credentials
				s.Credentials = living(r.wall().Add(-Lifetime+time.Duration(n)*time.Minute), Lifetime)
			}
			r.Put(withRole(order[n], "web"), s)
		}
		r.start(t)
		later(time.Minute)
		asked, at := r.issuer.calls()
		if len(asked) != instances || r.issuer.mostAll != parallel {
			t.Fatalf("asked %d times, %d at once", len(asked), r.issuer.mostAll)
		}
		for n, id := range order {
			if got, want := at[slices.Index(asked, id)].Sub(at[0]), time.Duration(n/parallel)*time.Second; got != want {
				t.Errorf("number %d was asked for after %s, want %s", n, got, want)
			}
		}
	})
}

func TestAtMostOneFetchForAnInstance(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(r.issuer.slow)
		for range 5 {
			r.put("i-1")
			later(100 * time.Millisecond)
		}
		r.Remove("i-1")
		r.put("i-1")
		later(time.Minute)
		if asked, _ := r.issuer.calls(); r.issuer.mostOne != 1 || len(asked) != 2 {
			t.Errorf("asked %d times, %d at once, want the dropped one and the one after it", len(asked), r.issuer.mostOne)
		}
		if got := r.programs.publications("i-1"); len(got) != 1 {
			t.Errorf("published %d times", len(got))
		}
	})
}

func TestTheAnswerForARemovedInstanceIsDropped(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		for _, answer := range []error{nil, errUnreachable, errDenied} {
			r.issuer.set(func(context.Context, rolestore.Instance) (rolestore.Credentials, error) {
				time.Sleep(2 * fetchTimeout) // longer than its context lasts
				return living(r.wall(), Lifetime), answer
			})
			r.put("i-1")
			later(fetchTimeout)
			r.Remove("i-1")
			later(time.Hour)
		}
		if _, ok := r.Schedule("i-1"); ok || len(r.programs.publications("i-1")) > 0 || len(r.programs.refusals("i-1")) > 0 {
			t.Error("a removed instance came back")
		}
		if asked, _ := r.issuer.calls(); len(asked) != 3 {
			t.Errorf("asked for %v", asked)
		}
	})
}

func TestTheAnswerForAnEarlierRoleIsDropped(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(r.issuer.slow)
		r.put("i-1")
		r.Put(withRole("i-1", "database"), Schedule{})
		later(time.Minute)
		if got := r.programs.roles; !slices.Equal(got, []string{"database"}) {
			t.Errorf("published the roles %v", got)
		}
	})
}

func TestANewRoleDoesNotWaitForAnAnswerThatHangs(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(untilEnd)
		r.put("i-1")
		r.issuer.mend()
		r.Put(withRole("i-1", "database"), Schedule{})
		synctest.Wait()
		if got := r.programs.roles; !slices.Equal(got, []string{"database"}) {
			t.Errorf("published the roles %v", got)
		}
	})
}

func TestOneThatHangsHoldsUpNoOther(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.issuer.set(func(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error) {
			if i.ID == "i-1" {
				return untilEnd(ctx, i)
			}
			return living(r.wall(), Lifetime), nil
		})
		r.put("i-1")
		r.put("i-2")
		if got := r.programs.publications("i-2"); len(got) != 1 {
			t.Errorf("published %d times", len(got))
		}
	})
}
