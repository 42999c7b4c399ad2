package imds_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/container"
)

// FuzzConnection sends any bytes over a connection of an instance that requires tokens,
// with a good one in the place of $TOKEN, and reads what comes back.
func FuzzConnection(f *testing.F) {
	h := newHost(f)
	h.Put(web())
	publish(h)
	token, known := h.token(f, webID), h.everyPath(f)
	w := h.wire(f, func(r *http.Request) bool {
		tokens := r.Header["X-Aws-Ec2-Metadata-Token"]
		return r.Method == http.MethodPut && r.URL.Path == tokenPath ||
			isRead(r) && known[plain(r.URL.Path)] && len(tokens) == 1 && tokens[0] == token
	})
	for _, raw := range scripted(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		w.check(t, strings.NewReplacer("$TOKEN", token, "$FIRST", token).Replace(raw))
	})
}

// FuzzContainerConnection does so in the forms for containers, where $ID is the one of
// the task's credentials and $JWT the token of the pod.
func FuzzContainerConnection(f *testing.F) {
	tasks, pods := containerWire(f, imds.Task), containerWire(f, imds.Pod)
	token := pods.token
	for _, head := range []string{"GET /v2/credentials/$ID HTTP/1.1\r\n" + taskHost, "GET /v1/credentials HTTP/1.1\r\n" + podHost + "\r\nAuthorization: $JWT"} {
		for _, more := range []string{"", "\r\nOrigin: x", "\r\nX-Forwarded-For: x", "\r\nAuthorization: $JWT", "x", "\r\nExpect: x", "\r\nConnection: close"} {
			f.Add(head + more + "\r\n\r\n")
		}
		f.Add(strings.Replace(head, " HTTP", "/ HTTP", 1) + "\r\n\r\n" + head + "\r\n\r\n")
		f.Add(strings.Replace(head, "GET", "POST", 1) + "\r\nContent-Length: 1\r\n\r\n?HEAD" + head[3:] + "\r\n\r\n")
		f.Add(strings.Replace(head, "1.1", "1.0", 1) + "\r\n\r\n")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		raw = strings.NewReplacer("$ID", container.ID(task()), "$JWT", token).Replace(raw)
		tasks.check(t, raw)
		pods.check(t, raw)
	})
}

func containerWire(f *testing.F, form imds.Form) *wire {
	h, i := newContainerHost(f, form), task()
	i.Containers.Pod = pod().Containers.Pod
	h.Put(i)
	publish(h)
	token := podToken(f, i.Containers.Pod)
	w := h.wire(f, func(r *http.Request) bool {
		if form == imds.Pod {
			return isRead(r) && r.URL.Path == container.PodPath && r.Header.Get("Authorization") == token
		}
		return isRead(r) && r.URL.Path == container.TaskPath+container.ID(i)
	})
	w.token = token
	return w
}

// FuzzPath asks for any path, of a request line or not, with a good token: it is there if
// a list says so, or else it is not.
func FuzzPath(f *testing.F) {
	h := newHost(f)
	h.Put(web())
	publish(h)
	conn, token, known := h.connect(f.Context(), webID), h.token(f, webID), h.everyPath(f)
	for _, seed := range []string{"/", "/latest", "/2012-01-12/meta-data//iam/", rolePath, "/%2e%2e/latest", "*", "/latest/api/token"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequestWithContext(conn, http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.URL.Path = "169.254.169.254", path
		r.Header.Set(sessHeader, token)
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 404 && w.Code != 405 || (w.Code == 200) != known[plain(path)] {
			t.Errorf("%q was answered %d", path, w.Code)
		}
	})
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// plain is a path with single slashes, and none around it.
func plain(path string) string {
	return strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "/")
}

// everyPath is what the lists of web lead to, from / on, in every version.
func (h *host) everyPath(f *testing.F) map[string]bool {
	f.Helper()
	known := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		resp := h.get(f, "/"+path)
		if known[path] = true; resp.StatusCode != http.StatusOK {
			f.Fatalf("/%s is listed: %s", path, resp.Status)
		}
		list := body(f, resp)
		for entry := range strings.SplitSeq(list, "\n") {
			name, isDirectory := strings.CutSuffix(entry, "/")
			next := plain(path + "/" + name)
			known[next] = true
			if path == "" && name >= "2021-03-23" {
				known[plain(name+"/meta-data/tags/instance")] = true // blank where tags are not told, and not listed
			}
			if isDirectory || !strings.Contains(path, "/") { // versions and categories are listed without
				visit(next)
			}
		}
	}
	visit("")
	return known
}
