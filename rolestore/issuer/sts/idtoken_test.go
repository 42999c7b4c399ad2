package sts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/oidc"
)

const (
	idp    = "https://idp.example.com/tenant"
	idpARN = "arn:aws:iam::" + account + ":oidc-provider/idp.example.com/tenant"
)

// provider is a fake of an identity provider's keys: one key, unless it has a fault.
type provider struct {
	key   *ecdsa.PrivateKey
	fault error
	asked oidc.Provider
}

// Find implements [Keys].
func (p *provider) Find(of oidc.Provider, _, _ string) (any, error) {
	p.asked = of
	return &p.key.PublicKey, p.fault
}

// Account implements [AccessTokens]: the token "good" is alice's, of the app "app".
func (p *provider) Account(_, token string) (oidc.Account, error) {
	switch {
	case p.fault != nil:
		return oidc.Account{}, p.fault
	case token != "good":
		return oidc.Account{}, errors.Join(oidc.ErrRejected)
	}
	return oidc.Account{AppID: "app", UserID: "alice"}, nil
}

// idToken signs claims, with changes: pairs of a name and a value.
func (p *provider) idToken(t *testing.T, w *world, changes ...any) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": idp, "sub": "alice", "aud": "app", "iat": w.clock().Unix(), "exp": w.clock().Add(time.Hour).Unix()}
	for i := 0; i < len(changes); i += 2 {
		claims[changes[i].(string)] = changes[i+1]
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, claims).SignedString(p.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trustIDP lets a federated principal in by an action under a condition.
func trustIDP(principal, actions, condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + principal + `"},"Action":[` + actions + `],"Condition":{` + condition + `}}}`
}

const onlyWeb, webAndTags = `"sts:AssumeRoleWithWebIdentity"`, `"sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"`

// federatedWorld has roles for people of the provider, whose tokens are for "app".
func federatedWorld(t *testing.T) (*world, *provider) {
	t.Helper()
	d := standard()
	const sub = `"StringEquals":{"idp.example.com/tenant:sub":"alice","idp.example.com/tenant:aud":"app"}`
	d.Accounts[0].OIDCProviders = []directory.OIDCProviderDefinition{{URL: idp, ClientIDs: []string{"app", "second"}},
		{URL: ownURL + "/0123", ClientIDs: []string{"app"}}} // which is this core itself
	d.Accounts[0].Roles = append(d.Accounts[0].Roles,
		role("alice", trustIDP(idpARN, onlyWeb, sub), allowAll),
		role("own", trustIDP("arn:aws:iam::"+account+":oidc-provider/core.example.com/0123", onlyWeb, `"StringEquals":{"core.example.com/0123:sub":"alice"}`)),
		role("tagged", trustIDP(idpARN, webAndTags, `"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"],"sts:TransitiveTagKeys":["team"]}`)),
		role("strong", trustIDP(idpARN, onlyWeb, `"ForAnyValue:StringEquals":{"idp.example.com/tenant:amr":"otp"}`),
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"idp.example.com/tenant:amr":"otp"},"StringEquals":{"idp.example.com/tenant:sub":"alice"}}}}`),
		role("everyone", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"}}`),
		role("google", trustIDP(oidc.Google, onlyWeb, `"StringEquals":{"accounts.google.com:aud":"app"}`)),
		role("facebook", trustIDP(oidc.Facebook, onlyWeb, `"StringEquals":{"graph.facebook.com:app_id":"app","graph.facebook.com:id":"alice"}`)),
		role("amazon", trustIDP(oidc.Amazon, onlyWeb, `"StringEquals":{"www.amazon.com:app_id":"app","www.amazon.com:user_id":"alice"}`)),
		role("account", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+account+`:root"},"Action":"sts:AssumeRole"}}`))
	w := newWorld(t, d)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	w.unlimited()
	w.config.Keys, w.config.AccessTokens = p, p
	return w, p
}

