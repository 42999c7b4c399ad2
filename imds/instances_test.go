package imds_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rolecall/rolecall/rolestore"
)

func TestPutKeepsCredentialsOfTheSameRoleAndLife(t *testing.T) {
	const good, none = 200, 503
	for name, tc := range map[string]struct {
		change func(*rolestore.Instance)
		path   string
		want   int
	}{
		"nothing changes":       {func(*rolestore.Instance) {}, rolePath, good},
		"the placement changes": {func(i *rolestore.Instance) { i.Placement.Region = "eu-north-1" }, rolePath, good},
		"the profile changes":   {func(i *rolestore.Instance) { i.Profile.ID = "AIPAEXAMPLENEW" }, rolePath, good},
		"the role changes": {func(i *rolestore.Instance) { i.Profile.Role.ARN = "arn:aws:iam::123456789012:role/other" },
			listPath + "other", none},
		"the role's account changes": {func(i *rolestore.Instance) { i.Profile.Role.ARN = "arn:aws:iam::210987654321:role/team/web-role" },
			rolePath, none},
		"the pod changes":  {func(i *rolestore.Instance) { i.Containers.Pod.UID = "another" }, rolePath, none},
		"the life changes": {func(i *rolestore.Instance) { i.Incarnation = rolestore.Incarnation{2} }, rolePath, none},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // those that find nothing wait
				h := newHost(t)
				h.Put(web())
				publish(h)
				i := web()
				tc.change(&i)
				h.Put(i)
				if resp := h.get(t, tc.path); resp.StatusCode != tc.want {
					t.Errorf("got %s, want %d", resp.Status, tc.want)
				}
			})
		})
	}
}

func TestPutIsAnsweredFromThenOn(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	publish(h)
	i := web()
	i.Profile.ID, i.Placement.Region = "AIPAEXAMPLENEW", "eu-north-1"
	h.Put(i)
	if got := body(t, h.get(t, infoPath)); !strings.Contains(got, "AIPAEXAMPLENEW") {
		t.Errorf("iam/info of the earlier profile: %s", got)
	}
	if got := body(t, h.get(t, "/latest/meta-data/placement/region")); got != "eu-north-1" {
		t.Errorf("region %s", got)
	}
	i.Profile = rolestore.InstanceProfile{}
	h.Put(i)
	for _, path := range []string{rolePath, listPath, infoPath, "/latest/meta-data/iam/"} {
		if resp := h.get(t, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s without a role: %s", path, resp.Status)
		}
	}
}

func TestConnectionEndsWithItsLife(t *testing.T) {
	again := web()
	again.Incarnation = rolestore.Incarnation{2}
	for name, end := range map[string]func(*host){
		"removed":                      func(h *host) { h.Remove(webID) },
		"removed and put again":        func(h *host) { h.Remove(webID); h.Put(again); publish(h) },
		"replaced by a later life":     func(h *host) { h.Put(again); publish(h) },
		"removed and put as it was":    func(h *host) { h.Remove(webID); h.Put(web()); publish(h) },
		"removed twice, and published": func(h *host) { h.Remove(webID); h.Remove(webID); publish(h); h.Refuse(web()) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.Put(web())
			publish(h)
			conn := h.connect(t.Context(), webID)
			tok := h.token(t, webID)
			end(h)
			resp := h.askBy(t, conn, "GET "+rolePath+" HTTP/1.1", hostIP, sessHeader+": "+tok)
			if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Connection") != "close" {
				t.Errorf("got %s, Connection: %s", resp.Status, resp.Header.Get("Connection"))
			}
		})
	}
}

func TestWhatWasFetchedForAnotherLifeOrRoleIsDropped(t *testing.T) {
	later, other, pod := web(), web(), web()
	later.Incarnation = rolestore.Incarnation{2}
	other.Profile.Role.ARN = "arn:aws:iam::123456789012:role/other"
	pod.Containers.Pod.Namespace = "shop"
	for name, fetchedFor := range map[string]rolestore.Instance{"another life": later, "another role": other, "another pod": pod} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.Put(web())
			publish(h)
			late := credentials()
			late.AccessKeyID = "ASIATOOLATE"
			h.Publish(fetchedFor, late)
			h.Refuse(fetchedFor)
			if got := body(t, h.get(t, rolePath)); !strings.Contains(got, "ASIAIOSFODNN7EXAMPLE") {
				t.Errorf("served %s", got)
			}
		})
	}
}

func TestPublishAndRefuseReplaceEachOther(t *testing.T) {
	h := newHost(t)
	h.Put(web())
	for range 2 {
		publish(h)
		if got := body(t, h.get(t, rolePath)); !strings.Contains(got, "ASIAIOSFODNN7EXAMPLE") {
			t.Errorf("published: %s", got)
		}
		h.Refuse(web())
		if got := body(t, h.get(t, rolePath)); !strings.Contains(got, "AssumeRoleUnauthorizedAccess") || strings.Contains(got, "ASIA") {
			t.Errorf("refused: %s", got)
		}
	}
}

// TestAnswersAreOfOneState asks while everything changes. An instance's answers
// name it, and its documents come whole.
func TestAnswersAreOfOneState(t *testing.T) {
	h := newHost(t)
	const instances, rounds = 4, 50
	each := func(n int) (rolestore.Instance, rolestore.Credentials) {
		i, c := web(), credentials()
		i.ID = fmt.Sprintf("i-%017x", n)
		c.AccessKeyID = "ASIA" + i.ID
		c.SessionToken = rolestore.NewSecret("token of " + i.ID)
		return i, c
	}
	var wg sync.WaitGroup
	for n := range instances {
		i, c := each(n)
		h.Put(i)
		h.Publish(i, c)
		wg.Go(func() {
			for r := range rounds {
				h.Publish(i, c)
				if i.Incarnation[1] = byte(r); r%5 == 0 {
					h.Remove(i.ID)
				}
				h.Put(i)
				h.Publish(i, c)
				_, _ = h.LastRefusal(i.ID)
			}
		})
		wg.Go(func() {
			for range rounds {
				put := h.ask(t, i.ID, "PUT "+tokenPath+" HTTP/1.1", hostIP, ttlHeader+": 60")
				resp := h.ask(t, i.ID, "GET "+rolePath+" HTTP/1.1", hostIP, sessHeader+": "+body(t, put))
				switch text := body(t, resp); resp.StatusCode {
				case http.StatusOK:
					if !strings.Contains(text, c.AccessKeyID) || !strings.Contains(text, c.SessionToken.Reveal()) {
						t.Errorf("%s was answered %s", i.ID, text)
					}
				case http.StatusUnauthorized, http.StatusForbidden: // of an earlier life
				case http.StatusServiceUnavailable: // of a new one, and the machine is slow
				default:
					t.Errorf("got %s", resp.Status)
				}
			}
		})
	}
	wg.Wait()
}

func TestWithdrawnCredentialsAreServedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // those that find nothing wait
		h := newHost(t)
		h.Put(web())
		publish(h)
		other := web()
		other.Incarnation = rolestore.Incarnation{2}
		h.Withdraw(other) // of another life
		if resp := h.get(t, rolePath); resp.StatusCode != 200 {
			t.Errorf("before: %s", resp.Status)
		}
		h.Withdraw(web())
		if resp := h.get(t, rolePath); resp.StatusCode != 503 {
			t.Errorf("withdrawn: %s", resp.Status)
		}
		publish(h)
		if resp := h.get(t, rolePath); resp.StatusCode != 200 {
			t.Errorf("published again: %s", resp.Status)
		}
	})
}
