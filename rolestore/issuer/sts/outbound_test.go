package sts

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// published gets a document as anybody may.
func (w *world) published(t testing.TB, url string, into any) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.RemoteAddr = "192.0.2.1:1"
	reply := w.send(r)
	if reply.Code == http.StatusOK {
		if err := json.Unmarshal(reply.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	return reply.Code
}

func TestAPartyOutsideVerifiesAToken(t *testing.T) {
	w := newWorld(t, withPeople())
	for _, algorithm := range []string{"RS256", "ES384"} {
		reply := w.call(t, alice, "GetWebIdentityToken", append([]string{"Audience.member.1", "https://api.example.com", "SigningAlgorithm", algorithm, "DurationSeconds", "60"}, tag(1, "job", "7")...)...)
		answered(t, reply)
		m := members(reply)
		if m["Expiration"] != w.clock().Add(time.Minute).Format(time.RFC3339) {
			t.Errorf("got %v", m)
		}
		claims := jwt.MapClaims{}
		token, err := jwt.NewParser(jwt.WithTimeFunc(w.clock), jwt.WithAudience("https://api.example.com"), jwt.WithValidMethods([]string{algorithm}), jwt.WithExpirationRequired()).
			ParseWithClaims(m["WebIdentityToken"], claims, func(token *jwt.Token) (any, error) { return w.keyOf(t, token) })
		if err != nil || !token.Valid {
			t.Fatalf("%s: %v", algorithm, err)
		}
		own, _ := claims[ownClaims].(map[string]any)
		tags, _ := own["principal_tags"].(map[string]any)
		asked, _ := own["request_tags"].(map[string]any)
		if claims["sub"] != aliceARN || claims["aud"] != "https://api.example.com" || claims["jti"] == "" || own["aws_account"] != account || own["source_region"] != "eu-west-1" ||
			own["ec2_source_instance_arn"] != nil || tags["team"] != "red" || asked["job"] != "7" {
			t.Errorf("claims %v", claims)
		}
	}
	many := w.call(t, bought(t, w.send(post(redemption(w.hostToken(t, w.claims()))))), "GetWebIdentityToken", "Audience.member.1", "a", "Audience.member.2", "b", "SigningAlgorithm", "ES384")
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(members(many)["WebIdentityToken"], claims); err != nil || claims["sub"] != roleARN(account, "web") || len(claims["aud"].([]any)) != 2 {
		t.Errorf("claims %v (%v)", claims, err)
	}
	if own, _ := claims[ownClaims].(map[string]any); own["ec2_source_instance_arn"] != "arn:aws:ec2:us-east-1:"+account+":instance/"+callerID {
		t.Errorf("of an instance: %v", own)
	}
}

// keyOf finds the key of a token the way that anybody would: by its issuer.
func (w *world) keyOf(t testing.TB, token *jwt.Token) (any, error) {
	t.Helper()
	issuer, err := token.Claims.GetIssuer()
	if err != nil {
		return nil, err
	}
	var about struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if w.published(t, issuer+"/.well-known/openid-configuration", &about) != 200 || about.Issuer != issuer || !strings.HasPrefix(issuer, "https://core.example.com/") {
		t.Fatalf("issuer %q is %+v", issuer, about)
	}
	var set struct{ Keys []jwk }
	w.published(t, about.JWKS, &set)
	for _, k := range set.Keys {
		if k.ID == token.Header["kid"] {
			return k.public(t), nil
		}
	}
	t.Fatalf("no key %v in %+v", token.Header["kid"], set)
	return nil, nil
}

func TestTokensThatAreNotGiven(t *testing.T) {
	definitions := withPeople()
	w := newWorld(t, definitions)
	ask := func(pairs ...string) []string {
		return append([]string{"Audience.member.1", "a", "SigningAlgorithm", "ES384"}, pairs...)
	}
	short := bought(t, w.assume(t, alice, "target", "DurationSeconds", "900", "Policy", allowAll))
	refused(t, w.call(t, short, "GetWebIdentityToken", ask()...), 403, "AccessDenied") // the role itself allows nothing
	web := w.session(t, account, "web")
	w.advance(time.Hour - 5*time.Minute)
	answered(t, w.call(t, web, "GetWebIdentityToken", ask()...))
	refused(t, w.call(t, web, "GetWebIdentityToken", ask("DurationSeconds", "301")...), 403, "SessionDurationEscalationException")
	refused(t, w.call(t, w.session(t, other, "web"), "GetWebIdentityToken", ask()...), 403, "OutboundWebIdentityFederationDisabledException")
	refused(t, w.call(t, carol, "GetWebIdentityToken", ask()...), 403, "AccessDenied")
	for _, pairs := range [][]string{
		{"SigningAlgorithm", "ES384"},
		{"Audience.member.1", "a"},
		{"Audience.member.1", "", "SigningAlgorithm", "ES384"},
		{"Audience.member.1", "a", "SigningAlgorithm", "HS256"},
		ask("DurationSeconds", "59"), ask("DurationSeconds", "3601"),
	} {
		refused(t, w.call(t, alice, "GetWebIdentityToken", pairs...), 400, "ValidationError")
	}
	large := ask()
	for i := range 40 {
		large = append(large, tag(i+1, "k"+strconv.Itoa(i), strings.Repeat("v", 200))...)
	}
	refused(t, w.call(t, alice, "GetWebIdentityToken", large...), 400, "JWTPayloadSizeExceededException")
	definitions.Accounts[0].Users[0].Policies = map[string][]byte{"some": []byte(statement(`"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*",` +
		`"Condition":{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"a"},"NumericLessThanEquals":{"sts:DurationSeconds":"300"},"StringEquals":{"sts:SigningAlgorithm":"ES384"}}`))}
	w.reconcile(t, definitions)
	answered(t, w.call(t, alice, "GetWebIdentityToken", ask()...))
	refused(t, w.call(t, alice, "GetWebIdentityToken", ask("Audience.member.2", "b")...), 403, "AccessDenied")
	refused(t, w.call(t, alice, "GetWebIdentityToken", ask("DurationSeconds", "301")...), 403, "AccessDenied")
	refused(t, w.call(t, alice, "GetWebIdentityToken", append(ask(), tag(1, "a", "b")...)...), 403, "AccessDenied")
}

func TestTheKeySetsOfNobodyAreNotFound(t *testing.T) {
	definitions := withPeople()
	w := newWorld(t, definitions)
	id, _ := w.directory.Snapshot().TokenIssuer(account)
	for path, want := range map[string]int{
		"https://core.example.com/" + id + "/.well-known/jwks.json":             200,
		"https://core.example.com/" + account + "/.well-known/jwks.json":        404,
		"http://attacker.example/" + id + "/.well-known/jwks.json":              403,
		"https://core.example.com/" + id + "/.well-known/openid-configuration/": 404,
		"https://core.example.com//.well-known/openid-configuration":            404,
		"https://core.example.com/" + id + "x/.well-known/openid-configuration": 404,
	} {
		if got := w.published(t, path, &struct{}{}); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	definitions.Accounts[0].JWTVendingEnabled = false
	w.reconcile(t, definitions)
	if got := w.published(t, "https://core.example.com/"+id+"/.well-known/jwks.json", nil); got != 404 {
		t.Errorf("an account that has disabled it: %d", got)
	}
	definitions.Accounts[0].JWTVendingEnabled = true
	w.reconcile(t, definitions)
	if again, _ := w.directory.Snapshot().TokenIssuer(account); again != id {
		t.Error("enabled again, it is another issuer")
	}
}
