package container_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/rolestore"
)

const issuer = "https://kubernetes.default.svc.cluster.local"

var (
	now  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	web0 = rolestore.Pod{ClusterName: "prod", Namespace: "shop", ServiceAccount: "web", Name: "web-0", UID: "0f8fad5b-d9cb-469f-a165-70867728950e"}
)

// keys are those of the cluster, and one of a stranger.
var keys = sync.OnceValue(func() (k struct {
	rsa, stranger *rsa.PrivateKey
	ec            *ecdsa.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.stranger, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return k
})

// prod has a key set as `kubectl get --raw /openid/v1/jwks` prints one.
func prod(t testing.TB) container.Cluster {
	t.Helper()
	b64 := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	point, err := keys().ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"keys": []map[string]string{
		{"use": "sig", "kty": "RSA", "kid": "rsa", "alg": "RS256", "n": b64(keys().rsa.N), "e": "AQAB"},
		{"use": "sig", "kty": "EC", "kid": "ec", "alg": "ES256", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])},
		{"use": "sig", "kty": "RSA", "kid": "bare", "n": b64(keys().rsa.N), "e": "AQAB"},
	}}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyfunc.NewJWKSetJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return container.Cluster{Issuer: issuer, Keys: k.Keyfunc}
}

// claims are those that the kubelet projects for web0.
func claims() jwt.MapClaims {
	return jwt.MapClaims{
		"aud": []string{"pods.eks.amazonaws.com"}, "iss": issuer, "sub": "system:serviceaccount:shop:web", "jti": "x",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      "shop",
			"node":           map[string]string{"name": "n1", "uid": "1"},
			"pod":            map[string]string{"name": web0.Name, "uid": web0.UID},
			"serviceaccount": map[string]string{"name": "web", "uid": "2"},
		},
	}
}

