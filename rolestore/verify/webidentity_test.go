package verify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/rolestore/verify"
)

// webToken is one of GetWebIdentityToken, by the SDK.
func (w *world) webToken(t testing.TB, c aws.Credentials, audience string) string {
	t.Helper()
	client := sts.New(sts.Options{Region: "eu-central-1", BaseEndpoint: aws.String(w.URL), Credentials: provide(c)})
	out, err := client.GetWebIdentityToken(t.Context(), &sts.GetWebIdentityTokenInput{Audience: []string{audience}, SigningAlgorithm: aws.String("ES384"), DurationSeconds: aws.Int32(60)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.WebIdentityToken
}

func (w *world) webIdentity(t testing.TB, issuer string) *verify.WebIdentity {
	t.Helper()
	v, err := verify.NewWebIdentity(verify.WebIdentityConfig{Issuer: issuer, Audience: "https://reports.example.com", Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAWebIdentityTokenSaysWhoItIs(t *testing.T) {
	w := newWorld(t)
	reader := w.session(t, account, "reader")
	token := w.webToken(t, reader, "https://reports.example.com")
	id, _ := w.Directory().Snapshot().TokenIssuer(account)
	v := w.webIdentity(t, w.URL+"/"+id)
	who, err := v.Verify(t.Context(), token)
	if err != nil || who.ARN != "arn:aws:iam::"+account+":role/reader" || who.Account != account || who.Tags["team"] != "blue" || !who.Expires.Equal(w.clock().Add(time.Minute)) {
		t.Errorf("the caller is %+v, %v", who, err)
	}
	for name, test := range map[string]struct{ token, code string }{
		"for another service":      {w.webToken(t, reader, "https://billing.example.com"), "InvalidIdentityToken"},
		"changed":                  {strings.Replace(token, ".", ".e", 1), "InvalidIdentityToken"},
		"nothing":                  {"", "InvalidIdentityToken"},
		"without a signature":      {unsecured(t, token), "InvalidIdentityToken"},
		"signed by its public key": {byHMAC(t, token), "InvalidIdentityToken"},
		"too long":                 {token + strings.Repeat("x", 8<<10), "InvalidIdentityToken"},
	} {
		_, err := v.Verify(t.Context(), test.token)
		refusal(t, name, err, test.code)
	}
	_, err = w.webIdentity(t, w.URL+"/00000000000000000000000000000000").Verify(t.Context(), token)
	refusal(t, "an issuer that there is not", err, "ServiceUnavailable")
	w.advance(61 * time.Second)
	_, err = v.Verify(t.Context(), token)
	refusal(t, "after its time", err, "ExpiredTokenException")
	token = w.webToken(t, reader, "https://reports.example.com")
	w.Server.Close()
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("while the issuer is away: %v", err)
	}
	_, err = w.webIdentity(t, w.URL+"/"+id).Verify(t.Context(), token)
	refusal(t, "no key set", err, "ServiceUnavailable")
}

func claimsOf(t testing.TB, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func unsecured(t testing.TB, token string) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodNone, claimsOf(t, token)).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func byHMAC(t testing.TB, token string) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsOf(t, token)).SignedString([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAKeySetIsBelowItsIssuer: discovery must not lead to somebody else's keys.
func TestAKeySetIsBelowItsIssuer(t *testing.T) {
	w := newWorld(t)
	id, _ := w.Directory().Snapshot().TokenIssuer(account)
	for name, document := range map[string]string{
		"keys elsewhere": `{"issuer":"ISSUER","jwks_uri":"` + w.URL + "/" + id + `/.well-known/jwks.json"}`,
		"another issuer": `{"issuer":"` + w.URL + "/" + id + `","jwks_uri":"ISSUER/jwks"}`,
	} {
		issuer := ""
		server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			_, _ = out.Write([]byte(strings.ReplaceAll(document, "ISSUER", issuer)))
		}))
		t.Cleanup(server.Close)
		issuer = server.URL
		token := w.webToken(t, w.session(t, account, "reader"), "https://reports.example.com")
		_, err := w.webIdentity(t, issuer).Verify(t.Context(), token)
		refusal(t, name, err, "ServiceUnavailable")
	}
}
