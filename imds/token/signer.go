package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// signer makes the codes of one key.
type signer struct {
	id    byte
	codes sync.Pool // of *code
}

// code is what making one code needs. It is kept for the next one, because
// setting up an HMAC costs more than computing it, and so that a request
// allocates nothing.
type code struct {
	hash    hash.Hash
	in, out []byte
}

func newSigner(k Key) *signer {
	return &signer{
		id: k.ID,
		codes: sync.Pool{New: func() any {
			return &code{hash: hmac.New(sha256.New, k.Secret[:])}
		}},
	}
}

// sign returns the code over a token's first bytes and the instance that it is
// for. The length before the id keeps two instances from meeting in one input.
func (s *signer) sign(head []byte, id string, incarnation [16]byte) (sum [codeSize]byte) {
	c := s.codes.Get().(*code)
	defer s.codes.Put(c)
	c.in = append(c.in[:0], head...)
	c.in = binary.AppendUvarint(c.in, uint64(len(id)))
	c.in = append(c.in, id...)
	c.in = append(c.in, incarnation[:]...)
	c.hash.Reset()
	_, _ = c.hash.Write(c.in) // never fails, see hash.Hash
	c.out = c.hash.Sum(c.out[:0])
	copy(sum[:], c.out)
	return sum
}
