package dbfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rolecall/rolecall/rolestore/seal"
)

const (
	// headerBucket holds one record. Its key is the id of the sealing key, so that
	// a canary whose envelope was changed is not taken for one of another key.
	headerBucket = "_header"

	// schema is this package's layout; a file with a higher one is refused.
	schema = 1
)

type header struct {
	Kind   string `json:"kind"`
	Schema int    `json:"schema"`
}

// create makes the file beside its path and links it there: one that exists is
// not replaced, and a crash leaves no file without a header.
func create(path string, keyring *seal.Keyring, h header) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	f := &File{path: file.Name(), keyring: keyring, file: file}
	defer func() { err = errors.Join(err, os.Remove(f.path)) }()
	err = f.attach()
	if err == nil {
		err = f.Update(func(tx *Tx) error { return tx.putHeader(h) })
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	// Another process that was quicker has made it too.
	if err := os.Link(f.path, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// verify opens the canary and then every value. As all of them are sealed with
// the canary's key, a value that wants another one is damaged.
func (f *File) verify(kind string) error {
	var h header
	var rotated bool
	err := f.View(func(tx *Tx) (err error) {
		if h, rotated, err = tx.header(); err != nil {
			return err
		}
		if err := f.accept(h, kind); err != nil {
			return err
		}
		return tx.ForAll(func(string, string, []byte) error { return nil })
	})
	if err != nil || !rotated {
		return err
	}
	return f.Update(func(tx *Tx) error { return tx.sealAnew(h) })
}

func (f *File) accept(h header, kind string) error {
	if h.Kind != kind {
		return fmt.Errorf("database file %s is of kind %q, want %q: check the path", f.path, h.Kind, kind)
	}
	if h.Schema > schema {
		return fmt.Errorf("database file %s has schema %d and this version knows %d: upgrade rolecall, or restore the backup from before the upgrade", f.path, h.Schema, schema)
	}
	return nil
}

// header returns the canary, and whether a newer key than its own now seals.
func (tx *Tx) header() (h header, rotated bool, err error) {
	f := tx.file
	records, err := tx.records(headerBucket)
	if err != nil {
		return h, false, err
	}
	if len(records) != 1 {
		return h, false, f.damaged(errors.New("it has no header of Rolecall's"))
	}
	id := records[0].key
	text, err := f.keyring.Open(records[0].sealed, headerBucket, id)
	var missing *seal.KeyMissingError
	if errors.As(err, &missing) && missing.ID.String() == id {
		return h, false, fmt.Errorf("database file %s: %w", f.path, err)
	}
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, false, f.damaged(fmt.Errorf("its header: %w", err))
	}
	return h, id != f.keyring.ID().String(), nil
}

func (tx *Tx) putHeader(h header) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return tx.Put(headerBucket, tx.file.keyring.ID().String(), text)
}

// sealAnew seals every value with the keyring's last key.
func (tx *Tx) sealAnew(h header) error {
	if err := tx.ForAll(tx.Put); err != nil {
		return err
	}
	records, err := tx.records(headerBucket)
	if err != nil {
		return err
	}
	if err := tx.Delete(headerBucket, records[0].key); err != nil {
		return err
	}
	return tx.putHeader(h)
}
