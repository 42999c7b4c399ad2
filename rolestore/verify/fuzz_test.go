package verify_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/verify"
)

// roundTrip is a network on which every request fails after it was looked at.
type roundTrip func(*http.Request)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, errors.New("no network")
}

// FuzzToken: whatever a token says, nothing is sent but a GetCallerIdentity to the one STS.
func FuzzToken(f *testing.F) {
	const signed = "https://sts.example.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261125%2Fus-east-1%2Fsts%2Faws4_request" +
		"&X-Amz-Date=20261125T000000Z&X-Amz-Expires=0&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00"
	for _, seed := range []string{signed, signed + "&Action=GetSessionToken", signed + "#x", "https://sts.example.com@169.254.169.254/?Action=GetCallerIdentity", "//sts.example.com/", "http://[::1%25lo]/", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sent := 0
		client := &http.Client{Transport: roundTrip(func(r *http.Request) {
			sent++
			query, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil || r.Method != http.MethodGet || r.URL.Scheme != "https" || r.URL.Host != "sts.example.com" || r.URL.Path != "/" || r.URL.User != nil || r.Host != "sts.example.com" ||
				!slices.Equal(query["Action"], []string{"GetCallerIdentity"}) || r.Header.Get("X-K8s-Aws-Id") != "reports" {
				t.Errorf("%q sends %s %s", text, r.Method, r.URL)
			}
		})}
		i, err := verify.NewIdentity(verify.IdentityConfig{STS: "https://sts.example.com", Client: client, ServerID: "reports",
			Now: func() time.Time { return time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC) }})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := i.Verify(t.Context(), encode(text)); err == nil {
			t.Errorf("%q is %+v", text, who)
		}
		if text == signed && sent != 1 {
			t.Errorf("a sound token sends %d requests", sent)
		}
	})
}
