package sigv4

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore"
)

// flips calls try with s changed in each single bit.
func flips(s string, try func(changed string)) {
	for i := range len(s) {
		for bit := range 8 {
			b := []byte(s)
			b[i] ^= 1 << bit
			try(string(b))
		}
	}
}

// sameQuery reports whether both queries hold the same parameters: an escape in
// the other case, say, changes the text and nothing that it means.
func sameQuery(a, b string) bool {
	p, err := url.ParseQuery(a)
	if err != nil {
		return false
	}
	q, err := url.ParseQuery(b)
	if err != nil {
		return false
	}
	for _, values := range []url.Values{p, q} {
		for _, v := range values {
			slices.Sort(v)
		}
	}
	return reflect.DeepEqual(p, q)
}

func TestVerifyRefusesAnyFlippedBit(t *testing.T) {
	for name, original := range map[string]Request{
		"signed in the header": signedPost(t),
		"presigned":            presignedGet(t),
	} {
		if _, err := verify(original); err != nil {
			t.Fatal(err)
		}
		refuse := func(part string, change func(r *Request)) {
			t.Helper()
			r := original
			r.Header = original.Header.Clone()
			change(&r)
			if _, err := verify(r); err == nil {
				t.Errorf("%s: accepted with a changed %s", name, part)
			}
		}
		flips(original.Method, func(s string) { refuse("method "+s, func(r *Request) { r.Method = s }) })
		flips(original.Path, func(s string) { refuse("path "+s, func(r *Request) { r.Path = s }) })
		flips(original.Host, func(s string) { refuse("host "+s, func(r *Request) { r.Host = s }) })
		flips(string(original.Body), func(s string) { refuse("body "+s, func(r *Request) { r.Body = []byte(s) }) })
		flips(original.RawQuery, func(s string) {
			if !sameQuery(s, original.RawQuery) {
				refuse("query "+s, func(r *Request) { r.RawQuery = s })
			}
		})
		for key := range original.Header {
			if key == "User-Agent" || key == "Authorization" {
				continue
			}
			flips(original.Header.Get(key), func(s string) {
				refuse("header "+key+" "+s, func(r *Request) { r.Header[key] = []string{s} })
			})
			refuse("header without "+key, func(r *Request) { delete(r.Header, key) })
			refuse("header twice "+key, func(r *Request) { r.Header.Add(key, r.Header.Get(key)) })
		}
	}
}

func TestVerifyRefusesAnyFlippedBitOfTheAuthorization(t *testing.T) {
	original := signedPost(t)
	flips(original.Header.Get("Authorization"), func(s string) {
		r := original
		r.Header = original.Header.Clone()
		r.Header.Set("Authorization", s)
		got, err := verify(r)
		// The access key id only chooses the secret. Whoever looks it up finds
		// another one, or none, for a changed id.
		if err == nil && got.AccessKeyID == testKey {
			t.Errorf("accepted with Authorization %s", s)
		}
	})
}

func TestVerifyRefusesWhatIsAddedToASignedRequest(t *testing.T) {
	for name, change := range map[string]func(r *Request){
		"a parameter":                 func(r *Request) { r.RawQuery += "&Extra=1" },
		"a parameter without a value": func(r *Request) { r.RawQuery += "&x" },
		"a second signature":          func(r *Request) { r.RawQuery += "&X-Amz-Signature=00" },
		"a body":                      func(r *Request) { r.Body = append(r.Body, "&x=1"...) },
		"a value of a signed header":  func(r *Request) { r.Header.Add("X-K8s-Aws-Id", "other") },
		"an authorization":            func(r *Request) { r.Header.Set("Authorization", "Bearer x") },
		"an unsigned payload": func(r *Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		},
	} {
		r := presignedGet(t)
		r.Header = r.Header.Clone()
		change(&r)
		if _, err := verify(r); err == nil {
			t.Errorf("accepted with %s added", name)
		}
	}
}

func TestVerifyCoversASignatureInTheQueryOfARequestSignedInTheHeader(t *testing.T) {
	r := newRequest(t, "https://localhost/?X-Amz-Signature=00", testForm)
	signHTTP(t, r, testForm, testToken)
	signed := received(t, r)
	if _, err := verify(signed); err != nil {
		t.Fatal(err)
	}
	signed.RawQuery = ""
	if _, err := verify(signed); err == nil {
		t.Error("accepted without it")
	}
}

func TestVerifyRefusesAnEmptySignedHeaderThatIsGone(t *testing.T) {
	r := newRequest(t, "https://localhost/", testForm)
	r.Header["X-Empty"] = []string{""}
	signHTTP(t, r, testForm, testToken)
	signed := received(t, r)
	delete(signed.Header, "X-Empty")
	if _, err := verify(signed); err == nil {
		t.Error("accepted without it")
	}
}

// A client that signs UNSIGNED-PAYLOAD, or a wrong hash, signs it as asked: only
// the body's own hash tells.
func TestVerifyRefusesABodyThatTheClientDidNotHash(t *testing.T) {
	for _, claimed := range []string{"UNSIGNED-PAYLOAD", strings.Repeat("0", 64), ""} {
		r := newRequest(t, "https://localhost/", testForm)
		r.Header["X-Amz-Content-Sha256"] = []string{claimed}
		signHTTP(t, r, testForm, "")
		if _, err := verify(received(t, r)); err == nil {
			t.Errorf("accepted a body with x-amz-content-sha256 %q", claimed)
		}
	}
}

func TestVerifyRefusesAnotherSecret(t *testing.T) {
	v := NewVerifier("sts")
	s, err := Parse(signedPost(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // before and after the right key is remembered
		for _, secret := range []string{"", "x", testSecret + "x", testSecret[:39]} {
			if err := v.Verify(s, rolestore.NewSecret(secret), testTime); !errors.Is(err, errMismatch) {
				t.Errorf("secret %q: got %v", secret, err)
			}
		}
		if err := v.Verify(s, rolestore.Secret{}, testTime); !errors.Is(err, errMismatch) {
			t.Errorf("no secret: got %v", err)
		}
		if err := v.Verify(s, rolestore.NewSecret(testSecret), testTime); err != nil {
			t.Fatal(err)
		}
	}
}

// Else whoever asks for a key without a secret is let in.
func TestAnEmptySecretVerifiesNotEvenWhatItSigned(t *testing.T) {
	for secret, want := range map[string]bool{"": false, "x": true} {
		s, err := Parse(signedWith(t, secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := NewVerifier("sts").Verify(s, rolestore.NewSecret(secret), testTime); (err == nil) != want {
			t.Errorf("secret %q: got %v", secret, err)
		}
	}
}

func TestVerifyRefusesASessionTokenThatIsNotSigned(t *testing.T) {
	r := newRequest(t, "https://localhost/", testForm)
	signHTTP(t, r, testForm, "")
	r.Header.Set("X-Amz-Security-Token", testToken)
	_, err := verify(received(t, r))
	if e := asError(t, err); e.Code != "SignatureDoesNotMatch" {
		t.Errorf("got %v", e)
	}
}

func TestAPresignedRequestTakesItsTokenFromTheQueryAlone(t *testing.T) {
	r := newRequest(t, "https://localhost/?Action=GetCallerIdentity", "")
	r = presign(t, r, "")
	r.Header = http.Header{"X-Amz-Security-Token": {testToken}}
	s, err := verify(received(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if !s.SessionToken.IsZero() {
		t.Error("took an unsigned token")
	}
}
