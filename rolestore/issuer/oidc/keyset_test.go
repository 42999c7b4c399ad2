package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestKeysOfNoUseAreLeftOut(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	text := string(keySetOf(t, map[string]crypto.Signer{"r": rsaKey(), "small": small, "ed": edwards, "224": p256}))
	text = strings.Replace(text, `"keys":[`, `"keys":[{"kty":"oct","kid":"o","k":"c2VjcmV0"},{"kty":"EC","kid":"bad","crv":"P-256","x":"AA","y":"AA"},7,{"kty":"new"},`, 1)
	s, err := parseKeySet([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(s) != 2 || s["r"] == nil || s["224"] == nil {
		t.Errorf("kept %v", s)
	}
}

func TestAKeyForEncryptionVerifiesNothing(t *testing.T) {
	text := string(keySetOf(t, map[string]crypto.Signer{"256": p256}))
	for use, want := range map[string]bool{"sig": true, "enc": false} {
		s, err := parseKeySet([]byte(strings.Replace(text, `"kty"`, `"use":"`+use+`","kty"`, 1)))
		if _, ok := s.find("256", "ES256"); err != nil || ok != want {
			t.Errorf("use %s: %v, %v", use, ok, err)
		}
	}
}

func TestAKeyIsForItsOneAlgorithm(t *testing.T) {
	s, err := parseKeySet([]byte(strings.Replace(string(keySetOf(t, map[string]crypto.Signer{"r": rsaKey()})), `"kty"`, `"alg":"RS512","kty"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[string]bool{"RS512": true, "RS256": false, "ES256": false} {
		if _, ok := s.find("r", algorithm); ok != want {
			t.Errorf("%s: %v", algorithm, ok)
		}
	}
}

func TestWithoutAnIDAKeyMustBeTheOnlyOne(t *testing.T) {
	s, err := parseKeySet(keySetOf(t, map[string]crypto.Signer{"a": p256, "b": ecKey(elliptic.P256()), "c": p384}))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.find("", "ES256"); ok {
		t.Error("one of two was taken")
	}
	if key, ok := s.find("", "ES384"); !ok || !key.(*ecdsa.PublicKey).Equal(p384.Public()) {
		t.Error("the only one was not taken")
	}
}

func TestKeySetsThatAreNone(t *testing.T) {
	var many strings.Builder
	for i := range maxKeys + 1 {
		fmt.Fprintf(&many, `,%s`, strings.TrimSuffix(strings.TrimPrefix(string(keySetOf(t, map[string]crypto.Signer{fmt.Sprint(i): p256})), `{"keys":[`), `]}`))
	}
	for name, text := range map[string]string{"empty": "", "HTML": "<html>", "no keys": "{}", "null": "null", "a list": "[]",
		"a key of a key": `{"keys":{"a":1}}`, "too many": `{"keys":[` + many.String()[1:] + `]}`} {
		if _, err := parseKeySet([]byte(text)); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzKeySet(f *testing.F) {
	f.Add(keySetOf(f, map[string]crypto.Signer{"r": rsaKey(), "e": p256}))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if s, err := parseKeySet(text); err == nil {
			s.find("", "ES256")
		}
	})
}
