package sigv4

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// FuzzVerify changes requests that were signed. What is accepted must still mean
// what was signed, and nothing at all may be accepted for another secret.
func FuzzVerify(f *testing.F) {
	seeds := []Request{signedPost(f), presignedGet(f)}
	for _, r := range seeds {
		f.Add(r.Method, r.Path, r.RawQuery, r.Host, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"),
			r.Header.Get("X-Amz-Security-Token"), r.Header.Get("X-K8s-Aws-Id"), r.Body)
	}
	f.Add("GET", "/", "", "h", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=f", goodDate, "", "", []byte(nil))
	f.Add("GET", "/", presigned, "h", "", "", "", "", []byte(nil))
	f.Add("GET", "/", "a=%&%=b&;c", "", "AWS4-,,=,", "Sun, 23 Nov 2025 12:00:00 GMT", "t", "  ", []byte{0})

	f.Fuzz(func(t *testing.T, method, path, query, host, authorization, date, token, cluster string, body []byte) {
		r := Request{Method: method, Path: path, RawQuery: query, Host: host, Body: body, Header: http.Header{}}
		for _, h := range []struct{ name, value string }{
			{"Authorization", authorization},
			{"X-Amz-Date", date},
			{"X-Amz-Security-Token", token},
			{"X-K8s-Aws-Id", cluster},
		} {
			if h.value != "" {
				r.Header.Set(h.name, h.value)
			}
		}
		r.Header.Set("Content-Type", seeds[0].Header.Get("Content-Type"))
		r.Header.Set("Content-Length", seeds[0].Header.Get("Content-Length"))

		s, err := Parse(r)
		if err != nil {
			return
		}
		v := NewVerifier("sts")
		if v.Verify(s, rolestore.NewSecret("another secret"), testTime) == nil {
			t.Fatal("accepted for a secret that signed nothing")
		}
		if v.Verify(s, rolestore.NewSecret(testSecret), testTime) != nil {
			return
		}
		for _, seed := range seeds {
			if method == seed.Method && host == seed.Host && bytes.Equal(body, seed.Body) && sameQuery(query, seed.RawQuery) &&
				(s.Presigned || token == seed.Header.Get("X-Amz-Security-Token")) {
				return
			}
		}
		t.Fatalf("accepted what was not signed: %+v", r)
	})
}
