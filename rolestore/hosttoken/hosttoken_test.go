package hosttoken

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var sound = Claims{
	Host:        "h-0123456789abcdef0",
	Core:        "core-1",
	InstanceID:  "i-0123456789abcdef0",
	RoleARN:     "arn:aws:iam::123456789012:role/default",
	SessionName: "i-0123456789abcdef0",
	Duration:    6 * time.Hour,
	Delivery:    DeliveryV2,
	Tags:        map[string]string{"kubernetes-namespace": "shop"},
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// registry knows one host.
func registry(key *ecdsa.PrivateKey) func(string) *ecdsa.PublicKey {
	return func(host string) *ecdsa.PublicKey {
		if host == sound.Host {
			return &key.PublicKey
		}
		return nil
	}
}

func TestATokenSaysWhatItsHostSaid(t *testing.T) {
	key := newKey(t)
	token, err := Sign(key, sound, now)
	if err != nil {
		t.Fatal(err)
	}
	if !Is(token) {
		t.Error("Is does not recognise a host token")
	}
	for _, at := range []time.Duration{0, MaxLifetime - time.Second, -maxSkew} {
		got, err := Verify(token, sound.Core, registry(key), now.Add(at))
		if err != nil || !reflect.DeepEqual(said(got), sound) || len(got.Once) < minOnce || !got.Issued.Equal(now) {
			t.Errorf("at %s: Verify = %+v, %v", at, got, err)
		}
	}
	again, err := Sign(key, sound, now)
	if err != nil || again == token {
		t.Errorf("the next token is the same one (%v)", err)
	}
}

// said are claims without what Sign makes.
func said(c Claims) Claims {
	c.Once, c.Issued = "", time.Time{}
	return c
}

func TestRefusedTokens(t *testing.T) {
	key, other := newKey(t), newKey(t)
	claims := func(change func(*wire)) wire {
		w := wire{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: sound.Host, Subject: sound.InstanceID, Audience: jwt.ClaimStrings{sound.Core},
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(MaxLifetime)), ID: strings.Repeat("x", minOnce),
			},
			RoleARN: sound.RoleARN, RoleSessionName: sound.SessionName, DurationSeconds: 21600, RoleDelivery: sound.Delivery,
		}
		if change != nil {
			change(&w)
		}
		return w
	}
	sign := func(method jwt.SigningMethod, key any, typ string, w wire) string {
		token := jwt.NewWithClaims(method, w)
		token.Header["typ"] = typ
		signed, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	es := func(change func(*wire)) string { return sign(jwt.SigningMethodES256, key, Type, claims(change)) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := es(nil)

	for _, test := range []struct{ name, token, want string }{
		{"another key", sign(jwt.SigningMethodES256, other, Type, claims(nil)), "signature is invalid"},
		{"an identity provider's token, signed with the host's key", sign(jwt.SigningMethodES256, key, "JWT", claims(nil)), "typ is not"},
		{"no signature", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, Type, claims(nil)), "signing method none is invalid"},
		{"RS256", sign(jwt.SigningMethodRS256, rsaKey, Type, claims(nil)), "signing method RS256 is invalid"},
		{"HS256 with something public as its key", sign(jwt.SigningMethodHS256, []byte("public"), Type, claims(nil)), "signing method HS256 is invalid"},
		{"no delivery", es(func(w *wire) { w.RoleDelivery = "" }), "role_delivery"},
		{"an unknown delivery", es(func(w *wire) { w.RoleDelivery = "3.0" }), "role_delivery"},
		{"a host that is not registered", es(func(w *wire) { w.Issuer = "h-00000000000000000" }), "is registered with this core"},
		{"another core", es(func(w *wire) { w.Audience = jwt.ClaimStrings{"core-2"} }), "audience"},
		{"two cores", es(func(w *wire) { w.Audience = append(w.Audience, "core-2") }), "one core"},
		{"no audience", es(func(w *wire) { w.Audience = nil }), "aud"},
		{"a life of an hour", es(func(w *wire) { w.ExpiresAt = jwt.NewNumericDate(now.Add(time.Hour)) }), "lives longer"},
		{"no expiry", es(func(w *wire) { w.ExpiresAt = nil }), "exp"},
		{"no issue time", es(func(w *wire) { w.IssuedAt = nil }), "iat is missing"},
		{"a clock far ahead", es(func(w *wire) {
			w.IssuedAt = jwt.NewNumericDate(now.Add(time.Hour))
			w.ExpiresAt = jwt.NewNumericDate(now.Add(time.Hour + time.Minute))
		}), "future"},
		{"a name that could be guessed", es(func(w *wire) { w.ID = w.ID[1:] }), "jti"},
		{"a name to fill the core's memory with", es(func(w *wire) { w.ID = strings.Repeat("x", maxOnce+1) }), "jti"},
		{"no instance", es(func(w *wire) { w.Subject = "" }), "required"},
		{"no role", es(func(w *wire) { w.RoleARN = "" }), "required"},
		{"no session name", es(func(w *wire) { w.RoleSessionName = "" }), "required"},
		{"no duration", es(func(w *wire) { w.DurationSeconds = 0 }), "duration_seconds"},
		{"a duration that overflows", es(func(w *wire) { w.DurationSeconds = 1 << 62 }), "duration_seconds"},
		{"the same signature, spelt otherwise", respelt(good), ""},
		{"a changed payload", good[:len(good)/2] + "A" + good[len(good)/2+1:], ""},
		{"an empty string", "", ""},
		{"no token", "not.a.token", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Verify(test.token, sound.Core, registry(key), now)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Verify: %v, want ErrInvalid with %q", err, test.want)
			}
		})
	}
	if _, err := Verify(good, sound.Core, registry(key), now.Add(MaxLifetime)); !errors.Is(err, ErrExpired) {
		t.Errorf("after its time: %v, want ErrExpired", err)
	}
}

// respelt changes the bits of the last character that base64 leaves unused.
func respelt(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])^1])
}

func TestHostTokensAreKnownByTheirHeader(t *testing.T) {
	token, err := Sign(newKey(t), sound, now)
	if err != nil {
		t.Fatal(err)
	}
	if head, _, _ := strings.Cut(token, "."); head != ours || !Is(token) {
		t.Errorf("the header is %s, want %s", head, ours)
	}
	spaced := base64.RawURLEncoding.EncodeToString([]byte(`{"typ": "` + Type + `", "alg": "ES256"}`))
	if !Is(spaced + ".e30.") {
		t.Error("the header of another library is not known")
	}
}

func TestOnlyHostTokensAreTakenForHostTokens(t *testing.T) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{Issuer: "https://idp.example"}).SignedString(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{token, "", "a.b.c", strings.Repeat(".", 100)} {
		if Is(token) {
			t.Errorf("Is(%q) = true", token)
		}
	}
}

func FuzzVerify(f *testing.F) {
	key := newKey(f)
	token, err := Sign(key, sound, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("eyJhbGciOiJub25lIiwidHlwIjoicm9sZWNhbGwtaG9zdCtqd3QifQ.e30.")
	f.Fuzz(func(t *testing.T, candidate string) {
		got, err := Verify(candidate, sound.Core, registry(key), now)
		if err == nil && !reflect.DeepEqual(said(got), sound) {
			t.Errorf("%q was accepted as %+v", candidate, got)
		}
	})
}
