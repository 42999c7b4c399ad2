package directory

import (
	"cmp"
	"fmt"
	"slices"
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
		return d.changeable(bucket, k, managedBy)
	case "":
		return fmt.Errorf("%s %s: %w", nouns[bucket], k, ErrNotFound)
	default:
		return fmt.Errorf("%s %s: %w", nouns[bucket], k, ErrChanged)
	}
}

// free refuses a name that something has already, in whatever case; one may take its own
// name in another.
func free(names map[string]string, account, name, own string) error {
	if taken := names[fold(account, name)]; taken != "" && taken != own {
		return fmt.Errorf("%s: %w", taken, ErrExists)
	}
	return nil
}

// inAccount are the things of one account, by their names.
func inAccount[T any](all map[string]T, account string, of func(T) (account, name string)) []T {
	var kept []T
	for _, one := range all {
		if in, _ := of(one); in == account {
			kept = append(kept, one)
		}
	}
	slices.SortFunc(kept, func(a, b T) int {
		_, x := of(a)
		_, y := of(b)
		return cmp.Compare(x, y)
	})
	return kept
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
