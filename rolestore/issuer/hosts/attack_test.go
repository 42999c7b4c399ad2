package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const rival = "h-fedcba98765432100"

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// addRival registers a second host, of whatever account, that is granted the same
// instances as the first.
func (h house) addRival(t *testing.T, account, profile string) *ecdsa.PrivateKey {
	t.Helper()
	key := newKey(t)
	if err := h.directory.PutHost(directory.Host{ID: rival, Account: account, Key: &key.PublicKey}); err != nil {
		t.Fatal(err)
	}
	h.put(t, directory.Grant{Name: "rival", Account: account, Host: rival, InstanceIDs: []string{"i-*"},
		InstanceProfiles: []string{"arn:aws:iam::" + account + ":instance-profile/" + profile}})
	return key
}

// ask redeems a token in the request that it says.
func (h house) ask(token string, c hosttoken.Claims, at time.Time) error {
	_, err := h.Redeem(token, Request{RoleARN: c.RoleARN, SessionName: c.SessionName, Duration: c.Duration}, at)
	return err
}

func sign(t *testing.T, key *ecdsa.PrivateKey, c hosttoken.Claims, at time.Time) string {
	t.Helper()
	token, err := hosttoken.Sign(key, c, at)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// refusedAs checks the error and that it was counted.
func (h house) refusedAs(t *testing.T, name string, err, want error, counted string, before uint64) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
	if got := h.Counts()[counted]; got != before+1 {
		t.Errorf("%s: %d are counted as %s, want %d; all are %v", name, got, counted, before+1, h.Counts())
	}
}

func TestATokenBuysOnce(t *testing.T) {
	h := build(t)
	c := h.claims()
	token := sign(t, h.key, c, now)
	if err := h.ask(token, c, now); err != nil {
		t.Fatal(err)
	}
	for n, after := range []time.Duration{0, time.Second, hosttoken.MaxLifetime - time.Second} {
		h.refusedAs(t, "after "+after.String(), h.ask(token, c, now.Add(after)), ErrReplayed, "replayed", uint64(n))
	}
	h.refusedAs(t, "after a minute", h.ask(token, c, now.Add(hosttoken.MaxLifetime)), hosttoken.ErrExpired, "expired", 0)
	if h.Counts()["accepted"] != 1 {
		t.Errorf("the counts are %v", h.Counts())
	}
}

// A core that has just started does not know what was bought with before.
func TestATokenOfBeforeTheStartBuysNothing(t *testing.T) {
	h := build(t)
	c := h.claims()
	token := sign(t, h.key, c, now)
	h.Desk = New(h.directory, now.Add(time.Second+time.Millisecond))
	h.refusedAs(t, "of before", h.ask(token, c, now.Add(2*time.Second)), ErrReplayed, "replayed", 0)
	if err := h.ask(sign(t, h.key, c, now.Add(time.Second)), c, now.Add(2*time.Second)); err != nil {
		t.Errorf("of the second of the start: %v", err)
	}
	back := now.Add(-time.Hour) // the clock is set back
	if err := h.ask(sign(t, h.key, c, back), c, back); err != nil {
		t.Errorf("after the clock was set back: %v", err)
	}
}

