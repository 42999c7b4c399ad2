package dbfile

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestJSONValues(t *testing.T) {
	type value struct{ A int }
	path := filepath.Join(t.TempDir(), "x.db")
	f := open(t, path, newKeyring(t))
	defer func() { must(t, f.Close()) }()
	must(t, f.Update(func(tx *Tx) error {
		return errors.Join(tx.PutJSON("b", "one", value{1}), tx.PutJSON("b", "two", value{2}), tx.Put("other", "text", []byte("no JSON")))
	}))
	must(t, f.View(func(tx *Tx) error {
		got, absent := value{}, value{9}
		must(t, tx.GetJSON("b", "two", &got))
		must(t, tx.GetJSON("b", "three", &absent))
		if got.A != 2 || absent.A != 9 {
			t.Errorf("GetJSON = %v, and %v for what is absent", got, absent)
		}
		sum := 0
		must(t, EachJSON(tx, "b", func(_ string, v value) error { sum += v.A; return nil }))
		if sum != 3 {
			t.Errorf("EachJSON visits a sum of %d, want 3", sum)
		}
		var damaged *DamagedError
		if err := tx.GetJSON("other", "text", &got); !errors.As(err, &damaged) {
			t.Errorf("GetJSON of no JSON: %v, want damage", err)
		}
		return nil
	}))
}
