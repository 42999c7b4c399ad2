package dbfile

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/seal"
)

func TestWrongKeyIsNamedAndNothingIsWritten(t *testing.T) {
	dir, right, wrong := t.TempDir(), newKeyring(t), newKeyring(t)
	path := filepath.Join(dir, "test.db")
	fill(t, path, right)
	before, err := os.ReadFile(path)
	must(t, err)
	_, err = Open(Options{Path: path, Keyring: wrong, Kind: "test"})
	var missing *seal.KeyMissingError
	var damaged *DamagedError
	if !errors.As(err, &missing) || missing.ID != right.ID() || errors.As(err, &damaged) {
		t.Errorf("Open = %v, want a KeyMissingError for %s", err, right.ID())
	}
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name %s", err, path)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was written to")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
	must(t, open(t, path, right).Close()) // and the lock is free
}

func TestNewLastKeySealsAllAnew(t *testing.T) {
	dir := t.TempDir()
	path, keys := filepath.Join(dir, "test.db"), filepath.Join(dir, "keys")
	first, err := seal.Create(keys)
	must(t, err)
	want := fill(t, path, first)
	second := filepath.Join(dir, "second")
	_, err = seal.Create(second)
	must(t, err)
	oldText, _ := os.ReadFile(keys)
	newText, _ := os.ReadFile(second)
	must(t, os.WriteFile(keys, append(oldText, newText...), 0o600))
	both, err := seal.Load(keys)
	must(t, err)
	for range 2 {
		f := open(t, path, both)
		got, err := read(f)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("with both keys: %d values, %v", len(got), err)
		}
		must(t, f.Close())
	}
	onlySecond, err := seal.Load(second)
	must(t, err)
	f := open(t, path, onlySecond)
	defer func() { must(t, f.Close()) }()
	if got, err := read(f); err != nil || !maps.Equal(got, want) {
		t.Errorf("without the old key: %d values, %v", len(got), err)
	}
}

// A value that is whole but lies elsewhere is as wrong as a changed one, and so
// is one under another key than the file's.
func TestForeignValueIsDamage(t *testing.T) {
	k, other := newKeyring(t), newKeyring(t)
	for name, sealed := range map[string][]byte{
		"moved from another key":     k.Seal([]byte("x"), "b", "k2"),
		"moved from another bucket":  k.Seal([]byte("x"), "c", "k"),
		"sealed with another key":    other.Seal([]byte("x"), "b", "k"),
		"not sealed at all":          []byte("x"),
		"the header's, copied there": k.Seal([]byte("x"), headerBucket, k.ID().String()),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			f := open(t, path, k)
			must(t, f.Update(func(tx *Tx) error {
				must(t, tx.Put("b", "k", nil))
				return tx.tx.Bucket([]byte("b")).Put([]byte("k"), sealed)
			}))
			var damaged *DamagedError
			var missing *seal.KeyMissingError
			err := f.View(func(tx *Tx) error { _, err := tx.Get("b", "k"); return err })
			if !errors.As(err, &damaged) || errors.As(err, &missing) || !strings.Contains(err.Error(), path) {
				t.Errorf("Get = %v, want a DamagedError", err)
			}
			must(t, f.Close())
			if _, err := Open(Options{Path: path, Keyring: k, Kind: "test"}); !errors.As(err, &damaged) {
				t.Errorf("Open = %v, want a DamagedError", err)
			}
		})
	}
}

// An envelope that wants another key than the header's name says is not a wrong
// key file, but a changed byte.
func TestForeignHeaderIsDamage(t *testing.T) {
	k, other := newKeyring(t), newKeyring(t)
	id := k.ID().String()
	for name, spoil := range map[string]func(tx *Tx) error{
		"its envelope names another key": func(tx *Tx) error {
			return tx.tx.Bucket([]byte(headerBucket)).Put([]byte(id), other.Seal(nil, headerBucket, id))
		},
		"it is no JSON":     func(tx *Tx) error { return tx.Put(headerBucket, id, []byte("{")) },
		"there is a second": func(tx *Tx) error { return tx.Put(headerBucket, "z", nil) },
		"there is none":     func(tx *Tx) error { return tx.Delete(headerBucket, id) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			f := open(t, path, k)
			must(t, f.Update(spoil))
			must(t, f.Close())
			_, err := Open(Options{Path: path, Keyring: k, Kind: "test"})
			var damaged *DamagedError
			var missing *seal.KeyMissingError
			if !errors.As(err, &damaged) || errors.As(err, &missing) {
				t.Errorf("Open = %v, want a DamagedError", err)
			}
		})
	}
}

func TestFileOfAnotherKindOrSchemaIsRefused(t *testing.T) {
	k := newKeyring(t)
	for _, c := range []struct {
		header header
		want   string
	}{
		{header{Kind: "core", Schema: schema}, `is of kind "core", want "test"`},
		{header{Kind: "test", Schema: schema + 1}, "has schema 2 and this version knows 1: upgrade rolecall"},
	} {
		path := filepath.Join(t.TempDir(), "test.db")
		must(t, create(path, k, c.header))
		before, _ := os.ReadFile(path)
		_, err := Open(Options{Path: path, Keyring: k, Kind: "test"})
		var damaged *DamagedError
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || errors.As(err, &damaged) {
			t.Errorf("Open = %v, want %q", err, c.want)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Error("the file was written to")
		}
	}
}

func TestCreateNeverReplacesAFile(t *testing.T) {
	path, k := filepath.Join(t.TempDir(), "test.db"), newKeyring(t)
	want := fill(t, path, k)
	must(t, create(path, newKeyring(t), header{Kind: "test", Schema: schema}))
	f := open(t, path, k)
	defer func() { must(t, f.Close()) }()
	if got, err := read(f); err != nil || !maps.Equal(got, want) {
		t.Errorf("the file was replaced: %d values, %v", len(got), err)
	}
}