func TestTheMemoryOfTokensIsBounded(t *testing.T) {
	o := newOnce(now)
	for n := range maxRemembered {
		if err := o.use(hostID, fmt.Sprint(n), now, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.use(hostID, "one more", now, now); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	if err := o.use(rival, "one", now, now); err != nil {
		t.Errorf("another host: %v", err)
	}
	later := now.Add(hosttoken.MaxLifetime)
	if err := o.use(hostID, "one more", later, later); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	if u := o.hosts[hostID]; len(u.names) != 1 || len(u.order) != 1 {
		t.Errorf("%d and %d are remembered", len(u.names), len(u.order))
	}
}

func TestAHostDoesNotGetAnothersInstance(t *testing.T) {
	h := build(t)
	if _, err := h.redeem(t, h.claims(), nil); err != nil {
		t.Fatal(err)
	}
	key := h.addRival(t, account, "p/web")
	c := h.claims()
	c.Host = rival
	h.refusedAs(t, "of the same account", h.ask(sign(t, key, c, now), c, now), ErrDenied, "leased_to_another", 0)
	h.refusedAs(t, "in the name of the other", h.ask(sign(t, key, h.claims(), now), c, now), hosttoken.ErrInvalid, "invalid", 0)
	if _, err := h.directory.Release(guest, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.ask(sign(t, key, c, now), c, now); err != nil {
		t.Errorf("once it was released: %v", err)
	}
	mine := h.claims()
	h.refusedAs(t, "the first, afterwards", h.ask(sign(t, h.key, mine, now), mine, now), ErrDenied, "leased_to_another", 1)
}

func TestAHostDoesNotGetAnotherAccountsProfile(t *testing.T) {
	h := build(t)
	key := h.addRival(t, other, "namesake")
	c := h.claims()
	c.Host = rival
	for n, arn := range []string{web, "arn:aws:iam::" + account + ":role/in-no-granted-profile"} {
		c.RoleARN = arn
		h.refusedAs(t, arn, h.ask(sign(t, key, c, now), c, now), ErrDenied, "denied", uint64(n))
	}
	c.RoleARN = "arn:aws:iam::" + other + ":role/in-no-granted-profile"
	if err := h.ask(sign(t, key, c, now), c, now); err != nil {
		t.Errorf("its own: %v", err)
	}
}

// TestTagsOfAnotherFormAreNotRead has a token that brings tags as an OIDC provider's
// does (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
func TestTagsOfAnotherFormAreNotRead(t *testing.T) {
	h := build(t)
	c := h.claims()
	claims := jwt.MapClaims{
		"iss": c.Host, "aud": c.Core, "sub": c.InstanceID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": strings.Repeat("x", 26),
		"role_arn": c.RoleARN, "role_session_name": c.SessionName, "duration_seconds": int64(c.Duration / time.Second), "role_delivery": c.Delivery,
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"red"}, "admin": {"yes"}}},
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"] = hosttoken.Type
	text, err := token.SignedString(h.key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Redeem(text, Request{RoleARN: c.RoleARN, SessionName: c.SessionName, Duration: c.Duration}, now)
	if err != nil || !slices.Equal(r.Tags, []session.Tag{{Key: "team", Value: "blue"}}) {
		t.Errorf("the session's tags are %v (%v)", r.Tags, err)
	}
}

// TestAnotherIssuersTokenOfTheTypeIsInvalid has an identity provider sign what only a
// host may say.
func TestAnotherIssuersTokenOfTheTypeIsInvalid(t *testing.T) {
	h := build(t)
	c := h.claims()
	provider, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for n, signer := range []struct {
		method jwt.SigningMethod
		key    any
		issuer string
	}{
		{jwt.SigningMethodES256, newKey(t), hostID},
		{jwt.SigningMethodES256, newKey(t), "https://idp.example"},
		{jwt.SigningMethodRS256, provider, hostID},
		{jwt.SigningMethodHS256, []byte("secret"), hostID},
		{jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, hostID},
	} {
		token := jwt.NewWithClaims(signer.method, jwt.MapClaims{
			"iss": signer.issuer, "aud": c.Core, "sub": c.InstanceID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": strings.Repeat("x", 26),
			"role_arn": c.RoleARN, "role_session_name": c.SessionName, "duration_seconds": int64(c.Duration / time.Second), "role_delivery": c.Delivery,
		})
		token.Header["typ"] = hosttoken.Type
		text, err := token.SignedString(signer.key)
		if err != nil {
			t.Fatal(err)
		}
		h.refusedAs(t, signer.method.Alg(), h.ask(text, c, now), hosttoken.ErrInvalid, "invalid", uint64(n))
	}
}

func TestAStolenKeyIsWorthNothingAfterwards(t *testing.T) {
	for name, end := range map[string]func(house) error{
		"the host was removed": func(h house) error { return h.directory.RemoveHost(hostID) },
		"the host's key is another": func(h house) error {
			return h.directory.PutHost(directory.Host{ID: hostID, Account: account, Key: &newKey(t).PublicKey})
		},
	} {
		h := build(t)
		c := h.claims()
		token := sign(t, h.key, c, now)
		if err := end(h); err != nil {
			t.Fatal(err)
		}
		h.refusedAs(t, name+", a token of before", h.ask(token, c, now), hosttoken.ErrInvalid, "invalid", 0)
		h.refusedAs(t, name, h.ask(sign(t, h.key, c, now), c, now), hosttoken.ErrInvalid, "invalid", 1)
		if _, err := h.Call(h.signCall(t, h.key, "GET", "/x"), "GET", "/x", now); !errors.Is(err, hosttoken.ErrInvalid) {
			t.Errorf("%s, a call: %v", name, err)
		}
	}
}

// signCall is a host's call for anything.
func (h house) signCall(t *testing.T, key *ecdsa.PrivateKey, method, path string) string {
	t.Helper()
	token, err := hosttoken.SignCall(key, hosttoken.Call{Host: hostID, Core: h.directory.Snapshot().CoreID(), Method: method, Path: path}, now)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestACallIsMadeOnceAndAsItIsSigned(t *testing.T) {
	h := build(t)
	token := h.signCall(t, h.key, "DELETE", "/leases/i-1")
	for n, other := range [][2]string{{"GET", "/leases/i-1"}, {"DELETE", "/leases/i-2"}} {
		_, err := h.Call(token, other[0], other[1], now)
		h.refusedAs(t, other[0]+other[1], err, ErrDenied, "other_request", uint64(n))
	}
	if host, err := h.Call(token, "DELETE", "/leases/i-1", now); err != nil || host.ID != hostID {
		t.Errorf("the call: %v, %v", host, err)
	}
	_, err := h.Call(token, "DELETE", "/leases/i-1", now)
	h.refusedAs(t, "again", err, ErrReplayed, "replayed", 0)
	_, err = h.Call(sign(t, h.key, h.claims(), now), "", "", now)
	h.refusedAs(t, "a token for a role", err, hosttoken.ErrInvalid, "invalid", 0)
	c := h.claims()
	h.refusedAs(t, "for a role, a call's token", h.ask(h.signCall(t, h.key, "POST", "/"), c, now), hosttoken.ErrInvalid, "invalid", 1)
}
