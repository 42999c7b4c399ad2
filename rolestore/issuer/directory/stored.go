package directory

import (
	"fmt"
	"strings"
)

// stored is the record of something that has a unique id.
type stored interface {
	identity() (id, managedBy string)
}

func (r record[D]) identity() (id, managedBy string) { return r.UniqueID, r.ManagedBy }

// still reads the record of what is to be changed, if it is the one with the unique id
// that the caller saw and is the API's to change.
func still[R stored](d *Directory, tx *Tx, bucket, k, id string, into *R) error {
	if err := tx.GetJSON(bucket, k, into); err != nil {
		return err
	}
	switch now, managedBy := (*into).identity(); now {
	case id:
		_, name, _ := strings.Cut(k, "/")
		return d.changeable(bucket, name, managedBy)
	case "":
		return fmt.Errorf("%s %s: %w", nouns[bucket], k, ErrNotFound)
	default:
		return fmt.Errorf("%s %s: %w", nouns[bucket], k, ErrChanged)
	}
}

// free refuses a name that something has already, in whatever case; one may take its own
// name in another.
func (s *Snapshot) free(bucket, account, name, own string) error {
	e := s.owners.get(nameOf(bucket, account, name))
	if e == nil || e.Name == key(account, own) {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.TrimPrefix(e.Name, account+"/"), ErrExists)
}

// move stores what has another name now.
func move(tx *Tx, bucket, from, to string, record any) error {
	if from != to {
		if err := tx.Delete(bucket, from); err != nil {
			return err
		}
	}
	return tx.PutJSON(bucket, to, record)
}