// signIn asks for a role with a token.
func (w *world) signIn(role, token string, pairs ...string) *http.Request {
	return post(form("AssumeRoleWithWebIdentity", append([]string{"RoleArn", role, "RoleSessionName", "phone", "WebIdentityToken", token}, pairs...)...))
}

func TestAnIDTokenBuysASession(t *testing.T) {
	w, p := federatedWorld(t)
	reply := w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w, "aud", "app", "azp", "app")))
	answered(t, reply)
	got := members(reply)
	want := map[string]string{"SubjectFromWebIdentityToken": "alice", "Provider": idpARN, "Audience": "app", "Arn": "arn:aws:sts::" + account + ":assumed-role/alice/phone"}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	who := w.call(t, bought(t, reply), "GetCallerIdentity")
	if answered(t, who); members(who)["Arn"] != want["Arn"] {
		t.Errorf("the caller is %v", members(who))
	}
	if !strings.Contains(w.logged(), `"caller":"alice of `+idpARN+`"`) {
		t.Errorf("the log does not say who it was: %s", w.logged())
	}
	if p.asked.Issuer != idp || len(p.asked.ClientIDs) != 2 || p.asked.OnPremises {
		t.Errorf("the keys of %+v", p.asked)
	}
}

func TestIDTokensThatBuyNothing(t *testing.T) {
	w, p := federatedWorld(t)
	foreign := &provider{key: w.hostKey}
	noProvider, denied := "No OpenIDConnect provider found in your account for ", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	for name, c := range map[string]struct {
		role, token  string
		status       int
		code, begins string
	}{
		"another's subject":          {roleARN(account, "alice"), p.idToken(t, w, "sub", "mallory"), 403, "AccessDenied", denied},
		"another client":             {roleARN(account, "alice"), p.idToken(t, w, "aud", "second"), 403, "AccessDenied", denied},
		"a role that is not there":   {roleARN(account, "nobody"), p.idToken(t, w), 403, "AccessDenied", denied},
		"a role for instances":       {roleARN(account, "web"), p.idToken(t, w), 403, "AccessDenied", denied},
		"a role for its account":     {roleARN(account, "account"), p.idToken(t, w), 403, "AccessDenied", denied},
		"a role of another account":  {roleARN(other, "target"), p.idToken(t, w), 400, "InvalidIdentityToken", noProvider + idp},
		"no account at all":          {"arn:aws:iam:us-east-1::role", p.idToken(t, w), 400, "InvalidIdentityToken", noProvider + idp},
		"a provider that is not":     {roleARN(account, "alice"), p.idToken(t, w, "iss", idp+"/"), 400, "InvalidIdentityToken", noProvider + idp + "/"},
		"without a scheme":           {roleARN(account, "alice"), p.idToken(t, w, "iss", strings.TrimPrefix(idp, "https://")), 400, "InvalidIdentityToken", noProvider + "idp.example.com/tenant"},
		"this core's own tokens":     {roleARN(account, "own"), p.idToken(t, w, "iss", ownURL+"/0123"), 400, "InvalidIdentityToken", noProvider + ownURL},
		"an audience of nobody":      {roleARN(account, "alice"), p.idToken(t, w, "aud", "third"), 400, "InvalidIdentityToken", "Incorrect token audience"},
		"another's signature":        {roleARN(account, "alice"), foreign.idToken(t, w), 400, "InvalidIdentityToken", "its signature does not verify"},
		"an expired one":             {roleARN(account, "alice"), p.idToken(t, w, "exp", w.clock().Add(-time.Hour).Unix()), 400, "ExpiredTokenException", "Token expired: current date/time"},
		"no subject":                 {roleARN(account, "alice"), p.idToken(t, w, "sub", ""), 400, "InvalidIdentityToken", "Missing a required claim: sub"},
		"no JWT":                     {roleARN(account, "alice"), "opaque", 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT."},
		"everyone's role":            {roleARN(account, "everyone"), p.idToken(t, w), 403, "AccessDenied", denied},
		"everyone's role by Google":  {roleARN(account, "everyone"), p.idToken(t, w, "iss", oidc.Google), 403, "AccessDenied", denied},
		"tags that nobody lets":      {roleARN(account, "alice"), p.idToken(t, w, "https://aws.amazon.com/tags/principal_tags/team", "red"), 403, "AccessDenied", denied},
		"a source that nobody lets":  {roleARN(account, "alice"), p.idToken(t, w, "https://aws.amazon.com/source_identity", "alice"), 403, "AccessDenied", denied},
		"another tag":                {roleARN(account, "tagged"), p.idToken(t, w, "https://aws.amazon.com/tags/principal_tags/team", "blue"), 403, "AccessDenied", denied},
		"a reserved tag":             {roleARN(account, "tagged"), p.idToken(t, w, "https://aws.amazon.com/tags/principal_tags/aws:x", "red"), 400, "InvalidIdentityToken", "The claim https://aws.amazon.com/tags is not valid"},
		"a transitive tag of nobody": {roleARN(account, "tagged"), p.idToken(t, w, "https://aws.amazon.com/tags/transitive_tag_keys", "team"), 400, "InvalidIdentityToken", "The claim https://aws.amazon.com/tags is not valid"},
		"a source that is none":      {roleARN(account, "tagged"), p.idToken(t, w, "https://aws.amazon.com/source_identity", "a b"), 400, "InvalidIdentityToken", "The claim https://aws.amazon.com/source_identity"},
		"no second factor":           {roleARN(account, "strong"), p.idToken(t, w, "amr", []string{"pwd"}), 403, "AccessDenied", denied},
		"factors without end":        {roleARN(account, "strong"), p.idToken(t, w, "amr", strings.Split(strings.Repeat("otp ", 20), " ")), 400, "InvalidIdentityToken", "The claim amr has too many values."},
	} {
		if got := refused(t, w.send(w.signIn(c.role, c.token)), c.status, c.code); !strings.HasPrefix(got, c.begins) {
			t.Errorf("%s: %q, want %q", name, got, c.begins)
		}
	}
}

func TestAProviderThatIsAwayIsToldFromOneThatIsWrong(t *testing.T) {
	w, p := federatedWorld(t)
	for fault, c := range map[error]struct{ code, says string }{
		oidc.ErrUnreachable: {"IDPCommunicationError", "The identity provider could not be reached to verify the token. Try again."},
		oidc.ErrKeys:        {"InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
	} {
		p.fault = fault
		if got := refused(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w))), http.StatusBadRequest, c.code); got != c.says {
			t.Errorf("%v: %q, want %q", fault, got, c.says)
		}
	}
	p.fault = oidc.ErrUnreachable
	refused(t, w.send(w.signIn(roleARN(account, "facebook"), "good", "ProviderId", oidc.Facebook)), http.StatusBadRequest, "IDPCommunicationError")
}

