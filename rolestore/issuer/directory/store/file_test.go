package store_test

import (
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
	"github.com/rolecall/rolecall/rolestore/issuer/directory/store/storetest"
	"github.com/rolecall/rolecall/rolestore/seal"
)

func TestFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dir := t.TempDir()
		keyring, err := seal.Create(filepath.Join(dir, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		return storetest.Place{Open: func(t *testing.T) (storetest.Store, func()) {
			file, err := dbfile.Open(dbfile.Options{Path: filepath.Join(dir, "core.db"), Keyring: keyring, Kind: "core"})
			if err != nil {
				t.Fatal(err)
			}
			s, err := store.NewFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return s, func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}}
	})
}
