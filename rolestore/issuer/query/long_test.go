package query

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func many(n int) string {
	var b strings.Builder
	b.WriteString("Action=X")
	for i := 2; i < n; i++ {
		b.WriteString("&P." + strconv.Itoa(i) + "=x")
	}
	return b.String() + "&Version=1"
}

func read(t *testing.T, url, body string) (*Request, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/?"+url, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q := New(r)
	return q, q.Read(r)
}

func TestALongRequestIsReadInTwo(t *testing.T) {
	q, err := read(t, "", many(MaxParameters))
	if err != nil || q.Long() || len(q.Form) != MaxParameters {
		t.Errorf("a usual one: %v, %d parameters", err, len(q.Form))
	}
	q, err = read(t, "", many(MaxLong))
	if err != nil || !q.Long() || len(q.Form) != 2 || q.Action != "X" || q.Version != "1" {
		t.Fatalf("a long one: %v, %d parameters, %q of %q", err, len(q.Form), q.Action, q.Version)
	}
	if err := q.ReadLong(); err != nil || q.Long() || len(q.Form) != MaxLong {
		t.Errorf("the rest: %v, %d parameters", err, len(q.Form))
	}
	q, err = read(t, "", many(MaxLong+1))
	if err != nil || q.ReadLong() == nil {
		t.Errorf("too long: %v", err)
	}
	_, err = read(t, "", many(MaxParameters+1)+"&Action=Y")
	var refusal *Error
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "Action is given more than once") {
		t.Errorf("an action that comes twice: %v, %v", err, refusal)
	}
	if _, err = read(t, many(MaxParameters+1), ""); !errors.As(err, &refusal) || refusal.Message != "The request has too many parameters." {
		t.Errorf("a long query string: %v", err)
	}
}

// TestManyParametersAreReadOnceEach is about the reader's own list of them.
func TestManyParametersAreReadOnceEach(t *testing.T) {
	q, err := read(t, "", many(MaxLong))
	if err != nil || q.ReadLong() != nil {
		t.Fatal(err)
	}
	p := NewReader(q.Form, nil)
	for i := MaxLong - 1; i >= 2; i-- {
		p.Value("P." + strconv.Itoa(i))
	}
	if err := p.Err(); err != nil {
		t.Errorf("all were read: %v", err)
	}
	q.Form.Set("Unknown.1", "x")
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "Unknown is not supported") {
		t.Errorf("one was not: %v", err)
	}
}