func sign(t testing.TB, method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestATokenOfThePodIsGood(t *testing.T) {
	c := prod(t)
	for name, token := range map[string]string{
		"RS256":                  sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, claims()),
		"ES256":                  sign(t, jwt.SigningMethodES256, "ec", keys().ec, claims()),
		"a key without alg":      sign(t, jwt.SigningMethodRS512, "bare", keys().rsa, claims()),
		"no kid":                 sign(t, jwt.SigningMethodRS256, "", keys().rsa, claims()),
		"another audience too":   sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, with("aud", []string{"x", "pods.eks.amazonaws.com"})),
		"a clock 10 s behind":    sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, with("nbf", now.Add(10*time.Second).Unix())),
		"a clock 9 s in advance": sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, with("exp", now.Add(-9*time.Second).Unix())),
	} {
		if err := c.Verify(token, web0, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// with are the claims with one of them changed, or left out.
func with(name string, value any) jwt.MapClaims {
	c := maps.Clone(claims())
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func TestWhatIsNoTokenOfTheClusterIsRefused(t *testing.T) {
	c := prod(t)
	good := sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, claims())
	public, err := x509.MarshalPKIXPublicKey(&keys().rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	rs256 := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, c) }
	unbound := with("kubernetes.io", map[string]any{"namespace": "shop", "serviceaccount": map[string]string{"name": "web"}})
	for name, tc := range map[string]struct{ token, says string }{
		"no token":                             {"", "there is none"},
		"a word":                               {"secret", "no JWT"},
		"a very long one":                      {strings.Repeat("a", 9<<10), "no JWT"},
		"Bearer before it":                     {"Bearer " + good, "no JWT"},
		"alg none":                             {sign(t, jwt.SigningMethodNone, "rsa", jwt.UnsafeAllowNoneSignatureType, claims()), "signed"},
		"HS256 with the public key, DER":       {sign(t, jwt.SigningMethodHS256, "rsa", public, claims()), "signed"},
		"HS256 with the public key, PEM":       {sign(t, jwt.SigningMethodHS256, "rsa", publicPEM, claims()), "signed"},
		"HS256 with the modulus, without kid":  {sign(t, jwt.SigningMethodHS256, "", keys().rsa.N.Bytes(), claims()), "signed"},
		"PS256, which Kubernetes does not use": {sign(t, jwt.SigningMethodPS256, "bare", keys().rsa, claims()), "signed"},
		"another alg than the key's":           {sign(t, jwt.SigningMethodRS512, "rsa", keys().rsa, claims()), "signed"},
		"a stranger's key":                     {sign(t, jwt.SigningMethodRS256, "rsa", keys().stranger, claims()), "signed"},
		"an unknown key":                       {sign(t, jwt.SigningMethodRS256, "other", keys().rsa, claims()), "signed"},
		"a key of the other kind":              {sign(t, jwt.SigningMethodRS256, "ec", keys().rsa, claims()), "signed"},
		"no signature":                         {good[:strings.LastIndexByte(good, '.')+1], "signed"},
		"another signature":                    {good[:len(good)-4] + "AAAA", "signed"},
		"expired":                              {rs256(with("exp", now.Add(-11*time.Second).Unix())), "expired"},
		"not valid yet":                        {rs256(with("nbf", now.Add(11*time.Second).Unix())), "expired"},
		"issued later":                         {rs256(with("iat", now.Add(11*time.Second).Unix())), "expired"},
		"never expiring":                       {rs256(with("exp", nil)), "claim"},
		"for the API server":                   {rs256(with("aud", []string{issuer})), "not for"},
		"for nobody":                           {rs256(with("aud", nil)), "claim"},
		"of another cluster":                   {rs256(with("iss", "https://other")), "issuer"},
		"of no cluster":                        {rs256(with("iss", nil)), "claim"},
		"of a user":                            {rs256(with("sub", "admin")), "claim"},
		"of another account than it says":      {rs256(with("sub", "system:serviceaccount:shop:db")), "claim"},
		"bound to no pod":                      {rs256(unbound), "claim"},
		"without Kubernetes' claims":           {rs256(with("kubernetes.io", nil)), "claim"},
		"with claims that are none":            {rs256(with("kubernetes.io", "shop")), "no JWT"},
	} {
		err := c.Verify(tc.token, web0, now)
		if !errors.Is(err, container.ErrToken) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

// TestATokenIsWrittenInOneWayAlone: the last character of a signature of 256 bytes has four
// bits that say nothing, which are zero (RFC 4648, section 3.5). Were they free, there would
// be sixteen spellings of a token.
func TestATokenIsWrittenInOneWayAlone(t *testing.T) {
	c := prod(t)
	good := sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, claims())
	last := good[len(good)-1]
	if err := c.Verify(good, web0, now); err != nil || !strings.ContainsRune("AQgw", rune(last)) {
		t.Fatalf("the token ends in %c: %v", last, err)
	}
	if err := c.Verify(good[:len(good)-1]+string(last+1), web0, now); !errors.Is(err, container.ErrToken) {
		t.Errorf("with a bit that says nothing: %v", err)
	}
}

// TestATokenHasABound, above which not even its signature is looked at.
func TestATokenHasABound(t *testing.T) {
	const bound = 8 << 10
	c := prod(t)
	longest := 0
	for pad := bound*3/4 - 512; ; pad++ {
		token := sign(t, jwt.SigningMethodES256, "ec", keys().ec, with("pad", strings.Repeat("x", pad)))
		err := c.Verify(token, web0, now)
		if err == nil && len(token) <= bound {
			longest = len(token)
			continue
		}
		if longest < bound-1 || !errors.Is(err, container.ErrToken) || !strings.Contains(err.Error(), "no JWT") {
			t.Errorf("of %d bytes one is good, of %d: %v", longest, len(token), err)
		}
		return
	}
}

func TestATokenOfAnotherPodIsRefused(t *testing.T) {
	c := prod(t)
	token := sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, claims())
	for name, change := range map[string]func(*rolestore.Pod){
		"another namespace": func(p *rolestore.Pod) { p.Namespace = "lab" },
		"another account":   func(p *rolestore.Pod) { p.ServiceAccount = "db" },
		"another name":      func(p *rolestore.Pod) { p.Name = "web-1" },
		"a later pod":       func(p *rolestore.Pod) { p.UID = "1f8fad5b-d9cb-469f-a165-70867728950e" },
	} {
		pod := web0
		change(&pod)
		if err := c.Verify(token, pod, now); !errors.Is(err, container.ErrOtherPod) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestATokenOfAPodOnAnotherNodeIsRefused where the node's name is known.
func TestATokenOfAPodOnAnotherNodeIsRefused(t *testing.T) {
	c := prod(t)
	token := sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, claims()) // on n1
	older := claims()
	older["kubernetes.io"] = maps.Clone(older["kubernetes.io"].(map[string]any))
	delete(older["kubernetes.io"].(map[string]any), "node")
	silent := sign(t, jwt.SigningMethodRS256, "rsa", keys().rsa, older)
	for _, tc := range []struct {
		token, node string
		want        error
	}{
		{token, "n1", nil}, {token, "", nil}, {silent, "", nil},
		{token, "n2", container.ErrOtherNode}, {silent, "n1", container.ErrOtherNode}, {token + "x", "n1", container.ErrToken},
	} {
		if pod, err := c.Read(tc.token, tc.node, now); !errors.Is(err, tc.want) || err == nil != (pod.UID == web0.UID) {
			t.Errorf("on %q: %+v %v, want %v", tc.node, pod, err, tc.want)
		}
	}
}

// FuzzToken changes a good token: what is still good says the same.
func FuzzToken(f *testing.F) {
	c := prod(f)
	good := sign(f, jwt.SigningMethodRS256, "rsa", keys().rsa, claims())
	parts := strings.Split(good, ".")
	f.Add(good, 0, byte(0))
	f.Add(good, len(parts[0])+9, byte('A'))
	f.Add(strings.Join([]string{parts[0], parts[1], ""}, "."), 3, byte('x'))
	f.Add(sign(f, jwt.SigningMethodNone, "rsa", jwt.UnsafeAllowNoneSignatureType, claims()), 0, byte(0))
	f.Add(sign(f, jwt.SigningMethodHS256, "rsa", []byte("secret"), claims()), 0, byte(0))
	f.Add("..", 0, byte('.'))
	f.Fuzz(func(t *testing.T, token string, at int, b byte) {
		text := []byte(token)
		if b != 0 && at >= 0 && at < len(text) {
			text[at] = b
		}
		err := c.Verify(string(text), web0, now)
		switch {
		case err == nil && !bytes.HasPrefix(text, []byte(parts[0]+"."+parts[1]+".")):
			t.Errorf("%q is taken", text)
		case err != nil && !errors.Is(err, container.ErrToken) && !errors.Is(err, container.ErrOtherPod):
			t.Errorf("%q: %v", text, err)
		case err != nil && len(token) > 100 && strings.Contains(err.Error(), token[20:60]):
			t.Errorf("the error shows the token: %v", err)
		}
	})
}
