package imds_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
)

const (
	taskHost = "Host: 169.254.170.2"
	podHost  = "Host: 169.254.170.23"
	cluster  = "https://cluster"
)

var clusterKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return key
})

// newContainerHost is a host whose every connection is answered in one form.
func newContainerHost(t testing.TB, form imds.Form, more ...func(*imds.Config)) *host {
	t.Helper()
	return newHost(t, append([]func(*imds.Config){func(c *imds.Config) {
		c.Form = func(net.Conn) imds.Form { return form }
		c.Cluster = func(name string) (container.Cluster, bool) {
			return container.Cluster{Issuer: cluster, Keys: func(*jwt.Token) (any, error) { return &clusterKey().PublicKey, nil }}, name == "prod"
		}
		c.Signs = false
	}}, more...)...)
}

// task and pod are web as containers.
func task() rolestore.Instance {
	i := web()
	i.Containers.Task = "enabled"
	return i
}

func pod() rolestore.Instance {
	i := web()
	i.Containers.Pod = rolestore.Pod{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web", Name: "web-0", UID: "1"}
	return i
}

// podToken is the token of a pod's account.
func podToken(t testing.TB, p rolestore.Pod) string {
	t.Helper()
	return podTokenOn(t, p, "")
}

// podTokenOn is the token of a pod on the node of that name, or on none that it names.
func podTokenOn(t testing.TB, p rolestore.Pod, node string) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": "pods.eks.amazonaws.com", "iss": cluster, "exp": start.Add(time.Hour).Unix(),
		"sub": "system:serviceaccount:" + p.Namespace + ":" + p.ServiceAccount,
		"kubernetes.io": map[string]any{"namespace": p.Namespace, "pod": map[string]string{"name": p.Name, "uid": p.UID},
			"serviceaccount": map[string]string{"name": p.ServiceAccount}, "node": map[string]string{"name": node}},
	}).SignedString(clusterKey())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func taskLine(i rolestore.Instance) string {
	return "GET " + container.TaskPath + container.ID(i) + " HTTP/1.1"
}

