package directory

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// The algorithms of GetWebIdentityToken (RFC 7518 section 3.1).
const (
	RS256 = "RS256"
	ES384 = "ES384"
)

const rsaBits = 2048 // signing with more costs this core a millisecond and more for each token

// keyVending is where the keys of outbound tokens are, in bucketCore.
const keyVending = "web_identity_keys"

// vendingRecord holds the keys that sign what GetWebIdentityToken gives out; PKCS #8,
// DER.
type vendingRecord struct {
	RSA []byte `json:"rsa"`
	EC  []byte `json:"ec"`
}

// TokenKey signs tokens for parties outside.
type TokenKey struct {
	Algorithm string
	Signer    crypto.Signer
}

// TokenKeys are the keys that sign tokens for parties outside, none where no account
// has ever enabled such tokens.
func (s *Snapshot) TokenKeys() []TokenKey { return s.tokenKeys }

// TokenIssuer returns the identifier, a random one, under which an account's tokens
// are signed, and false for an account that has not enabled them.
func (s *Snapshot) TokenIssuer(account string) (string, bool) {
	id, ok := s.tokenIssuers[account]
	return id, ok
}

// HasTokenIssuer reports whether an account has the identifier.
func (s *Snapshot) HasTokenIssuer(id string) bool {
	for _, own := range s.tokenIssuers {
		if own == id {
			return true
		}
	}
	return false
}

// vending gives an account its identifier when it is first enabled, and the core its
// keys. Disabled and enabled again, it is the same issuer.
func (r *reconciliation) vending(id string, a *accountRecord, want bool) error {
	a.Vending = want
	if !want || a.IssuerID != "" {
		return nil
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	a.IssuerID = hex.EncodeToString(random[:])
	var have vendingRecord
	if err := r.tx.GetJSON(bucketCore, keyVending, &have); err != nil || have.RSA != nil {
		return err
	}
	r.note(nouns[bucketAccount], id, "vends web identity tokens, signed by keys that were made")
	keys, err := newVendingKeys()
	if err != nil {
		return err
	}
	return r.tx.PutJSON(bucketCore, keyVending, keys)
}

func newVendingKeys() (v vendingRecord, err error) {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return v, fmt.Errorf("make a key: %w", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return v, fmt.Errorf("make a key: %w", err)
	}
	if v.RSA, err = x509.MarshalPKCS8PrivateKey(private); err == nil {
		v.EC, err = x509.MarshalPKCS8PrivateKey(curve)
	}
	return v, err
}

func (s *Snapshot) loadVending(tx *dbfile.Tx) error {
	var v vendingRecord
	if err := tx.GetJSON(bucketCore, keyVending, &v); err != nil || v.RSA == nil {
		return err
	}
	for algorithm, der := range map[string][]byte{RS256: v.RSA, ES384: v.EC} {
		key, err := x509.ParsePKCS8PrivateKey(der)
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return tx.Damaged(fmt.Errorf("the key for %s cannot be read", algorithm))
		}
		s.tokenKeys = append(s.tokenKeys, TokenKey{algorithm, signer})
	}
	return nil
}
