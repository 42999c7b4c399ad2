package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// standIn stands in for Amazon and Facebook; the token "go od" is alice's, of app "a".
func standIn(t *testing.T) (*op, *AccessTokens) {
	o := newOP(t)
	reply := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("access_token") != "go od" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = fmt.Fprint(w, text)
		}
	}
	o.answers("/auth/o2/tokeninfo", reply(`{"aud":"a","user_id":"alice","iss":"https://www.amazon.com","exp":3600,"app_id":"x"}`))
	o.answers("/me", reply(`{"id":"alice"}`))
	o.answers("/app", reply(`{"id":"a","name":"app"}`))
	where := Endpoint{URL: o.URL, CA: o.ca()}
	a, err := NewAccessTokens(WellKnown{Amazon: where, Facebook: where})
	if err != nil {
		t.Fatal(err)
	}
	return o, a
}

func TestProvidersOfAccessTokensAreAsked(t *testing.T) {
	o, a := standIn(t)
	for _, host := range []string{Amazon, Facebook} {
		got, err := a.Account(host, "go od")
		if want := (Account{AppID: "a", UserID: "alice"}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", host, got, err)
		}
		_, err = a.Account(host, "s3cret&id=1")
		if want := host + ": " + host + " responded with HTTP/1.1 400 Bad Request"; !errors.Is(err, ErrRejected) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s, a bad token: %v", host, err)
		}
	}
	for name, text := range map[string]string{"another issuer": `{"aud":"a","user_id":"u","iss":"https://www.example.com","exp":1}`,
		"expired": `{"aud":"a","user_id":"u","iss":"https://www.amazon.com","exp":0}`, "no client": `{"user_id":"u","iss":"https://www.amazon.com","exp":1}`, "no JSON": `<`} {
		o.answers("/auth/o2/tokeninfo", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, text) })
		if _, err := a.Account(Amazon, "go od"); !errors.Is(err, ErrRejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.answers("/app", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{}`) })
	if _, err := a.Account(Facebook, "go od"); !errors.Is(err, ErrRejected) {
		t.Errorf("no app: %v", err)
	}
	o.answers("/me", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	if _, err := a.Account(Facebook, "go od"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("503: %v", err)
	}
}

// TestErrorsDoNotHoldTheToken although it is in the URL.
func TestErrorsDoNotHoldTheToken(t *testing.T) {
	o, a := standIn(t)
	o.Close()
	for _, host := range []string{Amazon, Facebook} {
		if _, err := a.Account(host, "s3cret"); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestQuestionsUnderWayAreBounded(t *testing.T) {
	o, a := standIn(t)
	for range maxAsking {
		a.asking <- struct{}{}
	}
	if _, err := a.Account(Amazon, "go od"); !errors.Is(err, ErrUnreachable) || o.asked.Load() != 0 {
		t.Errorf("%v", err)
	}
}
