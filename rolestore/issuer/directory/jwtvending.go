package directory

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
)

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

// vends reports whether an account is to have tokens for parties outside.
func (d Definitions) vends() bool {
	return slices.ContainsFunc(d.Accounts, func(a AccountDefinition) bool { return a.JWTVendingEnabled })
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
	var have []tokenKeyRecord
	if err := r.tx.GetJSON(bucketCore, keyTokenKeys, &have); err != nil || len(have) > 0 {
		return err
	}
	r.note(nouns[bucketAccount], id, "vends web identity tokens, signed by keys that were made")
	return r.tx.PutJSON(bucketCore, keyTokenKeys, []tokenKeyRecord{r.tokenKeys})
}
