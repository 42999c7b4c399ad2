package directory

import (
	"fmt"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// CreateAccessKey gives a user a key. Its secret is in what is returned and is shown to
// nobody else.
func (d *Directory) CreateAccessKey(u *User, now time.Time) (AccessKeyDefinition, error) {
	var made accessKeyRecord
	err := d.changeKeys(u, func(keys []accessKeyRecord) ([]accessKeyRecord, error) {
		if len(keys) >= MaxAccessKeys {
			return nil, &policy.QuotaError{Message: fmt.Sprintf("Cannot exceed quota for AccessKeysPerUser: %d", MaxAccessKeys)}
		}
		id, err := session.NewAccessKeyID(LongTermPrefix, u.Account)
		if err != nil {
			return nil, err
		}
		made = accessKeyRecord{ID: id, Secret: newSecret(), Created: now.UTC().Truncate(time.Second)}
		return append(keys, made), nil
	})
	if err != nil {
		return AccessKeyDefinition{}, err
	}
	return AccessKeyDefinition{ID: made.ID, Secret: rolestore.NewSecret(made.Secret), Status: StatusActive}, nil
}

// SetAccessKey makes a user's key active or inactive.
func (d *Directory) SetAccessKey(u *User, id string, active bool) error {
	return d.changeKeys(u, func(keys []accessKeyRecord) ([]accessKeyRecord, error) {
		i := slices.IndexFunc(keys, func(k accessKeyRecord) bool { return k.ID == id })
		if i < 0 {
			return nil, ErrNotFound
		}
		keys[i].Inactive = !active
		return keys, nil
	})
}

// DeleteAccessKey deletes a user's key.
func (d *Directory) DeleteAccessKey(u *User, id string) error {
	return d.changeKeys(u, func(keys []accessKeyRecord) ([]accessKeyRecord, error) {
		i := slices.IndexFunc(keys, func(k accessKeyRecord) bool { return k.ID == id })
		if i < 0 {
			return nil, ErrNotFound
		}
		return slices.Delete(keys, i, i+1), nil
	})
}

// changeKeys changes the keys of a user, which are a part of his definition: those of one
// whom core.yaml defines are the file's.
func (d *Directory) changeKeys(u *User, edit func([]accessKeyRecord) ([]accessKeyRecord, error)) error {
	return d.change(func(tx *Tx) error {
		var next userRecord
		k := key(u.Account, u.Name)
		if err := still(d, tx, bucketUser, k, u.UniqueID, &next); err != nil {
			return err
		}
		var err error
		if next.AccessKeys, err = edit(next.AccessKeys); err != nil {
			return err
		}
		next.ManagedBy = ManagedByAPI
		return tx.PutJSON(bucketUser, k, next)
	})
}
