package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func waiting() Instance {
	return Instance{ID: webID, State: StateWaiting, StateReason: "waiting for device tap-web", RoleARN: "arn:aws:iam::123456789012:role/web"}
}

func attached() Instance {
	i := waiting()
	i.State, i.StateReason = StateAttached, ""
	return i
}

func ready() Instance {
	i := attached()
	i.AccessKeyID = "ASIAEXAMPLE"
	return i
}

type outcome struct {
	instance Instance
	err      error
}

// await calls Ready in the background, and returns when the agent has it waiting.
func (s *served) await(ctx context.Context, wait time.Duration) <-chan outcome {
	s.t.Helper()
	end := make(chan outcome, 1)
	go func() {
		i, err := s.client.Ready(ctx, webID, wait)
		end <- outcome{i, err}
	}()
	within(s.t, s.waits)
	return end
}

func TestWhoWaitsIsToldAtTheEvent(t *testing.T) {
	s := serve(t)
	s.set(waiting())
	end := s.await(t.Context(), maxWait)
	s.set(attached())
	select {
	case o := <-end:
		t.Fatalf("without credentials: %+v", o)
	default:
	}
	s.set(ready())
	if o := within(t, end); o.err != nil || o.instance.AccessKeyID == "" {
		t.Errorf("ready: %+v", o)
	}
}

func TestAnInstanceThatIsReadyIsAnsweredAtOnce(t *testing.T) {
	s := serve(t)
	s.set(ready())
	if i, err := s.client.Ready(t.Context(), webID, 0); err != nil || i.ID != webID {
		t.Errorf("%+v, %v", i, err)
	}
	if status, text := s.send(http.MethodGet, "/v1/instances/"+webID+"/ready", ""); status != http.StatusOK {
		t.Errorf("without a wait: %d %s", status, text)
	}
}

func TestTheEndOfAWaitSaysWhatIsMissing(t *testing.T) {
	s := serve(t)
	refused := attached()
	refused.LastError = "the issuer does not answer"
	failed := attached()
	failed.State, failed.StateReason = StateFailed, "tap-web is no Ethernet device"
	for want, i := range map[string]Instance{
		"waiting for device tap-web":                                    waiting(),
		"waiting for the first credentials":                             attached(),
		"waiting for the first credentials: the issuer does not answer": refused,
		"failed: tap-web is no Ethernet device":                         failed,
	} {
		s.set(i)
		_, err := s.client.Ready(t.Context(), webID, time.Millisecond)
		if !errors.Is(err, ErrNotReady) || !strings.HasSuffix(err.Error(), "not ready: instance "+webID+": "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAWaitForWhatNeverComesEnds(t *testing.T) {
	s := serve(t)
	if _, err := s.client.Ready(t.Context(), webID, maxWait); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown instance: %v", err)
	}
	s.set(waiting())
	end := s.await(t.Context(), maxWait)
	ended := waiting()
	ended.State, ended.StateReason = StateEnded, "device tap-web is gone"
	s.set(ended)
	if o := within(t, end); !errors.Is(o.err, ErrConflict) || !strings.Contains(o.err.Error(), "409 Conflict: the instance has ended: device tap-web is gone") {
		t.Errorf("an instance that ends: %v", o.err)
	}
}

func TestACallerWhoLeavesIsNotWaitedFor(t *testing.T) {
	s := serve(t)
	s.set(waiting())
	ctx, leave := context.WithCancel(t.Context())
	end := s.await(ctx, maxWait)
	leave()
	if err := within(t, s.left); !errors.Is(err, context.Canceled) {
		t.Errorf("the waiting ended with %v", err)
	}
	if o := within(t, end); !errors.Is(o.err, context.Canceled) {
		t.Errorf("the client returns %v", o.err)
	}
}

func TestAnAgentThatStopsLetsNobodyWait(t *testing.T) {
	s := serve(t)
	s.set(waiting())
	end := s.await(t.Context(), maxWait)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if o := within(t, end); !errors.Is(o.err, ErrNotReady) || !strings.Contains(o.err.Error(), "the agent is stopping") {
		t.Errorf("who waited got %v", o.err)
	}
}

// The server's limits for slow callers are shorter than a wait may be.
func TestAWaitOutlastsTheServersTimeouts(t *testing.T) {
	s := serve(t, func(s *http.Server) {
		s.ReadTimeout, s.WriteTimeout = 10*time.Millisecond, 10*time.Millisecond
	})
	s.set(waiting())
	_, err := s.client.Ready(t.Context(), webID, 200*time.Millisecond)
	if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "waiting for device tap-web") {
		t.Error(err)
	}
}

func TestAWaitHasBounds(t *testing.T) {
	s := serve(t)
	s.set(ready())
	for _, wait := range []string{"-1s", "5m1s", "5", "soon", ""} {
		if status, text := s.send(http.MethodGet, "/v1/instances/"+webID+"/ready?wait="+wait, ""); status != 400 || !strings.Contains(text, "want a duration from 0s to 5m0s") {
			t.Errorf("wait=%s: %d %s", wait, status, text)
		}
	}
	if status, _ := s.send(http.MethodGet, "/v1/instances/"+webID+"/ready?wait=5m", ""); status != 200 {
		t.Errorf("wait=5m: %d", status)
	}
}
