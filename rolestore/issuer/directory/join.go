package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

const (
	bucketJoin = "join_token"

	// maxJoinTokens bounds those that wait to be used.
	maxJoinTokens = 1000
)

// ErrJoinToken is returned for a join token that is not good, or not any more. It does
// not say which.
var ErrJoinToken = errors.New("the join token is unknown, used or expired: make another with `rolecall core token create`")

// ErrHostTaken is returned when the id of a host that joins is registered.
var ErrHostTaken = errors.New("a host of this id is registered with another key or in another account: remove it with `rolecall core host rm` first")

// joinRecord is a join token. Its key is the secret's hash: the file does not hold
// what a host must present.
type joinRecord struct {
	Account string    `json:"account"`
	Expires time.Time `json:"expires"`
}

// joinKey is the name of a join token. The secret has 256 random bits, so a plain
// hash does.
func joinKey(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}

// PutJoinToken lets one host join the account with the secret until it expires.
// Those that have expired are forgotten.
func (d *Directory) PutJoinToken(secret []byte, account string, expires, now time.Time) error {
	return d.change(func(tx *Tx) error {
		if !d.Snapshot().HasAccount(account) {
			return fmt.Errorf("account %s: %w", account, ErrNotFound)
		}
		waiting := 0
		err := EachJSON(tx, bucketJoin, func(k string, r joinRecord) error {
			if r.Expires.After(now) {
				waiting++
				return nil
			}
			return tx.Delete(bucketJoin, k)
		})
		if err == nil && waiting >= maxJoinTokens {
			err = fmt.Errorf("%d join tokens wait to be used: wait until some expire", waiting)
		}
		if err != nil {
			return err
		}
		return tx.PutJSON(bucketJoin, joinKey(secret), joinRecord{Account: account, Expires: expires.UTC()})
	})
}

// Join registers the host in the account of the join token, and uses the token up.
// The host's account is that of the token, whatever the argument's; it is returned.
// A host that joins again with its key stays as it is.
func (d *Directory) Join(secret []byte, h Host, now time.Time) (account string, err error) {
	err = d.change(func(tx *Tx) error {
		var r joinRecord
		if err := tx.GetJSON(bucketJoin, joinKey(secret), &r); err != nil {
			return err
		}
		if !r.Expires.After(now) {
			return ErrJoinToken
		}
		h.Account, h.Joined = r.Account, now.UTC()
		if err := d.Snapshot().check(h); err != nil {
			return err
		}
		if have := d.Snapshot().Host(h.ID); have != nil && (have.Account != h.Account || !have.Key.Equal(h.Key)) {
			return ErrHostTaken
		}
		account = r.Account
		return errors.Join(tx.Delete(bucketJoin, joinKey(secret)), d.register(tx, h))
	})
	return account, err
}
