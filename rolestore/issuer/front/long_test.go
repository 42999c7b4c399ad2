package front

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// TestOnlyAKnownCallerIsReadAtLength is about what a stranger can have us take memory for.
func TestOnlyAKnownCallerIsReadAtLength(t *testing.T) {
	operation, form := Operation{}, 0
	operation.Do = func(c *caller.Call) ([]query.Element, error) { form = len(c.Form); return nil, nil }
	s := door(t, &bytes.Buffer{})
	long := api("long", "2000-01-01")
	long.Find = func(*query.Request) (Operation, bool) { return operation, true }
	s.Serve(long)
	post := func(n int) (code string) {
		form = 0
		var body strings.Builder
		body.WriteString("Action=X&Version=2000-01-01")
		for i := 2; i < n; i++ {
			body.WriteString("&P." + strconv.Itoa(i) + "=x")
		}
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body.String()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		reply := httptest.NewRecorder()
		s.ServeHTTP(reply, r)
		_, code, _ = strings.Cut(reply.Body.String(), "<Code>")
		code, _, _ = strings.Cut(code, "</Code>")
		return code
	}
	operation.Unsigned, operation.Long = true, true
	if code := post(query.MaxParameters); code != "" || form != query.MaxParameters {
		t.Errorf("as many as all may have: %s, %d read", code, form)
	}
	if code := post(query.MaxParameters + 1); code != "MalformedInput" {
		t.Errorf("more, without a signature: %s", code)
	}
	operation.Unsigned = false
	if code := post(query.MaxParameters + 1); code != "MissingAuthenticationToken" {
		t.Errorf("more, of a stranger: %s", code)
	}
	operation.Long = false
	if code := post(query.MaxParameters + 1); code != "MalformedInput" {
		t.Errorf("more than the operation takes: %s", code)
	}
}
