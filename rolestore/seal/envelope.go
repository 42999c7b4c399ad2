package seal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	version   = 1
	nonceSize = 12
	tagSize   = 16
	headSize  = 1 + len(ID{}) + nonceSize
)

// ErrDamaged is returned when a value is not what was sealed for this context:
// bits of it changed, it was cut, or it was moved here from elsewhere.
var ErrDamaged = errors.New("sealed value is damaged or was sealed for another place")

// KeyMissingError is returned when a value is sealed with a key that the key
// file does not hold. The value itself may be perfectly well.
type KeyMissingError struct {
	ID   ID     // of the key that the value wants
	Path string // of the key file that was searched
}

// Error names the key and the remedy.
func (e *KeyMissingError) Error() string {
	return fmt.Sprintf("value is sealed with key %s, which %s does not hold: put that key back on a line of its own, from a backup of the key file", e.ID, e.Path)
}

// Seal wraps plaintext under the last key of the file, for this context and no
// other. The result is 37 bytes longer than plaintext.
func (k *Keyring) Seal(plaintext []byte, context ...string) []byte {
	key := k.last()
	sealed := make([]byte, 0, headSize+len(plaintext)+tagSize)
	sealed = append(sealed, version)
	sealed = append(sealed, key.id[:]...)
	sealed = sealed[:headSize]
	nonce := sealed[headSize-nonceSize:]
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	return key.aead.Seal(sealed, nonce, plaintext, associatedData(sealed, context))
}

// Open returns what was sealed for the same context, never nil. Its errors are
// a [*KeyMissingError] and [ErrDamaged].
func (k *Keyring) Open(sealed []byte, context ...string) ([]byte, error) {
	if len(sealed) < headSize+tagSize || sealed[0] != version {
		return nil, ErrDamaged
	}
	head, ciphertext := sealed[:headSize], sealed[headSize:]
	id := ID(head[1:])
	key, ok := k.find(id)
	if !ok {
		return nil, &KeyMissingError{ID: id, Path: k.path}
	}
	plaintext := make([]byte, 0, len(ciphertext)-tagSize)
	plaintext, err := key.aead.Open(plaintext, head[headSize-nonceSize:], ciphertext, associatedData(head, context))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// associatedData prefixes each string with its length, so that no two contexts
// have the same bytes.
func associatedData(head []byte, context []string) []byte {
	data := append([]byte(nil), head...)
	for _, s := range context {
		data = binary.BigEndian.AppendUint32(data, uint32(len(s)))
		data = append(data, s...)
	}
	return data
}
