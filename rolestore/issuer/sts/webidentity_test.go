package sts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// redemption is the call that a host token of w.claims is for.
func redemption(token string, pairs ...string) url.Values {
	return form("AssumeRoleWithWebIdentity", append([]string{
		"RoleArn", roleARN(account, "web"), "RoleSessionName", callerID, "WebIdentityToken", token}, pairs...)...)
}

func TestAHostTokenIsRedeemedByGETAndPOST(t *testing.T) {
	w := newWorld(t, standard())
	id := w.directory.Snapshot().RoleByName(account, "web").UniqueID
	for _, form := range []func(url.Values) *http.Request{get, post} {
		r := form(redemption(w.hostToken(t, w.claims())))
		reply := w.send(r)
		answered(t, reply)
		for _, element := range []string{
			"<SubjectFromWebIdentityToken>" + callerID + "</SubjectFromWebIdentityToken>",
			"<AssumedRoleId>" + id + ":" + callerID + "</AssumedRoleId>",
			"<Arn>arn:aws:sts::" + account + ":assumed-role/web/" + callerID + "</Arn>",
			"<Provider>" + hostID + "</Provider>",
			"<Audience>" + w.directory.Snapshot().CoreID() + "</Audience>",
		} {
			if !strings.Contains(reply.Body.String(), element) {
				t.Errorf("the reply to a %s lacks %s", r.Method, element)
			}
		}
		if strings.Contains(reply.Body.String(), "PackedPolicySize") {
			t.Error("the reply speaks of a policy")
		}
	}
}

