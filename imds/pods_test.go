package imds_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
)

// TestPodsOfANodeAreToldApartByTheirTokens asks by one socket, with what the agent says of
// each pod.
func TestPodsOfANodeAreToldApartByTheirTokens(t *testing.T) {
	answers := map[string]error{
		"web-0": nil, "gone": nil,
		"free": container.ErrNoAssociation, "denied": container.ErrNotGranted, "many": container.ErrTooManyPods, "slow": errors.New("it is early"),
	}
	var asked rolestore.Pod
	h := newContainerHost(t, imds.Pod, func(c *imds.Config) {
		c.Pod = func(_ context.Context, node rolestore.Instance, pod rolestore.Pod) (string, error) {
			if asked = pod; node.ID != webID {
				t.Errorf("asked for a pod on %s", node.ID)
			}
			return map[bool]string{true: dbID, false: "i-00000000000000009"}[pod.Name != "gone"], answers[pod.Name]
		}
	})
	node, one := web(), pod()
	node.Containers.Node.ClusterName = "prod"
	one.ID = dbID
	h.Put(node)
	h.Put(one)
	h.Publish(one, credentials())
	ask := func(name string, more ...string) (int, string) {
		p := pod().Containers.Pod
		p.Name = name
		resp := h.ask(t, webID, append([]string{"GET /v1/credentials HTTP/1.1", podHost, "Authorization: " + podToken(t, p)}, more...)...)
		return resp.StatusCode, body(t, resp)
	}
	status, text := ask("web-0")
	if status != 200 || text != string(container.PodDocument(one.Profile, credentials())) {
		t.Errorf("%d %s", status, text)
	}
	want := pod().Containers.Pod
	if want.ClusterName = ""; asked != want {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	for name, want := range map[string]struct {
		status int
		text   string
	}{
		"free": {404, "no role is associated"}, "denied": {403, "Access Denied. the role"}, "many": {429, "Too Many Requests\n"},
		"slow": {503, "it is early"}, "gone": {503, "not here yet"},
	} {
		if status, text := ask(name); status != want.status || !strings.HasPrefix(text, want.text) && !strings.Contains(text, want.text) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	asked = rolestore.Pod{}
	if status, text := ask("web-0", "Authorization: x"); status != 400 || !strings.Contains(text, "more than one Authorization") {
		t.Errorf("two tokens: %d %s", status, text)
	}
	resp := h.ask(t, webID, "GET /v1/credentials HTTP/1.1", podHost, "Authorization: x")
	if resp.StatusCode != 400 || asked != (rolestore.Pod{}) {
		t.Errorf("no token: %s, and asked for %+v", resp.Status, asked)
	}
}

// TestAPodHasOneToken has the pod's own instance asked with two.
func TestAPodHasOneToken(t *testing.T) {
	h := newContainerHost(t, imds.Pod)
	h.Put(pod())
	h.Publish(pod(), credentials())
	good := "Authorization: " + podToken(t, pod().Containers.Pod)
	resp := h.ask(t, webID, "GET /v1/credentials HTTP/1.1", podHost, good, good)
	if got := body(t, resp); resp.StatusCode != 400 || !strings.Contains(got, "more than one") {
		t.Errorf("%s %s", resp.Status, got)
	}
}

// TestAPodsRequestsAreItsOwn has one pod of a node ask as often as it can, and somebody
// there who has no good token: another pod is answered as ever.
func TestAPodsRequestsAreItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // refusals leave at their pace
		ids := map[string]string{"web-0": dbID, "web-1": "i-00000000000000009"}
		h := newContainerHost(t, imds.Pod, func(c *imds.Config) {
			c.Requests = imds.Limit{PerSecond: 20, Burst: 100}
			c.Pod = func(_ context.Context, _ rolestore.Instance, pod rolestore.Pod) (string, error) {
				if ids[pod.Name] == "" {
					return "", container.ErrNoAssociation
				}
				return ids[pod.Name], nil
			}
		})
		node, tokens := web(), map[string]string{}
		node.Containers.Node.ClusterName = "prod"
		h.Put(node)
		for _, name := range []string{"web-0", "web-1", "free"} {
			one := pod()
			one.Containers.Pod.Name, one.ID = name, ids[name]
			tokens[name] = "Authorization: " + podToken(t, one.Containers.Pod)
			if one.ID != "" {
				h.Put(one)
				h.Publish(one, credentials())
			}
		}
		passes := func(n int, header string) int {
			t.Helper()
			return h.passes(t, webID, n, "GET /v1/credentials HTTP/1.1", podHost, header)
		}
		if got := passes(10, tokens["web-0"]); got != 5 { // a twentieth of 100
			t.Errorf("a pod is answered %d at once, want 5", got)
		}
		if got := h.Calls(dbID).Throttled; got != 5 || h.Calls(webID).Throttled != 0 {
			t.Errorf("of the pod %d are counted, and of its node %d", got, h.Calls(webID).Throttled)
		}
		if r, ok := h.LastRefusal(webID); !ok || r.Status != 429 {
			t.Errorf("told %+v", r)
		}
		// What is of no pod is within the node's, whatever is wrong with it.
		began := time.Now()
		got := passes(40, "Authorization: x") + passes(40, tokens["free"]) + passes(40, "Origin: http://a")
		if got < 100 || got > 102 { // refusals take some milliseconds, in which one more may pass
			t.Errorf("of no pod %d are answered, want 100", got)
		}
		if refused := uint64(120 - got); h.Calls(webID).Throttled != refused || time.Since(began) == 0 {
			t.Errorf("counted %+v of %d, in %v", h.Calls(webID), refused, time.Since(began))
		}
		if got := passes(5, tokens["web-1"]); got != 5 {
			t.Errorf("another pod is answered %d of 5", got)
		}
		h.sleep(time.Second)
		if got := passes(5, tokens["web-0"]); got != 1 { // a twentieth of 20
			t.Errorf("after a second it is answered %d, want 1", got)
		}
	})
}

// TestANodesNameIsHeldAgainstItsPodsTokens has tokens that name another, or none.
func TestANodesNameIsHeldAgainstItsPodsTokens(t *testing.T) {
	h := newContainerHost(t, imds.Pod, func(c *imds.Config) {
		c.Pod = func(context.Context, rolestore.Instance, rolestore.Pod) (string, error) { return dbID, nil }
	})
	node, one := web(), pod()
	node.Containers.Node = rolestore.Node{ClusterName: "prod", NodeName: "n1"}
	one.ID = dbID
	h.Put(node)
	h.Put(one)
	h.Publish(one, credentials())
	for name, want := range map[string]int{"n1": 200, "n2": 403, "": 403} {
		resp := h.ask(t, webID, "GET /v1/credentials HTTP/1.1", podHost, "Authorization: "+podTokenOn(t, pod().Containers.Pod, name))
		if text := body(t, resp); resp.StatusCode != want || (want == 403) != strings.HasPrefix(text, "Access Denied. the service-account token is not of a pod on this node") {
			t.Errorf("on %q: %s %s", name, resp.Status, text)
		}
	}
	if r, _ := h.LastRefusal(webID); !strings.Contains(r.Remedy, "node_name") {
		t.Errorf("told %+v", r)
	}
}
