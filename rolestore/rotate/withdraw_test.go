package rotate

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

func TestRevokedCredentialsAreReplacedAtOnce(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		before := r.programs.publications("i-1")[0]
		r.Renew("i-1")
		r.Renew("i-unknown")
		synctest.Wait()
		got := r.programs.publications("i-1")
		if !slices.Equal(r.programs.withdrawn, []string{"i-1"}) || len(got) != 2 || got[1] == before {
			t.Errorf("withdrawn are %v, published %v", r.programs.withdrawn, got)
		}
		if refused := r.programs.refusals("i-1"); len(refused) > 0 {
			t.Errorf("refused at %v", refused)
		}
	})
}

func TestADeniedRoleIsRefusedAtOnceAndAskedForLater(t *testing.T) {
	rotating(t, func(t *testing.T, r *running) {
		r.put("i-1")
		r.Deny("i-1", fmt.Errorf("%w: the grant is gone", rolestore.ErrRefused))
		synctest.Wait()
		if len(r.programs.withdrawn) != 1 || len(r.programs.refusals("i-1")) != 1 {
			t.Errorf("withdrawn are %v, refused %v", r.programs.withdrawn, r.programs.refusals("i-1"))
		}
		if s, _ := r.Schedule("i-1"); s.Credentials != (rolestore.Credentials{}) || s.Err == nil || s.Failures != 1 {
			t.Errorf("the schedule is %+v", s)
		}
		later(denyDelay - time.Second)
		if n := len(r.programs.publications("i-1")); n != 1 {
			t.Errorf("within the delay there are %d publications", n)
		}
		later(2 * time.Second)
		if n := len(r.programs.publications("i-1")); n != 2 {
			t.Errorf("after the delay there are %d publications", n)
		}
		r.Deny("i-1", rolestore.ErrRefused)
		r.Retry("i-1") // the grant is there again
		synctest.Wait()
		if n := len(r.programs.publications("i-1")); n != 3 {
			t.Errorf("after Retry there are %d publications", n)
		}
		r.Retry("i-1") // nothing failed
		synctest.Wait()
		if n := len(r.programs.publications("i-1")); n != 3 {
			t.Errorf("Retry without a failure asked again: %d publications", n)
		}
	})
}
