package directory

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

type keyRecord struct {
	ID     byte      `json:"id"`
	Secret []byte    `json:"secret"`
	From   time.Time `json:"issues_from"`
}

func newKeyRecord(k session.Key) keyRecord {
	return keyRecord{ID: k.ID, Secret: k.Secret[:], From: k.From}
}

// RotateKeys brings the issuing keys to where their schedule has them now; see
// [session.Rotate]. It is to be called more often than [session.KeyLead].
func (d *Directory) RotateKeys(now time.Time) error {
	if _, changed := session.Rotate(d.Snapshot().identity.keys, now); !changed {
		return nil // as nearly always
	}
	return d.change(func(tx *Tx) error {
		var identity identityRecord
		if err := tx.GetJSON(bucketCore, keyIdentity, &identity); err != nil {
			return err
		}
		keys, _ := session.Rotate(d.Snapshot().identity.keys, now)
		identity.Keys = nil
		for _, k := range keys {
			identity.Keys = append(identity.Keys, newKeyRecord(k))
		}
		d.logger.Info("issuing keys changed", "keys", len(keys), "newest", keys[len(keys)-1].ID, "issues_from", keys[len(keys)-1].From)
		return tx.PutJSON(bucketCore, keyIdentity, identity)
	})
}
