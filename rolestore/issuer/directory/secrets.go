package directory

import (
	"errors"

	"github.com/rolecall/rolecall/rolestore"
)

// MadeSecret is a secret that the core made.
type MadeSecret struct {
	// Owner is the ARN of the user whose it is.
	Owner string
	// ID is an access key id, or the serial number of a virtual MFA device.
	ID string
	// Secret is the secret access key, or the seed.
	Secret rolestore.Secret
}

// RevealSecrets returns the secrets that the core made and that nobody has seen, and
// from then on they have been seen: what is lost on its way is to be made anew.
func (d *Directory) RevealSecrets() ([]MadeSecret, error) {
	var made []MadeSecret
	err := d.change(func(tx *Tx) error {
		made = nil
		return errors.Join(
			EachJSON(tx, bucketUser, func(k string, u userRecord) error {
				seen := true
				for i := range u.AccessKeys {
					if key := &u.AccessKeys[i]; key.Unseen {
						made = append(made, MadeSecret{arn(u.Account, "user", u.Path, u.Definition.Name), key.ID, rolestore.NewSecret(key.Secret)})
						key.Unseen, seen = false, false
					}
				}
				if seen {
					return nil
				}
				return tx.PutJSON(bucketUser, k, u)
			}),
			EachJSON(tx, bucketMFA, func(k string, m mfaRecord) error {
				if !m.Unseen {
					return nil
				}
				var u userRecord
				if err := tx.GetJSON(bucketUser, key(m.Account, m.Definition.User), &u); err != nil {
					return err
				}
				made = append(made, MadeSecret{arn(u.Account, "user", u.Path, u.Definition.Name), arn(m.Account, "mfa", m.Path, m.Definition.Name), rolestore.NewSecret(m.Seed)})
				m.Unseen = false
				return tx.PutJSON(bucketMFA, k, m)
			}))
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}
