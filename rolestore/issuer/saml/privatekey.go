package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// minPrivate is the least size of a key that assertions are encrypted for, in bits.
const minPrivate = 2048

// ParsePrivateKey reads a key that decrypts assertions, PEM. Its errors have nothing of
// what is in it.
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("want a private key in PEM")
	}
	var key *rsa.PrivateKey
	switch block.Type {
	case "RSA PRIVATE KEY":
		parsed, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the private key cannot be read")
		}
		key = parsed
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the private key cannot be read")
		}
		private, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("the private key must be of RSA: no other kind encrypts")
		}
		key = private
	default:
		return nil, fmt.Errorf("want a private key in PEM that is not encrypted, not %q", block.Type)
	}
	if key.N.BitLen() < minPrivate {
		return nil, fmt.Errorf("the private key has %d bits: want at least %d", key.N.BitLen(), minPrivate)
	}
	return key, nil
}