func TestATaskFindsItsCredentialsByItsIDAndItsSocket(t *testing.T) {
	h := newContainerHost(t, imds.Task)
	other := task()
	other.ID, other.Incarnation = dbID, rolestore.Incarnation{2}
	h.Put(task())
	h.Put(other)
	publish(h)
	h.Publish(other, credentials())
	resp := h.ask(t, webID, taskLine(task()), taskHost)
	if got := body(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" ||
		got != string(container.TaskDocument(task().Profile, credentials())) {
		t.Errorf("%s %s", resp.Status, got)
	}
	id := container.ID(task())
	for name, ask := range map[string]struct{ id, line string }{
		"another's id":               {dbID, taskLine(task())},
		"no id":                      {webID, "GET /v2/credentials/ HTTP/1.1"},
		"an id that is cut short":    {webID, "GET /v2/credentials/" + id[:30] + " HTTP/1.1"},
		"another path":               {webID, "GET /v1/credentials/" + id + " HTTP/1.1"},
		"the metadata of EC2":        {webID, "GET " + rolePath + " HTTP/1.1"},
		"something behind the id":    {webID, "GET /v2/credentials/" + id + "/ HTTP/1.1"},
		"a path that is not the one": {webID, "GET //v2/credentials/" + id + " HTTP/1.1"},
	} {
		resp := h.ask(t, ask.id, ask.line, taskHost)
		if got := body(t, resp); resp.StatusCode != 400 || !strings.HasPrefix(got, `{"code":"InvalidIdInRequest",`) {
			t.Errorf("%s: %s %s", name, resp.Status, got)
		}
	}
	if log := h.log.String(); strings.Contains(log, id) || strings.Contains(log, id[:30]) || !strings.Contains(log, "path=/v2/credentials/") {
		t.Errorf("the log holds the id, or no path: %s", log)
	}
	if r, ok := h.LastRefusal(dbID); !ok || r.Path != "/v2/credentials/" {
		t.Errorf("the last refusal is %+v", r)
	}
	if resp := h.ask(t, "nobody", taskLine(task()), taskHost); resp.StatusCode != 403 {
		t.Errorf("a socket of nobody: %s", resp.Status)
	}
}

func TestATaskIsAnsweredWhileMetadataIsOff(t *testing.T) {
	h := newContainerHost(t, imds.Task)
	i := task()
	i.Options.HTTPEndpoint = "disabled"
	h.Put(i)
	publish(h)
	if resp := h.ask(t, webID, taskLine(i), taskHost); resp.StatusCode != 200 {
		t.Errorf("got %s", resp.Status)
	}
	h.Put(web()) // not a task any more
	if resp := h.ask(t, webID, taskLine(i), taskHost); resp.StatusCode != 400 {
		t.Errorf("of no task: %s", resp.Status)
	}
}

func TestAPodFindsItsCredentialsByItsTokenAndItsSocket(t *testing.T) {
	h := newContainerHost(t, imds.Pod)
	other := pod()
	other.ID, other.Containers.Pod.Name, other.Containers.Pod.UID = dbID, "web-1", "2"
	elsewhere := web()
	elsewhere.ID, elsewhere.Containers = "i-00000000000000003", pod().Containers
	elsewhere.Containers.Pod.ClusterName = "lab"
	plain := web()
	plain.ID = "i-00000000000000004"
	for _, i := range []rolestore.Instance{pod(), other, elsewhere, plain} {
		h.Put(i)
		h.Publish(i, credentials())
	}
	good := podToken(t, pod().Containers.Pod)
	const line = "GET /v1/credentials HTTP/1.1"
	resp := h.ask(t, webID, line, podHost, "Authorization: "+good)
	if got := body(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" ||
		got != string(container.PodDocument(pod().Profile, credentials())) {
		t.Errorf("%s %s", resp.Status, got)
	}
	for name, ask := range map[string]struct {
		id    string
		lines []string
		want  int
		says  string
	}{
		"no token":                  {webID, []string{line, podHost}, 400, "Authorization header"},
		"a word":                    {webID, []string{line, podHost, "Authorization: x"}, 400, "no JWT"},
		"at another's socket":       {dbID, []string{line, podHost, "Authorization: " + good}, 403, "Access Denied."},
		"of an unknown cluster":     {elsewhere.ID, []string{line, podHost, "Authorization: " + good}, 500, "cluster is not known"},
		"for what is no pod":        {plain.ID, []string{line, podHost, "Authorization: " + good}, 403, "Access Denied."},
		"at a socket of nobody":     {"nobody", []string{line, podHost, "Authorization: " + good}, 403, "Access Denied."},
		"another path":              {webID, []string{"GET /v1/credentials/ HTTP/1.1", podHost, "Authorization: " + good}, 404, ""},
		"by PUT":                    {webID, []string{"PUT /v1/credentials HTTP/1.1", podHost, "Authorization: " + good}, 405, ""},
		"for a name that is theirs": {webID, []string{line, "Host: rebound.example", "Authorization: " + good}, 403, "Access Denied."},
		"by a page":                 {webID, []string{line, podHost, "Origin: http://x", "Authorization: " + good}, 403, "Access Denied."},
		"by a proxy":                {webID, []string{line, podHost, "X-Forwarded-For: 1", "Authorization: " + good}, 403, "Access Denied."},
		"with Expect":               {webID, []string{line, podHost, "Expect: 100-continue", "Authorization: " + good}, 417, ""},
	} {
		resp := h.ask(t, ask.id, ask.lines...)
		if got := body(t, resp); resp.StatusCode != ask.want || !strings.Contains(got, ask.says) || strings.Contains(got, "ASIA") {
			t.Errorf("%s: %s %s", name, resp.Status, got)
		}
	}
	if strings.Contains(h.log.String(), good[:40]) {
		t.Error("the log holds a token")
	}
}

func TestContainersWaitForTheirFirstCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newContainerHost(t, imds.Task)
		h.Put(task())
		time.AfterFunc(300*time.Millisecond, func() { publish(h) })
		if resp := h.ask(t, webID, taskLine(task()), taskHost); resp.StatusCode != 200 {
			t.Errorf("got %s", resp.Status)
		}
		h.Withdraw(task())
		resp := h.ask(t, webID, taskLine(task()), taskHost)
		if got := body(t, resp); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "CredentialsUninitialized") {
			t.Errorf("got %s %s", resp.Status, got)
		}
		time.AfterFunc(300*time.Millisecond, func() { h.Remove(webID) })
		if resp := h.ask(t, webID, taskLine(task()), taskHost); resp.StatusCode != http.StatusForbidden {
			t.Errorf("removed meanwhile: %s", resp.Status)
		}
	})
}

func TestContainersAreToldOfARefusedRole(t *testing.T) {
	refused, none := task(), task()
	none.Profile = rolestore.InstanceProfile{}
	h := newContainerHost(t, imds.Task)
	h.Put(refused)
	h.Refuse(refused)
	resp := h.ask(t, webID, taskLine(refused), taskHost)
	if got := body(t, resp); resp.StatusCode != 403 || !strings.Contains(got, `"AccessDenied"`) {
		t.Errorf("refused: %s %s", resp.Status, got)
	}
	h.Put(none)
	resp = h.ask(t, webID, taskLine(none), taskHost)
	if got := body(t, resp); resp.StatusCode != 404 || !strings.Contains(got, `"NoCredentialsAssociated"`) {
		t.Errorf("without a role: %s %s", resp.Status, got)
	}
}

// FuzzTaskPath asks for any path, without the one that is right.
func FuzzTaskPath(f *testing.F) {
	h := newContainerHost(f, imds.Task)
	h.Put(task())
	publish(h)
	for _, seed := range []string{"/v2/credentials/", "/v2/credentials/" + container.ID(task()) + "x", "/", "*", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if path == container.TaskPath+container.ID(task()) {
			return
		}
		r, err := http.NewRequestWithContext(h.connect(t.Context(), webID), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.URL.Path = "169.254.170.2", path
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		if w.Code != 400 {
			t.Errorf("%q was answered %d", path, w.Code)
		}
	})
}
