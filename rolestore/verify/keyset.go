package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// keySetAge is how old a key set may become: keys that were taken away must be
	// forgotten. The core shows a key for 25 hours before it signs.
	keySetAge = time.Hour

	// keySetPause is how soon it is read again when a token names a key that is unknown.
	// Anybody can write such a token.
	keySetPause = 30 * time.Second
)

// keySet is an issuer's, as it was last read.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex // held while it is read, so that it is read once
	keys  keyfunc.Keyfunc
	read  time.Time // when keys was
	tried time.Time // when it was to be read last
}

// keySetError says why a key set could not be read.
type keySetError struct{ err error }

func (e *keySetError) Error() string { return e.err.Error() }
func (e *keySetError) Unwrap() error { return e.err }

// find returns the key that a token names. While the issuer is away its keys are those
// that were read last.
func (s *keySet) find(ctx context.Context, t *jwt.Token) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	rested := now.Sub(s.tried) > keySetPause
	if s.keys == nil || rested && now.Sub(s.read) > keySetAge {
		if err := s.load(ctx, now); err != nil && s.keys == nil {
			return nil, err
		}
		rested = false
	}
	key, err := s.keys.KeyfuncCtx(ctx)(t)
	if err != nil && rested {
		if err := s.load(ctx, now); err != nil {
			return nil, err
		}
		key, err = s.keys.KeyfuncCtx(ctx)(t)
	}
	return key, err
}

// load reads the key set where the issuer says that it is (OpenID Connect Discovery 1.0
// section 4), which must be below the issuer.
func (s *keySet) load(ctx context.Context, now time.Time) error {
	s.tried = now
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.fetch(ctx, s.issuer+"/.well-known/openid-configuration", &found); err != nil {
		return err
	}
	if found.Issuer != s.issuer || !strings.HasPrefix(found.Keys, s.issuer+"/") {
		return &keySetError{fmt.Errorf("%s says that it is %q, with its keys at %q", s.issuer, found.Issuer, found.Keys)}
	}
	var text json.RawMessage
	if err := s.fetch(ctx, found.Keys, &text); err != nil {
		return err
	}
	keys, err := keyfunc.NewJWKSetJSON(text)
	if err != nil {
		return &keySetError{fmt.Errorf("%s is no JSON Web Key Set (RFC 7517): %w", found.Keys, err)}
	}
	s.keys, s.read = keys, now
	return nil
}

func (s *keySet) fetch(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err == nil {
		err = fetch(s.client, r, into)
	}
	if err != nil {
		return &keySetError{fmt.Errorf("the key set of %s: %w", s.issuer, err)}
	}
	return nil
}
