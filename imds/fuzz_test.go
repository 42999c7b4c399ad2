package imds_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzRequest sends anything that net/http takes for a request, without a token
// that could be valid: no status but the known ones, and never a credential.
func FuzzRequest(f *testing.F) {
	h := newHost(f)
	h.Put(web())
	publish(h)
	conn := h.connect(f.Context(), webID)
	secrets := []string{credentials().SecretAccessKey.Reveal(), credentials().SessionToken.Reveal()}
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
		"GET //latest//meta-data/iam/security-credentials/web-role/ HTTP/1.0\r\n\r\n",
		"PUT /latest/api/token HTTP/1.1\r\nHost: [fd00:ec2::254]:80\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n",
		"GET " + rolePath + " HTTP/1.1\r\nHost: localhost\r\nX-aws-ec2-metadata-token: " + strings.Repeat("A", 54) + "==\r\n\r\n",
		"HEAD http://instance-data/%2e%2e/latest?x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: 1.2.3.4\r\nOrigin: x\r\nExpect: 100-continue\r\n\r\n",
	} {
		f.Add(seed)
	}
	known := []int{200, 400, 401, 403, 404, 405, 417}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r.WithContext(conn))
		if !slices.Contains(known, w.Code) || w.Code == http.StatusOK && r.Method != http.MethodPut {
			t.Errorf("%q was answered %d", raw, w.Code)
		}
		if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%q: Content-Length %s of %d bytes", raw, got, w.Body.Len())
		}
		for _, secret := range secrets {
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%q was answered a secret", raw)
			}
		}
	})
}

// FuzzPath asks for any path with a valid token: it is there, or it is not.
func FuzzPath(f *testing.F) {
	h := newHost(f)
	h.Put(web())
	publish(h)
	conn, token := h.connect(f.Context(), webID), h.token(f, webID)
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
		if w.Code != 200 && w.Code != 404 && w.Code != 405 {
			t.Errorf("%q was answered %d", path, w.Code)
		}
	})
}
