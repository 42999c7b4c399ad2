package directory

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// TokenIssuer returns the identifier, a random one, under which an account's tokens
// are signed, and false for an account that has not enabled them.
func (s *Snapshot) TokenIssuer(account string) (string, bool) {
	a := noun[accountRecord](s.record(bucketAccount, account))
	if !a.Vending {
		return "", false
	}
	return a.IssuerID, true
}

// HasTokenIssuer reports whether an account has the identifier.
func (s *Snapshot) HasTokenIssuer(id string) bool {
	return s.owners.get(issuer(id)) != nil
}

// vends reports whether an account is to have tokens for parties outside.
func (d Definitions) vends() bool {
	return slices.ContainsFunc(d.Accounts, func(a AccountDefinition) bool { return a.JWTVendingEnabled })
}

// vending decides whether an account has tokens for parties outside, as far as that is
// the file's to say. What the file decided and decides no longer is over.
func (r *reconciliation) vending(next *accountRecord, a AccountDefinition) error {
	switch {
	case a.JWTVendingEnabled || a.JWTVendingDecided:
		next.VendingBy = r.by
	case next.VendingBy == ManagedByAPI:
		return nil
	default:
		next.VendingBy = ""
	}
	made, err := next.vend(r.tx, a.JWTVendingEnabled, r.tokenKeys)
	if made {
		r.note(nouns[bucketAccount], a.ID, "vends web identity tokens, signed by keys that were made")
	}
	return err
}

// vend gives an account its identifier when it is first enabled, and the core its keys if
// it has none, which it reports. Disabled and enabled again, it is the same issuer.
func (a *accountRecord) vend(tx *Tx, want bool, keys tokenKeyRecord) (made bool, err error) {
	a.Vending = want
	if !want || a.IssuerID != "" {
		return false, nil
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	a.IssuerID = hex.EncodeToString(random[:])
	var have []tokenKeyRecord
	if err := tx.GetJSON(bucketCore, keyTokenKeys, &have); err != nil || len(have) > 0 {
		return false, err
	}
	return true, tx.PutJSON(bucketCore, keyTokenKeys, []tokenKeyRecord{keys})
}

// SetVending enables or disables an account's tokens for parties outside. It is
// ErrExists to enable what is enabled, and ErrNotFound to disable what is not.
func (d *Directory) SetVending(account string, want bool, now time.Time) error {
	var keys tokenKeyRecord
	if want && len(d.Snapshot().keys) == 0 {
		// Keys take their time, so they are made before others wait for the file.
		made, err := newTokenKeys(now.UTC().Truncate(time.Second))
		if err != nil {
			return err
		}
		keys = made
	}
	return d.changeAccount(account, func(tx *Tx, a *accountRecord) error {
		switch {
		case want && a.Vending:
			return ErrExists
		case !want && !a.Vending:
			return ErrNotFound
		case a.VendingBy == ManagedByFile, a.VendingBy == "" && a.Vending: // by the file of an earlier version
			return d.managed()
		}
		a.VendingBy = ManagedByAPI
		_, err := a.vend(tx, want, keys)
		return err
	})
}

// changeAccount changes the record of an account.
func (d *Directory) changeAccount(id string, edit func(*Tx, *accountRecord) error) error {
	return d.change(func(tx *Tx) error {
		var a accountRecord
		if err := tx.GetJSON(bucketAccount, id, &a); err != nil {
			return err
		}
		if a.ManagedBy == "" {
			return fmt.Errorf("account %s: %w", id, ErrNotFound)
		}
		if err := edit(tx, &a); err != nil {
			return err
		}
		return tx.PutJSON(bucketAccount, id, a)
	})
}

// SetGlobalEndpointTokenVersion notes which version of session tokens an account wants of
// the global endpoint, 1 or 2. Those of this core are good at every endpoint, as AWS's
// second is, whatever is wanted.
func (d *Directory) SetGlobalEndpointTokenVersion(account string, version int) error {
	return d.changeAccount(account, func(_ *Tx, a *accountRecord) error {
		a.TokenVersion = version
		return nil
	})
}

// GlobalEndpointTokenVersion is 1 where nobody asked for another.
func (s *Snapshot) GlobalEndpointTokenVersion(account string) int {
	return max(1, noun[accountRecord](s.record(bucketAccount, account)).TokenVersion)
}
