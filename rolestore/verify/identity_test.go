package verify_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore/verify"
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// presign is how aws-iam-authenticator makes its tokens.
func (w *world) presign(t testing.TB, c aws.Credentials, query string, header map[string]string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), c, r, emptyHash, "sts", "us-east-1", w.clock())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func encode(url string) string {
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(url))
}

const identityQuery = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60"

func (w *world) identity(t testing.TB, endpoint string) *verify.Identity {
	t.Helper()
	i, err := verify.NewIdentity(verify.IdentityConfig{STS: endpoint, Now: w.clock, ServerID: "reports"})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestATokenSaysWhoItIs(t *testing.T) {
	w := newWorld(t)
	forUs := map[string]string{verify.DefaultHeader: "reports"}
	token := encode(w.presign(t, w.session(t, account, "reader"), identityQuery, forUs))
	i := w.identity(t, w.URL)
	who, err := i.Verify(t.Context(), token)
	id := w.Directory().Snapshot().RoleByName(account, "reader").UniqueID
	if err != nil || who.ARN != "arn:aws:sts::"+account+":assumed-role/reader/session" || who.UniqueID != id || who.SessionName != "session" ||
		who.Account != account || who.Region != "us-east-1" || !who.Signed.Equal(w.clock()) || !strings.HasPrefix(who.AccessKeyID, "ASIA") || who.IdentityARN != "" {
		t.Errorf("the caller is %+v, %v", who, err)
	}
	user, err := i.Verify(t.Context(), encode(w.presign(t, alice, identityQuery, forUs)))
	if err != nil || user.IdentityARN != "arn:aws:iam::"+account+":user/alice" || user.SessionName != "" {
		t.Errorf("the user is %+v, %v", user, err)
	}
	_, err = i.Verify(t.Context(), encode(w.presign(t, aws.Credentials{AccessKeyID: alice.AccessKeyID, SecretAccessKey: "x"}, identityQuery, forUs)))
	refusal(t, "signed by nobody", err, "AccessDenied")
	w.advance(61 * time.Second)
	_, err = i.Verify(t.Context(), token)
	refusal(t, "after its time", err, "InvalidIdentityToken")
	if err != nil && strings.Contains(err.Error(), "X-Amz-Signature") {
		t.Errorf("the error has the token in it: %v", err)
	}
}

// TestATokenLeadsNowhereElse: whoever makes a token must not choose what a service asks,
// and of whom (server-side request forgery).
func TestATokenLeadsNowhereElse(t *testing.T) {
	w := newWorld(t)
	asked := 0
	sts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(sts.Close)
	host, i := strings.TrimPrefix(sts.URL, "http://"), w.identity(t, sts.URL)
	base := w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "reports"})
	base = strings.Replace(base, w.URL, sts.URL, 1)
	stranger := w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "reports", "X-Forwarded-Host": "a"})
	plain := w.presign(t, alice, identityQuery, nil)
	for name, token := range map[string]string{
		"empty":                    "",
		"no prefix":                base,
		"no base64":                "k8s-aws-v1.!",
		"no URL":                   encode("http://%zz"),
		"another host":             encode(strings.Replace(base, host, "169.254.169.254", 1)),
		"the host as a user":       encode(strings.Replace(base, "http://", "http://"+host+"@169.254.169.254/", 1)),
		"a user":                   encode(strings.Replace(base, "http://", "http://u:p@", 1)),
		"another scheme":           encode(strings.Replace(base, "http://", "https://", 1)),
		"a path":                   encode(strings.Replace(base, "/?", "/rolecall/v1/verify?", 1)),
		"a fragment":               encode(base + "#x"),
		"another action":           encode(strings.Replace(base, "GetCallerIdentity", "GetSessionToken", 1)),
		"two actions":              encode(base + "&Action=GetCallerIdentity"),
		"another version":          encode(strings.Replace(base, "2011-06-15", "2010-05-08", 1)),
		"a parameter more":         encode(base + "&RoleArn=x"),
		"a parameter in lowercase": encode(base + "&action=GetSessionToken"),
		"a semicolon":              encode(base + ";Action=GetSessionToken"),
		"a header more":            encode(strings.Replace(stranger, w.URL, sts.URL, 1)),
		"no server id":             encode(strings.Replace(plain, w.URL, sts.URL, 1)),
		"too long a life":          encode(strings.Replace(base, "X-Amz-Expires=60", "X-Amz-Expires=901", 1)),
		"a life that is none":      encode(strings.Replace(base, "X-Amz-Expires=60", "X-Amz-Expires=-1", 1)),
		"no date":                  encode(strings.Replace(base, "X-Amz-Date=", "X-Amz-Date=x", 1)),
		"too long":                 encode(base + "&x-amz-user-agent=" + strings.Repeat("x", 8<<10)),
	} {
		_, err := i.Verify(t.Context(), token)
		refusal(t, name, err, "InvalidIdentityToken")
	}
	if asked > 0 {
		t.Errorf("the STS was asked %d times", asked)
	}
	_, err := i.Verify(t.Context(), encode(base))
	refusal(t, "an STS that answers nothing", err, "ServiceUnavailable")
	if asked != 1 {
		t.Errorf("a sound token: the STS was asked %d times", asked)
	}
}