// TestATrustPolicySeesWhichWayAHostAsks shows it of a Deny too, which is silent where a
// key is missing.
func TestATrustPolicySeesWhichWayAHostAsks(t *testing.T) {
	const near, far, socket = "192.0.2.7:1", "198.51.100.7:1", "@"
	const ec2 = `"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"`
	for name, test := range map[string]struct {
		statements string
		allowed    map[string]bool // by peer; those with a + speak TLS
	}{
		"no clear text": {`{"Effect":"Allow",` + ec2 + `},{"Effect":"Deny",` + ec2 + `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
			map[string]bool{near: false, near + "+": true, socket: true}},
		"one network": {`{"Effect":"Allow",` + ec2 + `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`,
			map[string]bool{near: true, far: false, socket: false}},
		"no scripts": {`{"Effect":"Allow",` + ec2 + `},{"Effect":"Deny",` + ec2 + `,"Condition":{"StringLike":{"aws:UserAgent":"curl*"}}}`,
			map[string]bool{near: false}},
	} {
		d := standard()
		d.Accounts[0].Roles[0].AssumeRolePolicyDocument = []byte(`{"Version":"2012-10-17","Statement":[` + test.statements + `]}`)
		w := newWorld(t, d)
		for peer, allowed := range test.allowed {
			r := post(redemption(w.hostToken(t, w.claims())))
			r.Header.Set("User-Agent", "curl/8")
			var secure bool
			if r.RemoteAddr, secure = strings.CutSuffix(peer, "+"); secure {
				r.TLS = &tls.ConnectionState{}
			}
			if reply := w.send(r); (reply.Code == 200) != allowed {
				t.Errorf("%s, from %s: %d %s", name, peer, reply.Code, reply.Body)
			}
		}
	}
}

func TestMaxSessionDurationDoesNotBoundAHost(t *testing.T) {
	w := newWorld(t, standard())
	claims := w.claims()
	claims.Duration = 12 * time.Hour
	reply := w.send(post(redemption(w.hostToken(t, claims), "DurationSeconds", "43200")))
	answered(t, reply)
	if want := "<Expiration>" + w.clock().Add(12*time.Hour).Format(time.RFC3339); !strings.Contains(reply.Body.String(), want) {
		t.Errorf("the reply lacks %s", want)
	}
	claims.Duration += time.Second // but the model does
	refused(t, w.send(post(redemption(w.hostToken(t, claims), "DurationSeconds", "43201"))), http.StatusBadRequest, "ValidationError")
}

func TestAHostTokenBuysOneRequestOnly(t *testing.T) {
	w := newWorld(t, standard())
	token := w.hostToken(t, w.claims())
	for _, change := range [][2]string{
		{"RoleArn", roleARN(account, "target")},
		{"RoleArn", roleARN(account, "nowhere")},
		{"RoleSessionName", "i-0fedcba9876543210"},
		{"DurationSeconds", "3601"},
		{"DurationSeconds", "900"},
	} {
		got := refused(t, w.send(post(redemption(token, change[0], change[1]))), http.StatusForbidden, "AccessDenied")
		if got != "Not authorized to perform sts:AssumeRoleWithWebIdentity" {
			t.Errorf("%s: %q", change, got)
		}
	}
	answered(t, w.send(post(redemption(token, "DurationSeconds", "3600"))))
	got := refused(t, w.send(post(redemption(token, "DurationSeconds", "3600"))), http.StatusBadRequest, "InvalidIdentityToken")
	if !strings.HasPrefix(got, "The host token was used before") || !strings.Contains(w.logged(), `"reason":"host `+hostID+`: the token was used before"`) {
		t.Errorf("bought with twice: %q, and the log is %s", got, w.logged())
	}
}

// TestTheSessionOfAnInstanceEndsWithItsLease takes away, one by one, what a session
// stands on, and gives it back.
func TestTheSessionOfAnInstanceEndsWithItsLease(t *testing.T) {
	w := newWorld(t, standard())
	buy := func() rolestore.Credentials {
		t.Helper()
		reply := w.send(post(redemption(w.hostToken(t, w.claims()))))
		answered(t, reply)
		return credentialsIn(t, reply.Body.Bytes())
	}
	known := func(c rolestore.Credentials) bool {
		reply := w.send(w.signed(t, c, form("GetCallerIdentity")))
		if reply.Code != http.StatusOK {
			refused(t, reply, http.StatusForbidden, "InvalidClientTokenId")
		}
		return reply.Code == http.StatusOK
	}
	for name, test := range map[string]struct {
		end   func() error
		mend  func() error
		again bool // is the old session good again afterwards
	}{
		"revoked":  {func() error { _, err := w.directory.Revoke(callerID, "", w.clock()); return err }, nil, false},
		"released": {func() error { _, err := w.directory.Release(callerID, ""); return err }, nil, false},
		"the grant taken away": {
			func() error { return w.directory.RemoveGrant(account, "web") },
			func() error { grantWeb(t, w.directory, &w.hostKey.PublicKey, w.clock()); return nil }, true},
		"the host removed": {
			func() error { return w.directory.RemoveHost(hostID) },
			func() error { grantWeb(t, w.directory, &w.hostKey.PublicKey, w.clock()); return nil }, false},
	} {
		c := buy()
		if !known(c) {
			t.Fatalf("%s: the session was never good", name)
		}
		if err := test.end(); err != nil {
			t.Fatal(err)
		}
		if known(c) {
			t.Errorf("%s: the session is good", name)
		}
		if test.mend != nil {
			if err := test.mend(); err != nil {
				t.Fatal(err)
			}
		}
		next := buy()
		if known(c) != test.again || !known(next) {
			t.Errorf("%s and mended: the old session is good: %t, the new one: %t", name, known(c), known(next))
		}
	}
	// A session of that name which no host was given has no lease to end.
	if c := w.session(t, account, "web"); !known(c) {
		t.Error("the session of another way ended too")
	}
}

// TestASessionPolicyNarrowsWhatAHostTokenBuys has policies that the token says nothing
// of: what the session is bought with, it lacks, and no policy adds to what the role may.
func TestASessionPolicyNarrowsWhatAHostTokenBuys(t *testing.T) {
	definitions := withPeople()
	definitions.Accounts[0].Roles[0] = role("web", trustEC2, statement(`"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"`))
	w := newWorld(t, definitions)
	buy := func(pairs ...string) *httptest.ResponseRecorder {
		t.Helper()
		return w.send(post(redemption(w.hostToken(t, w.claims()), pairs...)))
	}
	ask := []string{"Audience.member.1", "a", "SigningAlgorithm", "ES384"}
	for name, test := range map[string]struct {
		pairs   []string
		allowed bool
	}{
		"none":           {nil, true},
		"everything":     {[]string{"Policy", allowAll}, true},
		"something else": {[]string{"Policy", statement(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`)}, false},
		"a managed one":  {[]string{"PolicyArns.member.1.arn", "arn:aws:iam::" + account + ":policy/read"}, false},
	} {
		reply := buy(test.pairs...)
		answered(t, reply)
		if got := strings.Contains(reply.Body.String(), "<PackedPolicySize>"); got != (test.pairs != nil) {
			t.Errorf("%s: the reply speaks of a policy: %t", name, got)
		}
		c := credentialsIn(t, reply.Body.Bytes())
		if got := w.call(t, c, "GetWebIdentityToken", ask...); (got.Code == http.StatusOK) != test.allowed {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
		refused(t, w.call(t, c, "GetWebIdentityToken", append(ask, tag(1, "a", "b")...)...), http.StatusForbidden, "AccessDenied") // as the role itself
	}
	refused(t, buy("Policy", "{}"), http.StatusBadRequest, "MalformedPolicyDocument")
	refused(t, buy("Policy", allowAll+strings.Repeat(" ", 2048)), http.StatusBadRequest, "ValidationError")
	elsewhere := []string{"PolicyArns.member.1.arn", "arn:aws:iam::" + other + ":policy/read"}
	refused(t, buy(elsewhere...), http.StatusBadRequest, "ValidationError")
	// Whose token is not accepted learns nothing of policies.
	refused(t, w.send(post(redemption("not.a.token", elsewhere...))), http.StatusBadRequest, "InvalidIdentityToken")
	stranger := w.claims()
	stranger.InstanceID, stranger.SessionName = "i-0fedcba9876543210", "i-0fedcba9876543210"
	refused(t, w.send(post(redemption(w.hostToken(t, stranger), append(elsewhere, "RoleSessionName", stranger.SessionName)...))), http.StatusForbidden, "AccessDenied")
}

