package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	tokenVersion = 1
	nonceSize    = 24
	headerSize   = 2 + nonceSize
	keySize      = 32
	tagSize      = 16 // GCM's

	// secretSize in bytes gives 40 characters of base64, as AWS's secrets have.
	secretSize = 30

	// maxIssued bounds the tokens that are made here, in characters: they travel in
	// headers and in URLs. AWS says no more than that typical ones are under 4,096.
	maxIssued = 2500

	// maxToken bounds what Open decodes, in characters.
	maxToken = 4096

	labelToken  = "rolecall session token"
	labelSecret = "rolecall secret access key"
)

var (
	// ErrInvalid is returned for a token that this core did not make for this
	// access key id.
	ErrInvalid = errors.New("invalid session token")

	// ErrExpired is returned for a token whose session is over.
	ErrExpired = errors.New("expired session token")
)

// Sealer makes and opens session tokens. It is immutable and safe for concurrent use.
type Sealer struct {
	keys      map[byte]Key
	ordered   []Key
	partition string
	core      string
}

// NewSealer returns a Sealer that opens with all of keys and issues with the last
// whose time has come. There must be at least one. partition is AWS's ("aws"), core this core's id.
func NewSealer(keys []Key, partition, core string) *Sealer {
	s := &Sealer{keys: map[byte]Key{}, ordered: keys, partition: partition, core: core}
	for _, k := range keys {
		s.keys[k.ID] = k
	}
	return s
}

// Issue makes credentials for a session. Times are cut to whole seconds. It returns a
// [*TooLargeError] for claims with too much in them.
func (s *Sealer) Issue(c Claims) (rolestore.Credentials, error) {
	c.Issued, c.Expires = c.Issued.UTC().Truncate(time.Second), c.Expires.UTC().Truncate(time.Second)
	packed := c.pack()
	plain := c.append(make([]byte, 0, 256), packed)
	size := base64.StdEncoding.EncodedLen(headerSize + len(plain) + tagSize)
	if full := percent(packed); full > 100 || size >= maxIssued {
		return rolestore.Credentials{}, &TooLargeError{max(101, full)}
	}
	id, err := NewAccessKeyID(TemporaryPrefix, c.Account)
	if err != nil {
		return rolestore.Credentials{}, err
	}
	key := s.issuing(c.Issued)
	token := make([]byte, headerSize, headerSize+len(plain)+tagSize)
	token[0], token[1] = tokenVersion, key.ID
	nonce := token[2:headerSize]
	_, _ = rand.Read(nonce)

	derived, err := derive(key, nonce, labelToken, id)
	if err != nil {
		return rolestore.Credentials{}, err
	}
	token = derived.aead.Seal(token, zeroNonce[:], plain, s.associated(token[:headerSize], id))
	return rolestore.Credentials{
		AccessKeyID:     id,
		SecretAccessKey: derived.secret,
		SessionToken:    rolestore.NewSecret(base64.StdEncoding.EncodeToString(token)),
		LastUpdated:     c.Issued,
		Expiration:      c.Expires,
	}, nil
}

// Open returns the claims of a session and its secret access key. It returns
// [ErrInvalid] for a token that is malformed, altered, of another access key id,
// partition or core, or sealed with a key that is no longer held; and
// [ErrExpired], with the claims and the secret, for a session that is over, so
// that the caller can check the signature before he says so.
func (s *Sealer) Open(accessKeyID, token string, now time.Time) (Claims, rolestore.Secret, error) {
	if len(token) > maxToken {
		return Claims{}, rolestore.Secret{}, ErrInvalid
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < headerSize || raw[0] != tokenVersion || len(token) != base64.StdEncoding.EncodedLen(len(raw)) {
		return Claims{}, rolestore.Secret{}, ErrInvalid
	}
	key, ok := s.keys[raw[1]]
	if !ok {
		return Claims{}, rolestore.Secret{}, ErrInvalid
	}
	derived, err := derive(key, raw[2:headerSize], labelToken, accessKeyID)
	if err != nil {
		return Claims{}, rolestore.Secret{}, err
	}
	plain, err := derived.aead.Open(nil, zeroNonce[:], raw[headerSize:], s.associated(raw[:headerSize], accessKeyID))
	if err != nil {
		return Claims{}, rolestore.Secret{}, ErrInvalid
	}
	claims, err := parseClaims(plain)
	if err != nil {
		return Claims{}, rolestore.Secret{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !now.Before(claims.Expires) {
		return claims, derived.secret, ErrExpired
	}
	return claims, derived.secret, nil
}

// zeroNonce is GCM's nonce: the key is used for one message only.
var zeroNonce [12]byte

type derivation struct {
	aead   cipher.AEAD
	secret rolestore.Secret
}

// derive computes what key and nonce stand for, and the secret of accessKeyID.
func derive(key Key, nonce []byte, label, accessKeyID string) (derivation, error) {
	prk, err := hkdf.Extract(sha256.New, key.Secret[:], nonce)
	if err != nil {
		return derivation{}, fmt.Errorf("derive session keys: %w", err)
	}
	expand := hmac.New(sha256.New, prk)
	tokenKey := firstBlock(expand, label)
	secret := firstBlock(expand, labelSecret+accessKeyID)
	block, err := aes.NewCipher(tokenKey[:keySize])
	if err != nil {
		return derivation{}, fmt.Errorf("derive session keys: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return derivation{}, fmt.Errorf("derive session keys: %w", err)
	}
	return derivation{aead, rolestore.NewSecret(base64.StdEncoding.EncodeToString(secret[:secretSize]))}, nil
}

// firstBlock is HKDF's expansion for a label, as far as one block goes, with the HMAC of
// the extracted key: T(1) of RFC 5869 section 2.3. crypto/hkdf makes that HMAC anew for
// each label.
func firstBlock(expand hash.Hash, label string) (block [sha256.Size]byte) {
	expand.Reset()
	_, _ = expand.Write(append([]byte(label), 1)) // a hash takes all
	expand.Sum(block[:0])
	return block
}

// associated is what a token is bound to besides its key: its own header, and
// each name with its length, so that no two lists of names look alike.
func (s *Sealer) associated(header []byte, accessKeyID string) []byte {
	b := append(make([]byte, 0, 128), header...)
	for _, name := range []string{accessKeyID, s.partition, s.core} {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	return b
}