// TestWhatAProviderSaysGoesOnIntoTheSession shows tags, the source identity and the
// methods, which a policy of the role asks for.
func TestWhatAProviderSaysGoesOnIntoTheSession(t *testing.T) {
	w, p := federatedWorld(t)
	tagged := w.send(w.signIn(roleARN(account, "tagged"), p.idToken(t, w, "https://aws.amazon.com/source_identity", "alice@corp",
		"https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"team": []string{"red"}}, "transitive_tag_keys": []string{"team"}})))
	answered(t, tagged)
	if m := members(tagged); m["SourceIdentity"] != "alice@corp" || m["PackedPolicySize"] == "" {
		t.Errorf("got %v", m)
	}
	issued := bought(t, tagged)
	claims, _, err := w.directory.Snapshot().Sealer().Open(issued.AccessKeyID, issued.SessionToken.Reveal(), w.clock())
	if err != nil || claims.Provider != idpARN || claims.SourceIdentity != "alice@corp" || len(claims.Tags) != 1 || !claims.Tags[0].Transitive {
		t.Errorf("the session has %+v, %v", claims, err)
	}
	strong := w.send(w.signIn(roleARN(account, "strong"), p.idToken(t, w, "amr", []string{"pwd", "otp"})))
	answered(t, strong)
	answered(t, w.call(t, bought(t, strong), "AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "next"))
	answered(t, w.call(t, bought(t, strong), "AssumeRole", "RoleArn", roleARN(account, "account"), "RoleSessionName", "next"))
}

func TestADeletedProviderBringsNobodyIn(t *testing.T) {
	w, p := federatedWorld(t)
	answered(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w))))
	d := standard()
	d.Accounts[0].Roles = append(d.Accounts[0].Roles, role("alice", trustIDP(idpARN, onlyWeb, `"StringEquals":{"idp.example.com/tenant:sub":"alice"}`)))
	if _, err := w.directory.Reconcile(d, true); err != nil {
		t.Fatal(err)
	}
	refused(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w))), http.StatusBadRequest, "InvalidIdentityToken")
}