func credentialsIn(t *testing.T, body []byte) rolestore.Credentials {
	t.Helper()
	var reply struct {
		AccessKeyID string `xml:"AssumeRoleWithWebIdentityResult>Credentials>AccessKeyId"`
		Secret      string `xml:"AssumeRoleWithWebIdentityResult>Credentials>SecretAccessKey"`
		Token       string `xml:"AssumeRoleWithWebIdentityResult>Credentials>SessionToken"`
	}
	if err := xml.Unmarshal(body, &reply); err != nil || reply.AccessKeyID == "" {
		t.Fatalf("%v: %s", err, body)
	}
	return rolestore.Credentials{AccessKeyID: reply.AccessKeyID, SecretAccessKey: rolestore.NewSecret(reply.Secret), SessionToken: rolestore.NewSecret(reply.Token)}
}

// A host must not learn from a reply which roles, profiles and instances there are.
func TestRefusalsOfAHostDoNotSayWhy(t *testing.T) {
	w := newWorld(t, standard())
	var first string
	for _, change := range []func(*hosttoken.Claims){
		func(c *hosttoken.Claims) { c.RoleARN = roleARN(account, "nowhere") },
		func(c *hosttoken.Claims) { c.RoleARN = roleARN(account, "target") }, // in a profile that is not granted
		func(c *hosttoken.Claims) { c.RoleARN = roleARN(account, "plain") },  // in no profile
		func(c *hosttoken.Claims) { c.RoleARN = roleARN(other, "web") },
		func(c *hosttoken.Claims) { c.InstanceID, c.SessionName = "i-0fedcba9876543210", "i-0fedcba9876543210" },
		func(c *hosttoken.Claims) { c.SessionName = "alice" },
	} {
		claims := w.claims()
		change(&claims)
		reply := w.send(post(redemption(w.hostToken(t, claims), "RoleArn", claims.RoleARN, "RoleSessionName", claims.SessionName)))
		refused(t, reply, http.StatusForbidden, "AccessDenied")
		body := uuid.ReplaceAllString(reply.Body.String(), "ID")
		if first == "" {
			first = body
		}
		if body != first {
			t.Errorf("%+v: %s\nwant %s", claims, body, first)
		}
	}
	if n := strings.Count(w.logged(), `"reason":"host `+hostID+", instance i-"); n != 6 {
		t.Errorf("the log explains %d of 6 refusals: %s", n, w.logged())
	}
}

