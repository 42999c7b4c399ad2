package token

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Length is how many characters a token has.
const Length = 56

const (
	version = 1

	expiryAt = 2 // after version and key id
	nonceAt  = expiryAt + 4
	codeAt   = nonceAt + nonceSize
	rawSize  = codeAt + codeSize

	nonceSize = 10
	codeSize  = 24 // 192 bits, of which none can be guessed by asking
)

// All of these are answered alike, by 401; they differ for the log.
var (
	// ErrMalformed is returned for a text that no version of this package minted.
	ErrMalformed = errors.New("the session token is malformed")
	// ErrForeign is returned for a token that was minted for another instance,
	// for an earlier owner of the id, or with a key that is not in use; and for
	// a forged one.
	ErrForeign = errors.New("the session token is not of this instance")
	// ErrExpired is returned for a genuine token whose time is over.
	ErrExpired = errors.New("the session token has expired")
)

// encoding is strict: were the unused bits of the last character free, one
// token would have 16 spellings.
var encoding = base64.StdEncoding.Strict()

// Mint returns a new token for an instance, valid from now for ttl, rounded up
// to a whole second: clients renew when ttl is over and not before. The expiry
// is kept as 32 bits, which last until 2106.
func (k *Keys) Mint(id string, incarnation [16]byte, ttl time.Duration, now time.Time) string {
	s := k.minting()
	raw := [rawSize]byte{version, s.id}
	expiry := now.Add(ttl + time.Second - 1).Unix()
	binary.BigEndian.PutUint32(raw[expiryAt:], uint32(expiry))
	_, _ = rand.Read(raw[nonceAt:codeAt]) // never fails, see crypto/rand
	sum := s.sign(raw[:codeAt], id, incarnation)
	copy(raw[codeAt:], sum[:])
	return encoding.EncodeToString(raw[:])
}

// Verify reports whether token was minted for this instance and is valid now:
// nil, [ErrMalformed], [ErrForeign] or [ErrExpired]. Nobody learns that a token
// has expired without one that was genuine.
func (k *Keys) Verify(token, id string, incarnation [16]byte, now time.Time) error {
	var text [Length]byte
	if len(token) != Length {
		return ErrMalformed
	}
	copy(text[:], token)
	// The decoder skips line ends. They take the place of characters, so what
	// holds any comes out too short.
	var raw [Length / 4 * 3]byte
	if n, err := encoding.Decode(raw[:], text[:]); err != nil || n != rawSize || raw[0] != version {
		return ErrMalformed
	}
	s := k.verifying(raw[1])
	if s == nil {
		return ErrForeign
	}
	sum := s.sign(raw[:codeAt], id, incarnation)
	if !hmac.Equal(sum[:], raw[codeAt:rawSize]) {
		return ErrForeign
	}
	if now.Unix() >= int64(binary.BigEndian.Uint32(raw[expiryAt:])) {
		return ErrExpired
	}
	return nil
}