// TestGoogleNeedsNoObject, and is known by two names.
func TestGoogleNeedsNoObject(t *testing.T) {
	w, p := federatedWorld(t)
	for _, iss := range []string{"accounts.google.com", "https://accounts.google.com"} {
		reply := w.send(w.signIn(roleARN(account, "google"), p.idToken(t, w, "iss", iss, "aud", "site", "azp", "app")))
		answered(t, reply)
		if m := members(reply); m["Provider"] != oidc.Google || m["Audience"] != "app" {
			t.Errorf("%s: %v", iss, m)
		}
		refused(t, w.send(w.signIn(roleARN(account, "google"), p.idToken(t, w, "iss", iss, "aud", "app", "azp", "site"))), http.StatusForbidden, "AccessDenied")
	}
}

func TestAccessTokensOfAmazonAndFacebook(t *testing.T) {
	w, p := federatedWorld(t)
	for host, role := range map[string]string{oidc.Amazon: "amazon", oidc.Facebook: "facebook"} {
		reply := w.send(w.signIn(roleARN(account, role), "good", "ProviderId", host))
		answered(t, reply)
		want := map[string]string{"SubjectFromWebIdentityToken": "alice", "Provider": host, "Audience": "app"}
		got := members(reply)
		maps.DeleteFunc(got, func(name, _ string) bool { return want[name] == "" })
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v", host, got)
		}
		refused(t, w.send(w.signIn(roleARN(account, role), "bad.token", "ProviderId", host)), http.StatusForbidden, "IDPRejectedClaim")
		refused(t, w.send(w.signIn(roleARN(account, "alice"), "good", "ProviderId", host)), http.StatusForbidden, "AccessDenied")
	}
	for _, id := range []string{"https://graph.facebook.com", "idp.example.com/tenant", "accounts.google.com"} {
		refused(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w), "ProviderId", id)), http.StatusBadRequest, "InvalidParameterValue")
	}
}

// TestAFederatedSessionIsBoundedByItsRole in length and by managed policies of its account.
func TestAFederatedSessionIsBoundedByItsRole(t *testing.T) {
	w, p := federatedWorld(t)
	if got := refused(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w), "DurationSeconds", "3601")), http.StatusBadRequest, "ValidationError"); !strings.Contains(got, "MaxSessionDuration") {
		t.Error(got)
	}
	// Who may not have the role does not learn how long it may be had.
	refused(t, w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w, "sub", "bob"), "DurationSeconds", "3601")), http.StatusForbidden, "AccessDenied")
	reply := w.send(w.signIn(roleARN(account, "alice"), p.idToken(t, w), "Policy", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`))
	answered(t, reply)
	refused(t, w.call(t, bought(t, reply), "AssumeRole", "RoleArn", roleARN(account, "account"), "RoleSessionName", "next"), http.StatusForbidden, "AccessDenied")
}
