package sts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestRegionsAreThoseOfTheEndpoint(t *testing.T) {
	w := newWorld(t, withPeople())
	for _, test := range []struct {
		host, code string
	}{
		{"sts.eu-west-1.amazonaws.com", ""}, {"sts-fips.eu-west-1.api.aws:443", ""}, {"STS.eu-west-1.amazonaws.com", ""}, {"core.example.com", ""},
		{"sts.us-east-1.amazonaws.com", "SignatureDoesNotMatch"}, {"sts.amazonaws.com", "SignatureDoesNotMatch"},
		{"sts.eu-west-1.amazonaws.com.attacker.example", "AccessDenied"}, {"attacker.example", "AccessDenied"},
	} {
		f := form("GetCallerIdentity")
		r := httptest.NewRequest("POST", "http://"+test.host+"/", strings.NewReader(f.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		reply := w.send(sign(t, r, f.Encode(), alice, w.clock()))
		if test.code == "" {
			answered(t, reply)
		} else if got := refused(t, reply, 403, test.code); test.code == "SignatureDoesNotMatch" && got != "Credential should be scoped to a valid region, not 'eu-west-1'. " {
			t.Errorf("%s: %q", test.host, got)
		}
	}
}

// Policies ask for the region, by any name that the core is reached.
func TestASignatureIsForSomeRegion(t *testing.T) {
	w := newWorld(t, withPeople())
	for region, want := range map[string]int{"": 403, "eu-west-1": 200, "default": 200} {
		f := form("GetCallerIdentity")
		r := post(f)
		sum := sha256.Sum256([]byte(f.Encode()))
		if err := v4.NewSigner().SignHTTP(t.Context(), sdkCredentials(alice), r, hex.EncodeToString(sum[:]), service, region, w.clock()); err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		if reply := w.send(r); reply.Code != want {
			t.Errorf("region %q: %d %s", region, reply.Code, reply.Body)
		}
	}
}

func TestUnsignedCallsOfOneSourceAreLimited(t *testing.T) {
	w := newWorld(t, withPeople())
	ask := func(from string) *httptest.ResponseRecorder {
		r := post(url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {version}})
		r.RemoteAddr = from
		return w.send(r)
	}
	for i := range unsignedBurst {
		refused(t, ask(fmt.Sprintf("[2001:db8::%x]:1", i)), 400, "ValidationError")
	}
	refused(t, ask("[2001:db8::1]:2"), 400, "Throttling")
	refused(t, ask("[2001:db8:0:1::1]:2"), 400, "ValidationError") // another network
	refused(t, ask("@"), 400, "ValidationError")                   // a Unix socket
	signed := w.signed(t, alice, form("GetCallerIdentity"))
	signed.RemoteAddr = "[2001:db8::1]:2"
	answered(t, w.send(signed))
	w.advance(unsignedEvery)
	refused(t, ask("[2001:db8::1]:2"), 400, "ValidationError")
}

func TestALimiterForgetsThoseNotSeenForLongest(t *testing.T) {
	l := newLimiter[int](1, 1)
	now := time.Unix(1, 0)
	l.allow(-1, now)
	for i := range 10 * maxLimited {
		if l.allow(-1, now) {
			t.Fatal("who comes all the time was forgotten")
		}
		l.allow(i, now)
	}
	if n := len(l.recent) + len(l.older); n > maxLimited {
		t.Errorf("%d are remembered", n)
	}
}
