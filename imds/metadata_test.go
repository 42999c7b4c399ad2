package imds_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

const infoPath = "/latest/meta-data/iam/info"

// asked is a request in progress.
func (h *host) asked(t *testing.T, ctx context.Context, path string) <-chan *http.Response {
	tok := h.token(t, webID)
	conn := h.connect(ctx, webID)
	replies := make(chan *http.Response, 1)
	go func() {
		replies <- h.askBy(t, conn, "GET "+path+" HTTP/1.1", hostIP, sessHeader+": "+tok)
	}()
	return replies
}

// awaited is a request for what is not there yet, and what happens while it waits.
type awaited struct {
	path  string
	after time.Duration
	event func(*host)
	want  int
}

func (tc awaited) check(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		h.Put(db())
		replies := h.asked(t, t.Context(), tc.path)
		time.Sleep(tc.after)
		tc.event(h)
		if resp := <-replies; resp.StatusCode != tc.want {
			t.Errorf("got %s, want %d", resp.Status, tc.want)
		}
	})
}

func TestFirstDocumentIsWaitedFor(t *testing.T) {
	otherRole := web()
	otherRole.Profile.Role.ARN = "arn:aws:iam::123456789012:role/other"
	moved := web()
	moved.Placement.AvailabilityZone = "eu-west-1c"
	for name, tc := range map[string]awaited{
		"credentials that come in time are answered":       {rolePath, 399 * time.Millisecond, publish, 200},
		"iam/info comes with them":                         {infoPath, 399 * time.Millisecond, publish, 200},
		"a refusal is an answer too":                       {rolePath, 100 * time.Millisecond, func(h *host) { h.Refuse(web()) }, 200},
		"credentials that come too late are not there yet": {rolePath, 401 * time.Millisecond, publish, 503},
		"another instance's credentials do not count":      {rolePath, 100 * time.Millisecond, func(h *host) { h.Publish(db(), credentials()) }, 503},
		"an update of the instance fills nothing":          {infoPath, 100 * time.Millisecond, func(h *host) { h.Put(moved) }, 503},
		"an update of the instance ends no wait":           {rolePath, 100 * time.Millisecond, func(h *host) { h.Put(moved); publish(h) }, 200},
		"an update does not start the wait anew":           {rolePath, 399 * time.Millisecond, func(h *host) { h.Put(moved); time.Sleep(2 * time.Millisecond); publish(h) }, 503},
		"a role taken away is gone":                        {rolePath, 100 * time.Millisecond, func(h *host) { h.Put(otherRole); publish(h) }, 404},
		"an instance taken away is gone":                   {rolePath, 100 * time.Millisecond, func(h *host) { h.Remove(webID); h.Put(web()); publish(h) }, 403},
	} {
		t.Run(name, tc.check)
	}
}

func publish(h *host) { h.Publish(web(), credentials()) }

func TestWaitIsWokenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		replies := h.asked(t, t.Context(), rolePath)
		synctest.Wait()
		publish(h)
		asked := time.Now()
		<-replies
		if waited := time.Since(asked); waited != 0 { // of the bubble's clock
			t.Errorf("woken %v later", waited)
		}
	})
}

func TestWaitEndsAtOnceWithTheInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		replies := h.asked(t, t.Context(), rolePath)
		synctest.Wait()
		removed := time.Now()
		h.Remove(webID)
		if resp := <-replies; resp.StatusCode != http.StatusForbidden || time.Since(removed) != 0 { // of the bubble's clock
			t.Errorf("got %s after %v", resp.Status, time.Since(removed))
		}
	})
}

func TestWaitEndsWhenTheCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		ctx, leave := context.WithCancel(t.Context())
		replies := h.asked(t, ctx, rolePath)
		synctest.Wait()
		asked := time.Now()
		leave()
		// A caller that only closed its sending side still reads the reply.
		if resp := <-replies; resp.StatusCode != http.StatusServiceUnavailable || time.Since(asked) != 0 {
			t.Errorf("got %s after %v", resp.Status, time.Since(asked))
		}
	})
}

func TestOnlyTheRolesDocumentsAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		asked := time.Now()
		for path, want := range map[string]int{
			listPath:                         200,
			"/latest/meta-data/instance-id":  200,
			listPath + "another-role":        404,
			"/2011-05-01/meta-data/iam/info": 404,
		} {
			if resp := h.get(t, path); resp.StatusCode != want {
				t.Errorf("%s: got %s, want %d", path, resp.Status, want)
			}
		}
		if waited := time.Since(asked); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestNotReadyHasNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.Put(web())
		resp := h.get(t, rolePath)
		if resp.StatusCode != http.StatusServiceUnavailable || body(t, resp) != "" || resp.Header.Get("Content-Length") != "0" {
			t.Errorf("got %s with length %s", resp.Status, resp.Header.Get("Content-Length"))
		}
	})
}
