package hosttoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// Invitation is what `rolecall join --token` takes: a secret that is good for one
// host, and by what the host knows the core.
type Invitation struct {
	// Core is the core's id.
	Core string
	// Secret has 256 bits.
	Secret []byte
	// Authority is the SHA-256 of the certificate, DER, of the core's own certificate
	// authority; empty if the core's certificate comes from elsewhere.
	Authority []byte
}

// ErrInvitation is returned for a text that is no join token.
var ErrInvitation = errors.New("this is no join token: make one with `rolecall core token create`")

const (
	invitationPrefix = "rolecall-join-1-"
	corePrefix       = "core-"
	coreSize         = 8
	secretSize       = 32
)

// NewInvitation returns one with a new secret.
func NewInvitation(core string, authority []byte) Invitation {
	i := Invitation{Core: core, Secret: make([]byte, secretSize), Authority: authority}
	_, _ = rand.Read(i.Secret) // never fails, see crypto/rand
	return i
}

// Encode returns the text, which is a secret.
func (i Invitation) Encode() (string, error) {
	core, err := hex.DecodeString(strings.TrimPrefix(i.Core, corePrefix))
	if err != nil || len(core) != coreSize {
		return "", errors.New("the core's id " + i.Core + " has no place in a join token")
	}
	raw := append(append(core, i.Secret...), i.Authority...)
	return invitationPrefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

// ParseInvitation reads what Encode wrote. The error does not show the text.
func ParseInvitation(text string) (Invitation, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), invitationPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	// The decoder passes over line breaks.
	if !ok || err != nil || strings.ContainsAny(encoded, "\r\n") || len(raw) != coreSize+secretSize && len(raw) != coreSize+secretSize+sha256.Size {
		return Invitation{}, ErrInvitation
	}
	i := Invitation{
		Core:   corePrefix + hex.EncodeToString(raw[:coreSize]),
		Secret: raw[coreSize : coreSize+secretSize],
	}
	if rest := raw[coreSize+secretSize:]; len(rest) > 0 {
		i.Authority = rest
	}
	return i, nil
}
