package source

import (
	"crypto/ecdsa"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

func TestTheIssuersCredentialsAreReturned(t *testing.T) {
	issuers(t, says(200, session()), func(t *testing.T, issuer, _ string, _ *asked) {
		w, _ := dialed(t, issuer)
		c, err := w.Fetch(t.Context(), web())
		if err != nil {
			t.Fatal(err)
		}
		if c.AccessKeyID != accessKey || c.SecretAccessKey.Reveal() != secretKey || c.SessionToken.Reveal() != sessionToken {
			t.Errorf("credentials of %s, want those of %s", c.AccessKeyID, accessKey)
		}
		if want := noon.Truncate(time.Second); c.LastUpdated != want || c.Expiration != want.Add(6*time.Hour) {
			t.Errorf("they last from %s to %s, want six hours from noon", c.LastUpdated, c.Expiration)
		}
	})
}

func TestAnExpiryIsInUTCAndWholeSecondsThatAreNotTooLate(t *testing.T) {
	for written, want := range map[string]time.Time{
		"2026-11-23T18:00:00Z":         time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC),
		"2026-11-23T18:00:00.999Z":     time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC), // as some issuers write it
		"2026-11-23T20:00:01.5+02:00":  time.Date(2026, 11, 23, 18, 0, 1, 0, time.UTC),
		"2026-11-23T17:59:59.9999999Z": time.Date(2026, 11, 23, 17, 59, 59, 0, time.UTC),
	} {
		issuers(t, says(200, strings.Replace(session(), "2026-11-23T18:00:00Z", written, 1)), func(t *testing.T, issuer, _ string, _ *asked) {
			w, _ := dialed(t, issuer)
			if c, err := w.Fetch(t.Context(), web()); err != nil || c.Expiration != want {
				t.Errorf("%s was read as %s, %v, want %s", written, c.Expiration, err, want)
			}
		})
	}
}

