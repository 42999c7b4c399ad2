package oidc

import (
	"crypto"
	"crypto/elliptic"
	"crypto/sha1" //nolint:gosec // IAM's thumbprints
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is set by a test.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return now.Add(time.Duration(c.ahead.Load())) }
func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

func newKeys() (*Keys, *clock) {
	c := &clock{}
	return &Keys{Now: c.now}, c
}

// settled waits for the looks that are under way.
func (k *Keys) settled() {
	for {
		k.mu.Lock()
		var looking chan struct{}
		for _, e := range k.kept {
			if e.looking != nil {
				looking = e.looking
			}
		}
		k.mu.Unlock()
		if looking == nil {
			return
		}
		<-looking
	}
}

func TestKeysAreReadOnceAndAgainAfterAWhile(t *testing.T) {
	o := newOP(t)
	k, clock := newKeys()
	find := func() {
		t.Helper()
		if _, err := k.Find(o.provider(), "r", "RS256"); err != nil {
			t.Fatal(err)
		}
		k.settled()
	}
	for range 10 {
		find()
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	clock.pass(freshness)
	find()
	if n := o.asked.Load(); n != 2 {
		t.Errorf("asked %d times in all", n)
	}
}

func TestARotatedKeyIsFoundAndTheOldOneForgotten(t *testing.T) {
	o := newOP(t)
	k, clock := newKeys()
	if _, err := k.Find(o.provider(), "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	o.rotate(map[string]crypto.Signer{"new": ecKey(elliptic.P256())})
	clock.pass(pause)
	if _, err := k.Find(o.provider(), "new", "ES256"); err != nil {
		t.Errorf("the new one: %v", err)
	}
	if _, err := k.Find(o.provider(), "r", "RS256"); !errors.Is(err, ErrKeys) {
		t.Errorf("the old one: %v", err)
	}
}

// TestAKeyThatWasTakenAwayIsNobodys, also where nobody came in a long time: whoever stole
// it would else be let in once.
func TestAKeyThatWasTakenAwayIsNobodys(t *testing.T) {
	o := newOP(t)
	k, clock := newKeys()
	if _, err := k.Find(o.provider(), "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	o.rotate(map[string]crypto.Signer{"new": ecKey(elliptic.P256())})
	clock.pass(overdue)
	if _, err := k.Find(o.provider(), "r", "RS256"); !errors.Is(err, ErrKeys) {
		t.Errorf("the key that was taken away: %v", err)
	}
}

// TestUnknownKeysDoNotMakeTheProviderBeAsked, but once in a while.
func TestUnknownKeysDoNotMakeTheProviderBeAsked(t *testing.T) {
	o := newOP(t)
	k, clock := newKeys()
	for range 100 {
		if _, err := k.Find(o.provider(), "made up", "RS256"); !errors.Is(err, ErrKeys) {
			t.Fatal(err)
		}
	}
	clock.pass(pause)
	_, _ = k.Find(o.provider(), "made up", "RS256")
	if n := o.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestKeysOutliveTheirProviderForADay(t *testing.T) {
	o := newOP(t)
	p := o.provider()
	k, clock := newKeys()
	if _, err := k.Find(p, "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	o.Close()
	clock.pass(staleness - time.Second)
	if _, err := k.Find(p, "r", "RS256"); err != nil {
		t.Errorf("within a day: %v", err)
	}
	k.settled()
	clock.pass(pause)
	if _, err := k.Find(p, "r", "RS256"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("after a day: %v", err)
	}
}

// TestAProviderThatHangsHoldsUpItsOwn callers alone, and those share one question.
func TestAProviderThatHangsHoldsUpItsOwn(t *testing.T) {
	slow, quick := newOP(t), newOP(t)
	release, arrived := make(chan struct{}), make(chan struct{}, maxWaiting)
	slow.answers(wellKnown, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	k, _ := newKeys()
	var callers sync.WaitGroup
	refused := make(chan error, maxWaiting)
	for range maxWaiting {
		callers.Go(func() {
			_, err := k.Find(slow.provider(), "r", "RS256")
			refused <- err
		})
	}
	<-arrived
	for waiting := 0; waiting < maxWaiting; {
		k.mu.Lock()
		for _, e := range k.kept {
			waiting = e.waiting
		}
		k.mu.Unlock()
	}
	if _, err := k.Find(slow.provider(), "r", "RS256"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "wait for it already") {
		t.Errorf("one more: %v", err)
	}
	if _, err := k.Find(quick.provider(), "r", "RS256"); err != nil {
		t.Errorf("another provider: %v", err)
	}
	close(release)
	callers.Wait()
	for range maxWaiting {
		if err := <-refused; err == nil {
			t.Error("a key of a provider that has not answered")
		}
	}
	if len(arrived) != 0 {
		t.Errorf("it was asked %d times more", len(arrived))
	}
}

func TestProvidersThatAreRefused(t *testing.T) {
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://"+r.Host+"/keys")
			w.WriteHeader(code)
		}
	}
	for name, c := range map[string]struct {
		change func(*op, *Provider)
		want   error
	}{
		"a document of another issuer": {func(o *op, _ *Provider) {
			o.answers(wellKnown, answer(`{"issuer":"https://accounts.google.com","jwks_uri":"`+o.URL+`/keys"}`))
		}, ErrKeys},
		"keys in the clear": {func(o *op, _ *Provider) {
			o.answers(wellKnown, answer(`{"issuer":"`+o.URL+`","jwks_uri":"http://`+strings.TrimPrefix(o.URL, "https://")+`/keys"}`))
		}, ErrKeys},
		"keys in a file": {func(o *op, _ *Provider) {
			o.answers(wellKnown, answer(`{"issuer":"`+o.URL+`","jwks_uri":"file:///etc/passwd"}`))
		}, ErrKeys},
		"keys at a metadata service": {func(o *op, _ *Provider) {
			o.answers(wellKnown, answer(`{"issuer":"`+o.URL+`","jwks_uri":"https://169.254.169.254/latest"}`))
		}, ErrUnreachable},
		"no JSON":           {func(o *op, _ *Provider) { o.answers(wellKnown, answer(`<html>`)) }, ErrKeys},
		"a redirect":        {func(o *op, _ *Provider) { o.answers("/keys", status(302)) }, ErrKeys},
		"404":               {func(o *op, _ *Provider) { o.answers(wellKnown, status(404)) }, ErrKeys},
		"500":               {func(o *op, _ *Provider) { o.answers(wellKnown, status(500)) }, ErrUnreachable},
		"429":               {func(o *op, _ *Provider) { o.answers("/keys", status(429)) }, ErrUnreachable},
		"an endless answer": {func(o *op, _ *Provider) { o.answers("/keys", answer(strings.Repeat(" ", maxDocument+1))) }, ErrKeys},
		"half an answer": {func(o *op, _ *Provider) {
			o.answers("/keys", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = w.Write([]byte("{"))
			})
		}, ErrUnreachable},
		"an unknown authority":                 {func(_ *op, p *Provider) { p.CA = "" }, ErrKeys},
		"another authority and no thumbprint":  {func(_ *op, p *Provider) { p.CA, p.Thumbprints = "", []string{strings.Repeat("0", 40)} }, ErrKeys},
		"a private address, where not allowed": {func(_ *op, p *Provider) { p.OnPremises = false }, ErrKeys},
		"no certificate in its CA":             {func(_ *op, p *Provider) { p.CA = "x" }, ErrKeys},
		"nobody there":                         {func(o *op, _ *Provider) { o.Close() }, ErrUnreachable},
	} {
		o := newOP(t)
		p := o.provider()
		c.change(o, &p)
		k, _ := newKeys()
		if _, err := k.Find(p, "r", "RS256"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		// And once more at once: the answer is remembered.
		if _, err := k.Find(p, "r", "RS256"); !errors.Is(err, c.want) {
			t.Errorf("%s, again: %v, want %v", name, err, c.want)
		}
	}
}

func TestAThumbprintStandsForAnAuthority(t *testing.T) {
	o := newOP(t)
	p := o.provider()
	sum := sha1.Sum(o.Certificate().Raw) //nolint:gosec // IAM's thumbprints
	p.CA, p.Thumbprints = "", []string{strings.ToUpper(hex.EncodeToString(sum[:]))}
	k, _ := newKeys()
	if _, err := k.Find(p, "r", "RS256"); err != nil {
		t.Error(err)
	}
	// The certificate is of another name, and a thumbprint says nothing of names.
	if err := verifyChain(tls.ConnectionState{PeerCertificates: []*x509.Certificate{o.Certificate()}, ServerName: "other.example.org"}, nil, p.Thumbprints); !errors.Is(err, errThumbprint) {
		t.Errorf("another name: %v", err)
	}
}

func TestAChangedDefinitionIsAnother(t *testing.T) {
	o := newOP(t)
	p := o.provider()
	k, _ := newKeys()
	if _, err := k.Find(p, "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	p.OnPremises = false
	if _, err := k.Find(p, "r", "RS256"); !errors.Is(err, ErrKeys) {
		t.Errorf("the keys of before go on: %v", err)
	}
}

func TestWhatNobodyAsksForIsForgotten(t *testing.T) {
	k, clock := newKeys()
	o := newOP(t)
	if _, err := k.Find(o.provider(), "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	clock.pass(staleness + time.Second)
	other := newOP(t)
	if _, err := k.Find(other.provider(), "r", "RS256"); err != nil {
		t.Fatal(err)
	}
	if len(k.kept) != 1 {
		t.Errorf("%d are kept", len(k.kept))
	}
}
