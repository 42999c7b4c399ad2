package hold

import (
	"crypto/rand"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// tokenKeySize is the least that RFC 2104 section 3 advises for HMAC-SHA256, in
// bytes; more adds nothing.
const tokenKeySize = 32

// TokenKey authenticates the metadata service's session tokens.
type TokenKey struct {
	// ID is in each token and says which key it wants.
	ID byte
	// Key is 32 random bytes.
	Key rolestore.Secret
}

func newTokenKey(id byte) TokenKey {
	var key [tokenKeySize]byte
	_, _ = rand.Read(key[:]) // never fails, see crypto/rand
	return TokenKey{ID: id, Key: rolestore.NewSecret(string(key[:]))}
}

// TokenKeys returns one or two keys, the newest last. The caller must not change
// the slice.
func (a *Agent) TokenKeys() []TokenKey { return a.state.Load().tokenKeys }

// RotateTokenKey adds a key, which is to make tokens from now on. Of the older
// ones only the last is kept, so that its tokens live on. The keys are on the disk
// when RotateTokenKey returns.
func (a *Agent) RotateTokenKey() error {
	return a.change(func(tx *dbfile.Tx, s *state) error {
		last := s.tokenKeys[len(s.tokenKeys)-1]
		s.tokenKeys = []TokenKey{last, newTokenKey(last.ID + 1)} // 255 is followed by 0
		return putTokenKeys(tx, s.tokenKeys)
	})
}
