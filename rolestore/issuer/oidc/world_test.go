package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// op is an OpenID Connect provider whose every answer a test may change.
type op struct {
	*httptest.Server
	asked atomic.Int32 // for keys

	mu     sync.Mutex
	keys   map[string]crypto.Signer
	answer map[string]http.HandlerFunc // by path, in the place of its own
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })

func ecKey(c elliptic.Curve) *ecdsa.PrivateKey { k, _ := ecdsa.GenerateKey(c, rand.Reader); return k }

func newOP(t testing.TB) *op {
	o := &op{keys: map[string]crypto.Signer{"r": rsaKey(), "e": ecKey(elliptic.P256())}, answer: map[string]http.HandlerFunc{}}
	o.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		own := o.answer[r.URL.Path]
		o.mu.Unlock()
		switch {
		case own != nil:
			own(w, r)
		case r.URL.Path == wellKnown:
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": o.URL, "jwks_uri": o.URL + "/keys"})
		case r.URL.Path == "/keys":
			o.asked.Add(1)
			_, _ = w.Write(o.keySet(t))
		default:
			http.NotFound(w, r)
		}
	}))
	o.Config.ErrorLog = nil
	t.Cleanup(o.Close)
	return o
}

// answers has the provider answer a path in another way; nil for its own.
func (o *op) answers(path string, how http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer[path] = how
}

// rotate gives the provider other keys.
func (o *op) rotate(keys map[string]crypto.Signer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = keys
}

func (o *op) keySet(t testing.TB) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return keySetOf(t, o.keys)
}

func keySetOf(t testing.TB, keys map[string]crypto.Signer) []byte {
	t.Helper()
	var set jwkset.JWKSMarshal
	for kid, key := range keys {
		j, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, j.Marshal())
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ca is the certificate of the provider's server.
func (o *op) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Certificate().Raw}))
}

// provider is how an account defines it.
func (o *op) provider() Provider {
	return Provider{Issuer: o.URL, ClientIDs: []string{"app", "other app"}, CA: o.ca(), OnPremises: true}
}

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// claims are those of a token that is valid at now, with changes: pairs of a name and a
// value, nil to take a claim away.
func claims(issuer string, changes ...any) jwt.MapClaims {
	c := jwt.MapClaims{"iss": issuer, "sub": "alice", "aud": "app", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for i := 0; i < len(changes); i += 2 {
		if name := changes[i].(string); changes[i+1] == nil {
			delete(c, name)
		} else {
			c[name] = changes[i+1]
		}
	}
	return c
}

func sign(t testing.TB, m jwt.SigningMethod, kid string, key any, c jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(m, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
