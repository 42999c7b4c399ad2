package imds_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/rolestore"
)

// twenty lets each instance ask twenty times at once, and ten times a second.
func twenty(c *imds.Config) { c.Requests = imds.Limit{PerSecond: 10, Burst: 20} }

// passes counts how many of n requests of an instance are not refused for their number,
// each by a connection of its own.
func (h *host) passes(t *testing.T, id string, n int, lines ...string) (passed int) {
	t.Helper()
	for range n {
		switch resp := h.ask(t, id, lines...); resp.StatusCode {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		default:
			passed++
		}
	}
	return passed
}

const unknown = "GET /latest/nothing HTTP/1.1"

func TestWhoAsksTooOftenIsRefusedAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // refusals leave at their pace
		h := newHost(t, twenty)
		h.Put(web())
		h.Put(db())
		if got := h.passes(t, webID, 25, unknown, hostIP); got != 20 {
			t.Errorf("%d at once, want 20", got)
		}
		resp := h.ask(t, webID, "PUT "+tokenPath+" HTTP/1.1", hostIP, ttlHeader+": 60")
		if got := body(t, resp); resp.StatusCode != 503 || got != "" || resp.Header.Get("Server") != "EC2ws" || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s %v %q", resp.Status, resp.Header, got)
		}
		if got := h.passes(t, dbID, 20, unknown, hostIP); got != 20 {
			t.Errorf("another instance: %d, want 20", got)
		}
		if got, want := h.Calls(webID), uint64(6); got.Throttled != want || got.TokensThrottled != 0 {
			t.Errorf("counted %+v, want %d", got, want)
		}
		if got := h.Calls(dbID); got.Throttled != 0 {
			t.Errorf("another instance has %+v", got)
		}
		if r, ok := h.LastRefusal(webID); !ok || r.Status != 503 || !strings.Contains(r.Reason, "more often") || !strings.Contains(r.Remedy, "--request-rate") {
			t.Errorf("told %+v", r)
		}
		h.Put(web()) // an update
		for _, later := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {99 * time.Millisecond, 0}, {time.Millisecond, 1}, {time.Second, 10}, {time.Hour, 20}} {
			h.sleep(later.wait)
			if got := h.passes(t, webID, 25, unknown, hostIP); got != later.want {
				t.Errorf("after another %v: %d, want %d", later.wait, got, later.want)
			}
		}
		h.Remove(webID)
		h.Put(web())
		if got := h.passes(t, webID, 25, unknown, hostIP); got != 20 {
			t.Errorf("in the next life: %d, want 20", got)
		}
	})
}

// TestEveryRequestCounts has one of each kind, refused for another reason or not, and the
// next is one too many.
func TestEveryRequestCounts(t *testing.T) {
	for name, lines := range map[string][]string{
		"metadata":           {"GET /latest/meta-data/ HTTP/1.1", hostIP},
		"no token":           {unknown, hostIP},
		"a bad token":        {unknown, hostIP, sessHeader + ": x"},
		"another host":       {unknown, "Host: example.com"},
		"a token":            {"PUT " + tokenPath + " HTTP/1.1", hostIP, ttlHeader + ": 60"},
		"a token's bad life": {"PUT " + tokenPath + " HTTP/1.1", hostIP},
		"another method":     {"DELETE / HTTP/1.1", hostIP},
		"the server":         {"OPTIONS * HTTP/1.1", hostIP},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, func(c *imds.Config) { c.Requests = imds.Limit{PerSecond: 1, Burst: 1} })
			h.Put(web())
			if got := h.passes(t, webID, 2, lines...); got != 1 {
				t.Errorf("%d passed, want 1", got)
			}
		})
	}
}

// TestALongHeaderCountsAsSeveralRequests has what takes as long to read as several count
// as several, whether it is let in or refused.
func TestALongHeaderCountsAsSeveralRequests(t *testing.T) {
	many := append([]string{unknown, hostIP}, slices.Repeat([]string{"X: y"}, 4*32)...) // 5 requests' worth
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, twenty)
		h.Put(web())
		if got := h.passes(t, webID, 1, many...) + h.passes(t, webID, 25, unknown, hostIP); got != 16 {
			t.Errorf("%d passed, want the long one and 15", got)
		}
		h.sleep(time.Hour)
		if got := h.passes(t, webID, 5, many...); got != 4 {
			t.Errorf("%d long ones passed, want 4", got)
		}
		h.sleep(time.Hour)
		huge := append([]string{unknown, hostIP}, slices.Repeat([]string{"X: y"}, 100*32)...)
		if got := h.passes(t, webID, 2, huge...); got != 1 {
			t.Errorf("%d passed that are worth more than all at once, want 1", got)
		}
		began := time.Now()
		h.passes(t, webID, 3, many...)
		if held := time.Since(began); held < 2*5*2*time.Millisecond { // of the bubble's clock
			t.Errorf("three refusals left within %v", held)
		}
	})
}