// TestTheRequestIsTheOneThatItsTokenNames is what makes an overheard token buy
// nothing but the same request.
func TestTheRequestIsTheOneThatItsTokenNames(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE") // an environment that would sign
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	issuers(t, says(200, session()), func(t *testing.T, issuer, _ string, a *asked) {
		w, key := dialed(t, issuer)
		for range 2 {
			if _, err := w.Fetch(t.Context(), web()); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range a.all() {
			if r.Method != http.MethodPost || r.URL.RequestURI() != "/" {
				t.Errorf("%s %s, want POST /", r.Method, r.URL.RequestURI())
			}
			if r.Header.Get("Authorization") != "" || r.Form.Get("X-Amz-Signature") != "" {
				t.Error("the request is signed")
			}
			if action, version := r.PostForm.Get("Action"), r.PostForm.Get("Version"); action != "AssumeRoleWithWebIdentity" || version != "2011-06-15" {
				t.Errorf("it asks for %s of %s", action, version)
			}
			claims, err := hosttoken.Verify(r.PostForm.Get("WebIdentityToken"), core, func(id string) *ecdsa.PublicKey {
				if id != host {
					t.Errorf("the token is of host %q", id)
				}
				return &key.PublicKey
			}, noon)
			if err != nil {
				t.Fatal(err)
			}
			want := hosttoken.Claims{Host: host, Core: core, InstanceID: instance, RoleARN: role, SessionName: instance, Duration: 6 * time.Hour, Delivery: "2.0"}
			if want.Once, want.Issued = claims.Once, claims.Issued; !reflect.DeepEqual(claims, want) {
				t.Errorf("the token says %+v, want %+v", claims, want)
			}
			seconds, err := strconv.Atoi(r.PostForm.Get("DurationSeconds"))
			if err != nil || r.PostForm.Get("RoleArn") != claims.RoleARN || r.PostForm.Get("RoleSessionName") != claims.SessionName ||
				time.Duration(seconds)*time.Second != claims.Duration {
				t.Errorf("the request is for %v, its token for %+v", r.PostForm, claims)
			}
		}
		if tokens := a.tokens(); len(tokens) != 2 || tokens[0] == tokens[1] {
			t.Errorf("%d requests, want two with a token each", len(tokens))
		}
	})
}

// TestTheTokenSetsTheInstancesTags shows it of both sessions of an instance.
func TestTheTokenSetsTheInstancesTags(t *testing.T) {
	i := web()
	i.Options.HTTPTokens = "optional"
	issuers(t, says(200, session()), func(t *testing.T, issuer, _ string, a *asked) {
		w, key := dialed(t, issuer)
		w.config.Tags = func(i rolestore.Instance) map[string]string { return map[string]string{"of": i.ID} }
		if _, err := w.Fetch(t.Context(), i); err != nil || len(a.tokens()) != 2 {
			t.Fatalf("%d requests, %v", len(a.tokens()), err)
		}
		for _, token := range a.tokens() {
			claims, err := hosttoken.Verify(token, core, func(string) *ecdsa.PublicKey { return &key.PublicKey }, noon)
			if err != nil || !reflect.DeepEqual(claims.Tags, map[string]string{"of": instance}) {
				t.Errorf("the token says %+v (%v)", claims, err)
			}
		}
	})
}

// TestWhoMayAskWithoutATokenHasASessionForThat is what ec2:RoleDelivery tells apart.
func TestWhoMayAskWithoutATokenHasASessionForThat(t *testing.T) {
	i := web()
	i.Options.HTTPTokens = "optional"
	deliveries := func(a *asked, key *ecdsa.PrivateKey) (said []string) {
		for _, token := range a.tokens() {
			claims, err := hosttoken.Verify(token, core, func(string) *ecdsa.PublicKey { return &key.PublicKey }, noon)
			if err != nil {
				t.Error(err)
			}
			said = append(said, claims.Delivery)
		}
		return said
	}
	issuers(t, says(200, session()), func(t *testing.T, issuer, _ string, a *asked) {
		w, key := dialed(t, issuer)
		c, err := w.Fetch(t.Context(), i)
		if err != nil || c.Tokenless == nil || c.Tokenless.AccessKeyID != accessKey {
			t.Errorf("tokens are optional, and there are %+v (%v)", c.Tokenless, err)
		}
		if said := deliveries(a, key); !slices.Equal(said, []string{"2.0", "1.0"}) {
			t.Errorf("the sessions are delivered as %v", said)
		}
	})
	issuers(t, says(200, session()), func(t *testing.T, issuer, _ string, _ *asked) {
		w, _ := dialed(t, issuer)
		if c, err := w.Fetch(t.Context(), web()); err != nil || c.Tokenless != nil {
			t.Errorf("tokens are required, and there are %+v (%v)", c.Tokenless, err)
		}
	})
}

func TestARefusalIsToldInTheIssuersWords(t *testing.T) {
	const words = "Not authorized to perform sts:AssumeRole on " + role
	issuers(t, says(403, refusal("AccessDenied", words)), func(t *testing.T, issuer, _ string, a *asked) {
		w, _ := dialed(t, issuer)
		_, err := w.Fetch(t.Context(), web())
		if !errors.Is(err, rolestore.ErrRefused) || !strings.Contains(err.Error(), words) {
			t.Errorf("Fetch: %v, want ErrRefused and %q", err, words)
		}
		if len(a.all()) != 1 {
			t.Errorf("asked %d times", len(a.all()))
		}
	})
}

func TestOnlyAccessDeniedIsARefusal(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
	}{
		{400, "ExpiredTokenException"}, {400, "InvalidIdentityToken"}, {400, "Throttling"}, {403, "SignatureDoesNotMatch"},
		{400, "IDPCommunicationError"}, {500, "InternalFailure"}, {503, "ServiceUnavailable"},
	} {
		t.Run(test.code, func(t *testing.T) {
			issuers(t, says(test.status, refusal(test.code, "the issuer's words")), func(t *testing.T, issuer, address string, a *asked) {
				w, _ := dialed(t, issuer)
				_, err := w.Fetch(t.Context(), web())
				if err == nil || errors.Is(err, rolestore.ErrRefused) {
					t.Fatalf("Fetch: %v, want a transient error", err)
				}
				for _, want := range []string{test.code, "the issuer's words", address} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
				if len(a.all()) != 1 {
					t.Errorf("asked %d times: retries are the business of rotate", len(a.all()))
				}
			})
		})
	}
}
