package sts

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// presigned is a GET of f as aws-iam-authenticator makes it.
func (w *world) presigned(t *testing.T, c rolestore.Credentials, f url.Values) *http.Request {
	t.Helper()
	r := get(f)
	r.Header.Set("X-K8s-Aws-Id", "cluster")
	signedURL, headers, err := v4.NewSigner().PresignHTTP(context.Background(), sdkCredentials(c), r, emptyHash, service, "eu-west-1", w.clock())
	if err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest(http.MethodGet, signedURL, nil)
	r.Header = headers
	r.Header.Set("Accept", "application/json")
	return r
}

// altered returns text with its middle character replaced.
func altered(text string) string {
	i, c := len(text)/2, "A"
	if text[i:i+1] == c {
		c = "B"
	}
	return text[:i] + c + text[i+1:]
}

func TestASignatureIsWhatMakesACaller(t *testing.T) {
	w := newWorld(t, standard())
	good, another := w.session(t, account, "web"), w.session(t, account, "web")
	with := func(change func(*rolestore.Credentials)) rolestore.Credentials {
		c := good
		change(&c)
		return c
	}
	const unknown = "The security token included in the request is invalid."
	for _, test := range []struct {
		name          string
		c             rolestore.Credentials
		code, message string
	}{
		{"a wrong secret", with(func(c *rolestore.Credentials) { c.SecretAccessKey = another.SecretAccessKey }), "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
		{"no token", with(func(c *rolestore.Credentials) { c.SessionToken = rolestore.Secret{} }), "InvalidClientTokenId", unknown},
		{"an altered token", with(func(c *rolestore.Credentials) {
			c.SessionToken = rolestore.NewSecret(altered(c.SessionToken.Reveal()))
		}), "InvalidClientTokenId", unknown},
		{"the token of another session", with(func(c *rolestore.Credentials) { c.SessionToken = another.SessionToken }), "InvalidClientTokenId", unknown},
		{"the access key id of another session", with(func(c *rolestore.Credentials) { c.AccessKeyID = another.AccessKeyID }), "InvalidClientTokenId", unknown},
		{"a long-term key", with(func(c *rolestore.Credentials) { c.AccessKeyID = "AKIA" + c.AccessKeyID[4:] }), "InvalidClientTokenId", unknown},
		{"a long-term key without a token", with(func(c *rolestore.Credentials) {
			c.AccessKeyID, c.SessionToken = "AKIA"+c.AccessKeyID[4:], rolestore.Secret{}
		}), "InvalidClientTokenId", unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			// A role that does not exist and a malformed one show that nothing of the
			// request is looked at before the signature.
			for _, f := range []url.Values{
				form("GetCallerIdentity"),
				form("AssumeRole"),
				form("AssumeRole", "RoleArn", roleARN(account, "nowhere"), "RoleSessionName", "alice"),
				form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice", "Policy", "{}"),
			} {
				if got := refused(t, w.send(w.signed(t, test.c, f)), http.StatusForbidden, test.code); got != test.message {
					t.Errorf("the message is %q", got)
				}
			}
		})
	}
}

func TestAnUnsignedRequestIsToldSo(t *testing.T) {
	w := newWorld(t, standard())
	for _, action := range []string{"GetCallerIdentity", "AssumeRole"} {
		got := refused(t, w.send(post(form(action))), http.StatusForbidden, "MissingAuthenticationToken")
		if got != "Request is missing Authentication Token" {
			t.Errorf("the message is %q", got)
		}
	}
	r := post(form("GetCallerIdentity"))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	refused(t, w.send(r), http.StatusBadRequest, "IncompleteSignature")
}

func TestWhatIsSignedCannotBeChanged(t *testing.T) {
	w := newWorld(t, standard())
	f := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	g := form("AssumeRole", "RoleArn", roleARN(account, "long"), "RoleSessionName", "alice")
	r := w.signed(t, w.session(t, account, "web"), f)
	changed := post(g)
	changed.Header = r.Header.Clone()
	refused(t, w.send(changed), http.StatusForbidden, "SignatureDoesNotMatch")

	r = w.signed(t, w.session(t, account, "web"), f)
	r.URL.RawQuery = "DurationSeconds=900"
	refused(t, w.send(r), http.StatusForbidden, "SignatureDoesNotMatch")

	r = w.presigned(t, w.session(t, account, "web"), form("GetCallerIdentity"))
	r.Header.Set("X-K8s-Aws-Id", "another cluster")
	r.Header.Del("Accept")
	refused(t, w.send(r), http.StatusForbidden, "SignatureDoesNotMatch")
}

