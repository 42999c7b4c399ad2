package sts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"
)

// public is the key that a party outside reads (RFC 7518 section 6).
func (k jwk) public(t testing.TB) any {
	t.Helper()
	bytes := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if k.Type == "RSA" {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(bytes(k.N)), E: int(new(big.Int).SetBytes(bytes(k.E)).Int64())}
	}
	if k.Curve != "P-384" || k.Algorithm != "ES384" {
		t.Fatalf("a key %+v", k)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), append(append([]byte{4}, bytes(k.X)...), bytes(k.Y)...))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