func TestTokensHaveALimitOfTheirOwn(t *testing.T) {
	h := newHost(t, func(c *imds.Config) { c.NewTokens = imds.Limit{PerSecond: 1, Burst: 2} })
	h.Put(web())
	h.Put(db())
	token := sessHeader + ": " + h.token(t, webID)
	put := []string{"PUT " + tokenPath + " HTTP/1.1", hostIP, ttlHeader + ": 60"}
	if got := h.passes(t, webID, 3, put...); got != 1 {
		t.Errorf("%d more tokens, want 1", got)
	}
	if r, ok := h.LastRefusal(webID); !ok || r.Status != 503 || !strings.Contains(r.Remedy, "--token-rate") {
		t.Errorf("told %+v", r)
	}
	if got := strings.Count(h.log.String(), "metadata request refused"); got != 1 {
		t.Errorf("told %d times, want once", got)
	}
	if got := h.Calls(webID); got.TokensThrottled != 2 || got.Throttled != 0 {
		t.Errorf("counted %+v", got)
	}
	if resp := h.ask(t, webID, "GET /latest/meta-data/instance-id HTTP/1.1", hostIP, token); resp.StatusCode != 200 {
		t.Errorf("with a token of before: %s", resp.Status)
	}
	if got := h.passes(t, dbID, 2, put...); got != 2 {
		t.Errorf("another instance's tokens: %d, want 2", got)
	}
	h.sleep(time.Second)
	if got := h.passes(t, webID, 2, put...); got != 1 {
		t.Errorf("after a second: %d, want 1", got)
	}
}

// TestRefusedTokensLeaveAtTheirPace as other refusals do: a flood for tokens costs us no more.
func TestRefusedTokensLeaveAtTheirPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, func(c *imds.Config) { c.NewTokens = imds.Limit{PerSecond: 1, Burst: 1} })
		h.Put(web())
		began := time.Now()
		h.passes(t, webID, 1+3, "PUT "+tokenPath+" HTTP/1.1", hostIP, ttlHeader+": 60")
		if took := time.Since(began); took != (0+2+4)*time.Millisecond { // of the bubble's clock, as the host's stands still
			t.Errorf("three refusals left within %v", took)
		}
	})
}

func TestContainersAreLimitedToo(t *testing.T) {
	for name, tc := range map[string]struct {
		form   imds.Form
		i      rolestore.Instance
		lines  []string
		status int
		text   string
	}{
		"task": {imds.Task, task(), []string{taskLine(task()), taskHost}, 503, `"code":"ThrottlingException"`},
		"pod":  {imds.Pod, pod(), []string{"GET /v1/credentials HTTP/1.1", podHost, "Authorization: " + podToken(t, pod().Containers.Pod)}, 429, "Too Many Requests\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newContainerHost(t, tc.form, twenty)
				h.Put(tc.i)
				h.Publish(tc.i, credentials())
				if got := h.passes(t, webID, 25, tc.lines...); got != 20 {
					t.Errorf("%d at once, want 20", got)
				}
				resp := h.ask(t, webID, tc.lines...)
				if got := body(t, resp); resp.StatusCode != tc.status || !strings.Contains(got, tc.text) {
					t.Errorf("%s %s", resp.Status, got)
				}
				if r, ok := h.LastRefusal(webID); !ok || r.Status != tc.status || h.Calls(webID).Throttled != 6 {
					t.Errorf("told %+v, counted %+v", r, h.Calls(webID))
				}
				if got := strings.Count(h.log.String(), "metadata request refused"); got != 1 {
					t.Errorf("told %d times, want once", got)
				}
			})
		})
	}
}

// TestRefusalsLeaveOneAfterTheOther has all refused at the same moment: each waits for
// those before it, no other instance waits, and who leaves is not waited for.
func TestRefusalsLeaveOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, func(c *imds.Config) { c.Requests = imds.Limit{PerSecond: 1, Burst: 1} })
		h.Put(web())
		h.Put(db())
		h.ask(t, webID, unknown, hostIP)
		began := time.Now()
		var all sync.WaitGroup
		for range 1500 {
			all.Go(func() { h.ask(t, webID, unknown, hostIP) })
		}
		synctest.Wait()
		if got := h.passes(t, dbID, 1, unknown, hostIP); got != 1 || time.Since(began) != 0 {
			t.Errorf("another instance waited %v", time.Since(began))
		}
		leaving, leave := context.WithCancel(h.connect(t.Context(), webID))
		gone := make(chan struct{})
		go func() {
			h.askBy(t, leaving, unknown, hostIP)
			close(gone)
		}()
		synctest.Wait()
		leave()
		<-gone
		if waited := time.Since(began); waited != 0 {
			t.Errorf("who left was answered after %v", waited)
		}
		all.Wait()
		if waited := time.Since(began); waited != 2*time.Second { // of the bubble's clock
			t.Errorf("the last was answered after %v", waited)
		}
	})
}

// TestAFloodIsToldOnceASecond counts all, and keeps the log and the record to a few.
func TestAFloodIsToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, func(c *imds.Config) { c.Requests = imds.Limit{PerSecond: 1, Burst: 1} })
		h.Put(web())
		for range 1000 {
			h.ask(t, webID, unknown, hostIP)
		}
		told := func() int { return strings.Count(h.log.String(), "the instance asks more often") }
		if got := told(); got != 1 {
			t.Errorf("told %d times, want once", got)
		}
		if got := h.Calls(webID).Throttled; got != 999 {
			t.Errorf("counted %d, want 999", got)
		}
		h.sleep(time.Second)
		h.ask(t, webID, unknown, hostIP) // passes
		h.ask(t, webID, unknown, hostIP)
		if got := told(); got != 2 || !strings.Contains(h.log.String(), "untold=998") {
			t.Errorf("told %d times, want twice: %s", got, h.log)
		}
		if r, _ := h.LastRefusal(webID); !r.Time.Equal(start.Add(time.Second)) {
			t.Errorf("the last is of %v", r.Time)
		}
	})
}
