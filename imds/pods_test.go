package imds_test

import (
	"context"
	"errors"
	"strings"
	"testing"

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
