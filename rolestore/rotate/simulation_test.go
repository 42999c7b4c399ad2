package rotate

import (
	"testing"
	"time"
)

// TestADayWithAnOutageOfHours has a host with fifty instances live through a
// day, of which the issuer is away from 08:00 to 14:00: longer than anybody's
// credentials last.
func TestADayWithAnOutageOfHours(t *testing.T) {
	const (
		instances = 50
		from, to  = 8 * time.Hour, 14 * time.Hour
	)
	rotating(t, func(t *testing.T, r *running) {
		for n := range instances {
			r.put(numbered(n))
		}
		began := r.wall()
		for minute := range 24 * 60 {
			now := time.Duration(minute) * time.Minute
			if now == from {
				r.issuer.fail(errUnreachable)
			}
			if now == to {
				r.issuer.mend()
			}
			for n := range instances {
				s, _ := r.Schedule(numbered(n))
				var least time.Duration
				switch {
				case now < from, now > to+2*time.Minute:
					least = Lifetime - 68*time.Minute
				case now < to:
					least = Lifetime - 68*time.Minute - (now - from)
				}
				if s.Credentials.AccessKeyID == "" || s.Autonomy(r.wall()) < least {
					t.Fatalf("at %s %s can go on for %s, want %s", now, numbered(n), s.Autonomy(r.wall()), least)
				}
				if len(r.programs.refusals(numbered(n))) > 0 {
					t.Fatalf("at %s %s was refused", now, numbered(n))
				}
			}
			later(time.Minute)
		}
		hourly := map[int]int{}
		_, at := r.issuer.calls()
		for _, call := range at {
			hourly[int(call.Sub(began)/time.Hour)]++
		}
		for hour, calls := range hourly {
			most := 2 * instances // an hour of peace
			if hour >= int(from/time.Hour) && hour <= int(to/time.Hour) {
				most = instances * 80 // a try a minute, a tenth sooner, after six that come faster
			}
			if calls > most {
				t.Errorf("hour %d took %d fetches, want at most %d", hour, calls, most)
			}
		}
	})
}
