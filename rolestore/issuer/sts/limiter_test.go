package sts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
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
	for i := range front.UnsignedBurst {
		refused(t, ask(fmt.Sprintf("[2001:db8::%x]:1", i)), 400, "ValidationError")
	}
	refused(t, ask("[2001:db8::1]:2"), 400, "Throttling")
	refused(t, ask("[2001:db8:0:1::1]:2"), 400, "ValidationError") // another network
	refused(t, ask("@"), 400, "ValidationError")                   // a Unix socket
	signed := w.signed(t, alice, form("GetCallerIdentity"))
	signed.RemoteAddr = "[2001:db8::1]:2"
	answered(t, w.send(signed))
	w.advance(front.UnsignedEvery)
	refused(t, ask("[2001:db8::1]:2"), 400, "ValidationError")
}

// TestWhoIsRefusedTooOftenWaits lets others of his address go on.
func TestWhoIsRefusedTooOftenWaits(t *testing.T) {
	w := newWorld(t, withPeople())
	wrong := alice
	wrong.SecretAccessKey = rolestore.NewSecret("wrong")
	synctest.Test(t, func(t *testing.T) {
		send := func(key rolestore.Credentials, from string) time.Duration {
			r := w.signed(t, key, form("GetCallerIdentity"))
			r.RemoteAddr = from
			start := time.Now()
			if reply := w.send(r); (reply.Code == http.StatusOK) != (key == alice) {
				t.Errorf("%d %s", reply.Code, reply.Body)
			}
			return time.Since(start)
		}
		for range front.UnsignedBurst {
			if send(wrong, "192.0.2.1:1") > 0 {
				t.Fatal("a refusal waits, and is not one too many")
			}
		}
		for _, c := range []struct {
			key  rolestore.Credentials
			from string
			want time.Duration
		}{{wrong, "192.0.2.1:2", front.StrangerPause}, {alice, "192.0.2.1:3", 0}, {wrong, "192.0.2.2:1", 0}, {wrong, "@", 0}} {
			if took := send(c.key, c.from); took != c.want {
				t.Errorf("from %s it takes %s, want %s", c.from, took, c.want)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		r := w.signed(t, wrong, form("GetCallerIdentity")).WithContext(gone)
		r.RemoteAddr = "192.0.2.1:4"
		start := time.Now()
		if w.send(r); time.Since(start) > 0 {
			t.Error("who has left is waited for")
		}
	})
}
