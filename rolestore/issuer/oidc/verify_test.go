package oidc

import (
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const issuer = "https://idp.example.com/tenant"

var (
	p256, p384, p521 = ecKey(elliptic.P256()), ecKey(elliptic.P384()), ecKey(elliptic.P521())
	known            = Provider{Issuer: issuer, ClientIDs: []string{"app", "other app"}}
)

func set(t testing.TB) keySet {
	t.Helper()
	s, err := parseKeySet(keySetOf(t, map[string]crypto.Signer{"r": rsaKey(), "256": p256, "384": p384, "521": p521}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// finder looks the keys up in a set.
func finder(s keySet) func(kid, algorithm string) (any, error) {
	return func(kid, algorithm string) (any, error) {
		if key, ok := s.find(kid, algorithm); ok {
			return key, nil
		}
		return nil, ErrKeys
	}
}

func TestTheSixAlgorithmsAreVerified(t *testing.T) {
	find := finder(set(t))
	for _, c := range []struct {
		method jwt.SigningMethod
		kid    string
		key    any
	}{
		{jwt.SigningMethodRS256, "r", rsaKey()}, {jwt.SigningMethodRS384, "r", rsaKey()}, {jwt.SigningMethodRS512, "r", rsaKey()},
		{jwt.SigningMethodES256, "256", p256}, {jwt.SigningMethodES384, "384", p384}, {jwt.SigningMethodES512, "521", p521},
	} {
		for _, kid := range []string{c.kid, ""} { // an only key needs no id
			if _, err := Verify(sign(t, c.method, kid, c.key, claims(issuer)), known, find, now); err != nil {
				t.Errorf("%s, kid %q: %v", c.method.Alg(), kid, err)
			}
		}
	}
}

func TestWhatATokenSays(t *testing.T) {
	token := sign(t, jwt.SigningMethodRS256, "r", rsaKey(), claims(issuer,
		"aud", []string{"app", "another"}, "azp", "other app", "amr", []string{"pwd", "otp"},
		"https://aws.amazon.com/source_identity", "alice@corp",
		"https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"team": []string{"red"}}, "transitive_tag_keys": []string{"team"}},
		"https://aws.amazon.com/tags/principal_tags/cost", "42"))
	got, err := Verify(token, known, finder(set(t)), now)
	want := Claims{Issuer: issuer, Subject: "alice", Audience: "other app", OriginalAudience: []string{"app", "another"}, Methods: []string{"pwd", "otp"},
		Tags: map[string]string{"team": "red", "cost": "42"}, TransitiveTags: []string{"team"}, SourceIdentity: "alice@corp"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// TestDatesHaveFiveMinutes shows both sides of each bound.
func TestDatesHaveFiveMinutes(t *testing.T) {
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		ok     bool
	}{
		"exp, just within":  {claims(issuer, "exp", now.Add(-skew+time.Second).Unix()), true},
		"exp, over":         {claims(issuer, "exp", now.Add(-skew).Unix()), false},
		"iat, just within":  {claims(issuer, "iat", now.Add(skew).Unix()), true},
		"iat, ahead":        {claims(issuer, "iat", now.Add(skew+time.Second).Unix()), false},
		"nbf, just within":  {claims(issuer, "nbf", now.Add(skew).Unix()), true},
		"nbf, ahead":        {claims(issuer, "nbf", now.Add(skew+time.Second).Unix()), false},
		"a day old":         {claims(issuer, "iat", now.Add(-maxAge-skew).Unix()), true},
		"more than a day":   {claims(issuer, "iat", now.Add(-maxAge-skew-time.Second).Unix()), false},
		"exp of 20 seconds": {claims(issuer, "exp", now.Add(20*time.Second).Unix()), true},
	} {
		if _, err := Verify(sign(t, jwt.SigningMethodES256, "256", p256, c.claims), known, finder(set(t)), now); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// segment encodes a part of a token that no library would write.
func segment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// raw signs what is given as it is.
func raw(t *testing.T, header, payload string) string {
	t.Helper()
	signed := segment(header) + "." + segment(payload)
	signature, err := jwt.SigningMethodES256.Sign(signed, p256)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestTokensThatAreNotBelieved(t *testing.T) {
	good := func(changes ...any) string {
		return sign(t, jwt.SigningMethodES256, "256", p256, claims(issuer, changes...))
	}
	body, _ := json.Marshal(claims(issuer))
	text := string(body)
	der, _ := x509.MarshalPKIXPublicKey(rsaKey().Public())
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	const header = `{"alg":"ES256","kid":"256"}`
	for name, c := range map[string]struct {
		token string
		want  error
		says  string
	}{
		"no JWT":                         {"abc", ErrMalformed, ""},
		"an opaque access token":         {"Atza|IQEBLjAsAhRmHjNgHpi0U-Dme37rR6CuUpSR", ErrMalformed, ""},
		"four parts":                     {good() + ".x", ErrMalformed, ""},
		"padding":                        {good() + "=", ErrMalformed, ""},
		"an extension that is critical":  {raw(t, `{"alg":"ES256","kid":"256","crit":["b64"],"b64":false}`, text), ErrMalformed, ""},
		"a claim twice":                  {raw(t, header, strings.Replace(text, `{`, `{"sub":"root",`, 1)), ErrMalformed, ""},
		"a claim in capitals":            {raw(t, header, strings.Replace(text, `"sub"`, `"SUB"`, 1)), ErrInvalid, "Missing a required claim: sub"},
		"a number for a subject":         {raw(t, header, strings.Replace(text, `"alice"`, `7`, 1)), ErrMalformed, ""},
		"no algorithm":                   {sign(t, jwt.SigningMethodNone, "256", jwt.UnsafeAllowNoneSignatureType, claims(issuer)), ErrInvalid, "algorithm"},
		"a public key as a secret":       {sign(t, jwt.SigningMethodHS256, "r", public, claims(issuer)), ErrInvalid, "algorithm"},
		"PS256":                          {sign(t, jwt.SigningMethodPS256, "r", rsaKey(), claims(issuer)), ErrInvalid, "algorithm"},
		"another's key":                  {sign(t, jwt.SigningMethodES256, "256", ecKey(elliptic.P256()), claims(issuer)), ErrInvalid, "signature"},
		"a key of another curve":         {sign(t, jwt.SigningMethodES384, "256", p384, claims(issuer)), ErrKeys, ""},
		"a key of another type":          {sign(t, jwt.SigningMethodRS256, "256", rsaKey(), claims(issuer)), ErrKeys, ""},
		"a key id that is not there":     {sign(t, jwt.SigningMethodES256, "../256", p256, claims(issuer)), ErrKeys, ""},
		"a key that it brings along":     {raw(t, `{"alg":"ES256","jwk":{"kty":"EC"},"kid":"x"}`, text), ErrKeys, ""},
		"another issuer":                 {good("iss", issuer+"/"), ErrInvalid, "iss"},
		"no expiry":                      {good("exp", nil), ErrInvalid, "Missing a required claim: exp"},
		"no iat":                         {good("iat", nil), ErrInvalid, "Missing a required claim: iat"},
		"no subject":                     {good("sub", nil), ErrInvalid, "Missing a required claim: sub"},
		"no audience":                    {good("aud", nil), ErrInvalid, "Missing a required claim: aud"},
		"an expiry with a fraction":      {good("exp", 1.5+float64(now.Unix())), ErrInvalid, "whole numbers"},
		"an expiry in words":             {raw(t, header, strings.Replace(text, `"exp":`, `"exp":"x","was":`, 1)), ErrMalformed, ""},
		"expired":                        {good("exp", now.Add(-time.Hour).Unix()), ErrExpired, "current date/time 1772600767 must be before the expiration date/time 1772597167"},
		"too old":                        {good("iat", now.Unix()-441398), ErrInvalid, "Token too old: 441398"},
		"somebody else's audience":       {good("aud", "app2"), ErrAudience, ""},
		"several audiences":              {good("aud", []string{"app", "app2"}), ErrAudience, ""},
		"azp of somebody else":           {good("azp", "app2"), ErrAudience, ""},
		"an empty audience":              {good("aud", ""), ErrAudience, ""},
		"a long subject":                 {good("sub", strings.Repeat("a", 256)), ErrInvalid, "sub must have"},
		"tags in a list":                 {good("https://aws.amazon.com/tags", []string{"a"}), ErrInvalid, "principal_tags"},
		"a tag of two values":            {good("https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"a": []string{"b", "c"}}}), ErrInvalid, "principal_tags"},
		"a tag in both forms":            {good("https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"a": "b"}}, "https://aws.amazon.com/tags/principal_tags/a", "c"), ErrInvalid, "principal_tags"},
		"a signature of another payload": {strings.Split(good(), ".")[0] + "." + segment(text+" ") + "." + strings.Split(good(), ".")[2], ErrInvalid, "signature"},
	} {
		_, err := Verify(c.token, known, finder(set(t)), now)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.says)
		}
	}
}

func TestAWellKnownProviderTakesEveryAudienceAndTwoNames(t *testing.T) {
	p := WellKnown{}.Google()
	for _, iss := range []string{Google, "https://" + Google} {
		got, err := Verify(sign(t, jwt.SigningMethodES256, "256", p256, claims(iss, "aud", "a", "azp", "b")), p, finder(set(t)), now)
		if err != nil || got.Issuer != "https://"+Google || got.Audience != "b" {
			t.Errorf("%s: %+v, %v", iss, got, err)
		}
	}
	if _, err := Verify(sign(t, jwt.SigningMethodES256, "256", p256, claims("http://"+Google)), p, finder(set(t)), now); !errors.Is(err, ErrInvalid) {
		t.Errorf("another name: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	token := sign(f, jwt.SigningMethodES256, "256", p256, claims(issuer))
	f.Add(token)
	f.Add("a.b.c")
	f.Add(segment(`{"alg":"none"}`) + "." + segment(`{"iss":"`+issuer+`"}`) + ".")
	find := finder(set(f))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Issuer(text); err == nil && text != token {
			if c, err := Verify(text, known, find, now); err == nil {
				t.Errorf("%q is believed: %+v", text, c)
			}
		}
	})
}
