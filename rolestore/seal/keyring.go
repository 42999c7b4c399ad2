package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// keySize is AES-256's, in bytes.
const keySize = 32

// idLabel keeps a key id from being a plain hash of the key.
const idLabel = "rolecall seal key id v1\x00"

// ID names a key without giving it away. It is no secret.
type ID [8]byte

// String returns 16 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Keyring holds the keys of one key file. It never changes, so it may be used
// by many goroutines at once. [Load] and [Create] make one.
type Keyring struct {
	path string
	keys []key // in the file's order, at least one; the last seals
}

type key struct {
	id   ID
	aead cipher.AEAD
}

func newKey(secret [keySize]byte) (key, error) {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(append([]byte(idLabel), secret[:]...))
	return key{id: ID(sum[:len(ID{})]), aead: aead}, nil
}

// ID names the key that seals. A value under another key was sealed before the
// last rotation.
func (k *Keyring) ID() ID { return k.last().id }

// String implements [fmt.Stringer] with the file's path alone.
func (k *Keyring) String() string {
	return fmt.Sprintf("keyring %s (keys redacted)", k.path)
}

// GoString implements [fmt.GoStringer].
func (k *Keyring) GoString() string { return k.String() }

// LogValue implements [slog.LogValuer].
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

func (k *Keyring) last() key { return k.keys[len(k.keys)-1] }

func (k *Keyring) find(id ID) (key, bool) {
	for _, key := range k.keys {
		if key.id == id {
			return key, true
		}
	}
	return key{}, false
}