// TestTheTokenIsForThisServer: what another server was shown it cannot show here.
func TestTheTokenIsForThisServer(t *testing.T) {
	w := newWorld(t)
	i := w.identity(t, w.URL)
	_, err := i.Verify(t.Context(), encode(w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "billing"})))
	refusal(t, "for another server", err, "AccessDenied")
	token := encode(strings.Replace(w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "reports"}), "X-Amz-Expires=60", "X-Amz-Expires=0", 1))
	_, err = i.Verify(t.Context(), token) // it covers the life too
	refusal(t, "a longer life than was signed", err, "AccessDenied")
	endless := encode(w.presign(t, alice, strings.Replace(identityQuery, "60", "0", 1), map[string]string{verify.DefaultHeader: "reports"}))
	w.advance(15 * time.Minute)
	if _, err := i.Verify(t.Context(), endless); err != nil {
		t.Errorf("one that says 0, after 15 minutes: %v", err)
	}
	w.advance(time.Second)
	_, err = i.Verify(t.Context(), endless)
	refusal(t, "one that says 0, after more", err, "InvalidIdentityToken")
}

// TestNoRedirectIsFollowed also shows that a network's error does not print the token.
func TestNoRedirectIsFollowed(t *testing.T) {
	w := newWorld(t)
	sts := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		http.Redirect(out, r, w.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(sts.Close)
	token := func() string {
		return encode(strings.Replace(w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "reports"}), w.URL, sts.URL, 1))
	}
	i := w.identity(t, sts.URL)
	_, err := i.Verify(t.Context(), token())
	refusal(t, "a redirect", err, "ServiceUnavailable")
	sts.Close()
	_, err = i.Verify(t.Context(), token())
	refusal(t, "nobody there", err, "ServiceUnavailable")
	if err == nil || strings.Contains(err.Error(), "X-Amz-Signature") || strings.Contains(err.Error(), url.QueryEscape(alice.AccessKeyID)) {
		t.Errorf("the error has the token in it: %v", err)
	}
}

func TestABearerIsKnownByHisToken(t *testing.T) {
	w := newWorld(t)
	protected := verify.Bearer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, _ = out.Write([]byte(verify.Caller(r.Context()).ARN))
	}), w.identity(t, w.URL).Verify)
	for name, test := range map[string]struct {
		header []string
		status int
	}{
		"a token":     {[]string{"Bearer " + encode(w.presign(t, alice, identityQuery, map[string]string{verify.DefaultHeader: "reports"}))}, http.StatusOK},
		"none":        {nil, http.StatusUnauthorized},
		"another way": {[]string{"Basic eA=="}, http.StatusUnauthorized},
		"two":         {[]string{"Bearer a", "Bearer b"}, http.StatusUnauthorized},
		"a bad one":   {[]string{"Bearer a"}, http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		r.Header["Authorization"] = test.header
		reply := httptest.NewRecorder()
		protected.ServeHTTP(reply, r)
		if reply.Code != test.status || test.status == http.StatusOK && reply.Body.String() != "arn:aws:iam::"+account+":user/alice" {
			t.Errorf("%s: %d %s", name, reply.Code, reply.Body)
		}
	}
}
