package session

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

const (
	messageVersion = 2 // tokens have 1

	// messageLife is how long an encoded message can be decoded.
	messageLife = 24 * time.Hour

	// messageSize is that of every sealed message, in bytes, so that its length tells
	// nothing. What does not fit is for the caller to shorten.
	messageSize = 1500

	labelMessage = "rolecall authorization message"
)

// ErrMessage is returned for an encoded message that this core did not make for the
// account, or that is too old.
var ErrMessage = errors.New("invalid authorization message")

// SealMessage encodes text for those of an account who may decode it. It reports
// false if the text is too long.
func (s *Sealer) SealMessage(text []byte, account string, now time.Time) (string, bool) {
	plain := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	plain = append(plain, deflate(text)...)
	if len(plain) > messageSize {
		return "", false
	}
	plain = append(plain, 0x80) // padding, as ISO/IEC 7816-4 has it
	plain = append(plain, make([]byte, messageSize+1-len(plain))...)
	b := make([]byte, headerSize, headerSize+len(plain)+32)
	key := s.issuing(now)
	b[0], b[1] = messageVersion, key.ID
	_, _ = rand.Read(b[2:headerSize])
	derived, err := derive(key, b[2:headerSize], labelMessage, account)
	if err != nil {
		return "", false
	}
	b = derived.aead.Seal(b, zeroNonce[:], plain, s.associated(b[:headerSize], account))
	return base64.StdEncoding.EncodeToString(b), true
}

// OpenMessage returns what SealMessage was given. The error is [ErrMessage].
func (s *Sealer) OpenMessage(encoded, account string, now time.Time) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) < headerSize || raw[0] != messageVersion || len(encoded) != base64.StdEncoding.EncodedLen(len(raw)) {
		return nil, ErrMessage
	}
	key, ok := s.keys[raw[1]]
	if !ok {
		return nil, ErrMessage
	}
	derived, err := derive(key, raw[2:headerSize], labelMessage, account)
	if err != nil {
		return nil, err
	}
	plain, err := derived.aead.Open(nil, zeroNonce[:], raw[headerSize:], s.associated(raw[:headerSize], account))
	end := bytes.LastIndexByte(plain, 0x80)
	if err != nil || end < 8 {
		return nil, ErrMessage
	}
	if made := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0); now.Sub(made) > messageLife {
		return nil, ErrMessage
	}
	text, err := inflate(string(plain[8:end]))
	if err != nil {
		return nil, ErrMessage
	}
	return text, nil
}