func TestClocksMayDifferByAQuarterOfAnHour(t *testing.T) {
	w := newWorld(t, standard())
	f := form("GetCallerIdentity")
	for _, test := range []struct {
		off     time.Duration
		message string // empty when the request is answered
	}{
		{-15 * time.Minute, ""},
		{15 * time.Minute, ""},
		{-15*time.Minute - time.Second, "Signature expired: SIGNED is now earlier than EARLIEST (NOW - 15 min.)"},
		{15*time.Minute + time.Second, "Signature not yet current: SIGNED is still later than LATEST (NOW + 15 min.)"},
	} {
		const layout = "20060102T150405Z"
		now := w.clock()
		reply := w.send(sign(t, post(f), f.Encode(), w.session(t, account, "plain"), now.Add(test.off)))
		if test.message == "" {
			answered(t, reply)
			continue
		}
		want := strings.NewReplacer("SIGNED", now.Add(test.off).Format(layout), "NOW", now.Format(layout),
			"EARLIEST", now.Add(-15*time.Minute).Format(layout), "LATEST", now.Add(15*time.Minute).Format(layout)).Replace(test.message)
		if got := refused(t, reply, http.StatusForbidden, "SignatureDoesNotMatch"); got != want {
			t.Errorf("the message is %q, want %q", got, want)
		}
	}
}

func TestAPresignedIdentityIsGoodForAQuarterOfAnHour(t *testing.T) {
	w := newWorld(t, standard())
	f := form("GetCallerIdentity")
	f.Set("X-Amz-Expires", "60") // which STS ignores
	r := w.presigned(t, w.session(t, account, "plain"), f)
	again := r.Clone(t.Context())
	w.advance(15 * time.Minute)
	reply := w.send(r)
	answered(t, reply)
	if !strings.HasPrefix(reply.Body.String(), `{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{`) {
		t.Errorf("the reply is %s", reply.Body)
	}
	w.advance(time.Second)
	again.Header.Del("Accept")
	got := refused(t, w.send(again), http.StatusForbidden, "SignatureDoesNotMatch")
	if !strings.HasPrefix(got, "Signature expired: ") {
		t.Errorf("the message is %q", got)
	}
}

func TestAnExpiredSessionIsToldSoIfItsSecretIsKnown(t *testing.T) {
	w := newWorld(t, standard())
	c := w.session(t, account, "plain")
	w.advance(time.Hour - time.Second)
	answered(t, w.send(w.signed(t, c, form("GetCallerIdentity"))))
	w.advance(time.Second)
	got := refused(t, w.send(w.signed(t, c, form("GetCallerIdentity"))), http.StatusForbidden, "ExpiredToken")
	if got != "The security token included in the request is expired" {
		t.Errorf("the message is %q", got)
	}
	c.SecretAccessKey = rolestore.NewSecret("guessed")
	refused(t, w.send(w.signed(t, c, form("GetCallerIdentity"))), http.StatusForbidden, "SignatureDoesNotMatch")
}

func TestASessionEndsWithItsRole(t *testing.T) {
	definitions := standard()
	w := newWorld(t, definitions)
	c := w.session(t, other, "target")
	answered(t, w.send(w.signed(t, c, form("GetCallerIdentity"))))

	accounts := &definitions.Accounts[1]
	kept := accounts.Roles
	reconcile := func(roles []directory.RoleDefinition) {
		t.Helper()
		accounts.Roles = roles
		if _, err := w.directory.Reconcile(definitions, true); err != nil {
			t.Fatal(err)
		}
	}
	reconcile(kept[:1])
	refused(t, w.send(w.signed(t, c, form("GetCallerIdentity"))), http.StatusForbidden, "InvalidClientTokenId")
	reconcile(kept)
	refused(t, w.send(w.signed(t, c, form("GetCallerIdentity"))), http.StatusForbidden, "InvalidClientTokenId")
	answered(t, w.send(w.signed(t, w.session(t, other, "target"), form("GetCallerIdentity"))))
}

func TestTheSessionOfAnotherCoreIsNobodys(t *testing.T) {
	w, elsewhere := newWorld(t, standard()), newWorld(t, standard())
	refused(t, w.send(w.signed(t, elsewhere.session(t, account, "web"), form("GetCallerIdentity"))), http.StatusForbidden, "InvalidClientTokenId")
}

func TestASignatureForAnotherServiceIsRefused(t *testing.T) {
	w := newWorld(t, standard())
	f := form("GetCallerIdentity")
	r := post(f)
	err := v4.NewSigner().SignHTTP(t.Context(), sdkCredentials(w.session(t, account, "plain")), r, emptyHash, "iam", "eu-west-1", w.clock())
	if err != nil {
		t.Fatal(err)
	}
	got := refused(t, w.send(r), http.StatusForbidden, "SignatureDoesNotMatch")
	if got != "Credential should be scoped to correct service: 'sts'. " {
		t.Errorf("the message is %q", got)
	}
}

func TestEnvoysSignedGETIsAnswered(t *testing.T) {
	w := newWorld(t, standard())
	r := get(form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "envoy"))
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	reply := w.send(sign(t, r, "", w.session(t, account, "web"), w.clock()))
	answered(t, reply)
	if !strings.Contains(reply.Body.String(), `"SessionToken":"`) {
		t.Error("the reply has no session")
	}
}

func TestNoPolicyDeniesAnIdentity(t *testing.T) {
	const denyAll = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	w := newWorld(t, directory.Definitions{Accounts: []directory.AccountDefinition{{ID: account,
		Roles: []directory.RoleDefinition{role("denied", trustEC2, denyAll)}}}})
	answered(t, w.send(w.signed(t, w.session(t, account, "denied"), form("GetCallerIdentity"))))
}
