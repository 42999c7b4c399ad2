package token

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// KeySize is the length of a key's secret in bytes: that of SHA-256's output,
// beyond which HMAC gains nothing (RFC 2104, section 3).
const KeySize = 32

// Key is a secret that tokens are made with. It prints as its id alone.
type Key struct {
	// ID is written into each token and is no secret.
	ID byte
	// Secret is random.
	Secret [KeySize]byte
}

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "token key %d", k.ID) }

// LogValue implements [slog.LogValuer].
func (k Key) LogValue() slog.Value { return slog.IntValue(int(k.ID)) }

// Keys are the keys in use. The zero Keys has none: get one by [NewKeys].
type Keys struct {
	ring atomic.Pointer[[]*signer] // the last mints, all verify
}

// NewKeys returns keys of which the last mints and all verify. It reports what
// [Keys.Replace] reports.
func NewKeys(keys ...Key) (*Keys, error) {
	k := new(Keys)
	if err := k.Replace(keys...); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace puts keys in the place of all earlier ones, at once and for every
// caller. Tokens of a key that is no longer among them are foreign from then
// on. It refuses, and changes nothing, if there is no key, an id occurs twice or
// a secret is all zero.
func (k *Keys) Replace(keys ...Key) error {
	if len(keys) == 0 {
		return errors.New("no token key: want at least one")
	}
	ring := make([]*signer, 0, len(keys))
	seen := make(map[byte]bool, len(keys))
	for _, key := range keys {
		if seen[key.ID] {
			return fmt.Errorf("%v occurs twice: want a different id for each key", key)
		}
		if key.Secret == [KeySize]byte{} {
			return fmt.Errorf("%v is all zero: want %d random bytes", key, KeySize)
		}
		seen[key.ID] = true
		ring = append(ring, newSigner(key))
	}
	k.ring.Store(&ring)
	return nil
}

// minting returns the key that new tokens are made with.
func (k *Keys) minting() *signer {
	ring := *k.ring.Load()
	return ring[len(ring)-1]
}

// verifying returns the key with an id, or nil.
func (k *Keys) verifying(id byte) *signer {
	for _, s := range *k.ring.Load() {
		if s.id == id {
			return s
		}
	}
	return nil
}