func TestTokensThatAreNotOurHostsAreRefused(t *testing.T) {
	w := newWorld(t, standard())
	claimed := func(change func(*hosttoken.Claims)) string {
		c := w.claims()
		change(&c)
		return w.hostToken(t, c)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := hosttoken.Sign(key, w.claims(), w.clock())
	if err != nil {
		t.Fatal(err)
	}
	good := w.hostToken(t, w.claims())
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"` + hosttoken.Type + `"}`))
	foreign := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT"}`))
	provided := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://idp.example.com","sub":"x"}`))
	const sentence, unknown = "The host token is not valid for this security token service.", "No OpenIDConnect provider found in your account for "
	const noJWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	for _, test := range []struct{ name, token, message string }{
		{"for another core", claimed(func(c *hosttoken.Claims) { c.Core = "core-0123456789abcdef" }), sentence},
		{"of a host that is not registered", claimed(func(c *hosttoken.Claims) { c.Host = "h-0fedcba9876543210" }), sentence},
		{"signed with another key", forged, sentence},
		{"with another token's signature", parts[0] + "." + parts[1] + "." + strings.Split(w.hostToken(t, w.claims()), ".")[2], sentence},
		{"without a signature", none + "." + parts[1] + ".", sentence},
		{"of another type", foreign + "." + parts[1] + "." + parts[2], unknown + hostID},
		{"of a provider", foreign + "." + provided + "." + parts[2], unknown + "https://idp.example.com"},
		{"of a provider that does not say so", foreign + "." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + "." + parts[2], noJWT},
		{"not a JWT at all", "token", noJWT},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := refused(t, w.send(post(redemption(test.token))), http.StatusBadRequest, "InvalidIdentityToken")
			if got != test.message {
				t.Errorf("the message is %q", got)
			}
		})
	}
}

func TestAHostTokenIsGoodForAMinute(t *testing.T) {
	w := newWorld(t, standard())
	used, token := w.hostToken(t, w.claims()), w.hostToken(t, w.claims())
	w.advance(hosttoken.MaxLifetime - time.Second)
	answered(t, w.send(post(redemption(used))))
	w.advance(2 * time.Second)
	got := refused(t, w.send(post(redemption(token))), http.StatusBadRequest, "ExpiredTokenException")
	if !strings.HasPrefix(got, "Token expired: ") {
		t.Errorf("the message is %q", got)
	}
	w.advance(-time.Hour) // the host's clock is ahead by an hour
	refused(t, w.send(post(redemption(token))), http.StatusBadRequest, "InvalidIdentityToken")
}

func TestWebIdentityTokensHaveTheModelsBounds(t *testing.T) {
	w := newWorld(t, standard())
	const constraint = "1 validation error detected: Value '***' at 'webIdentityToken' failed to satisfy constraint: Member must have length "
	for token, want := range map[string]string{
		"abc":                      constraint + "greater than or equal to 4",
		strings.Repeat("a", 20001): constraint + "less than or equal to 20000",
	} {
		if got := refused(t, w.send(post(redemption(token))), http.StatusBadRequest, "ValidationError"); got != want {
			t.Errorf("got %q", got)
		}
	}
	f := redemption("")
	f.Del("WebIdentityToken")
	refused(t, w.send(post(f)), http.StatusBadRequest, "ValidationError")
}
