package dbfile

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Tx is a transaction. It ends with the function that it was given to and must
// not be used after it, nor by two goroutines.
type Tx struct {
	file *File
	tx   *bbolt.Tx
}

// View runs fn in a read-only transaction and returns its error. A transaction
// within a transaction waits for ever.
func (f *File) View(fn func(*Tx) error) error { return f.transact(false, fn) }

// Update runs fn in a transaction that is on the disk, whole, when Update
// returns nil. An error of fn undoes all that fn did and is returned as it is; an
// error of the disk comes with what mends it, and undoes all as well.
func (f *File) Update(fn func(*Tx) error) error { return f.transact(true, fn) }

// transact calls fn outside the guard: a panic in the caller's code is no damage.
func (f *File) transact(writable bool, fn func(*Tx) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var tx *bbolt.Tx
	if err := f.guard(func() (err error) { tx, err = f.db.Begin(writable); return err }); err != nil {
		return f.failed(err)
	}
	defer func() { _ = f.guard(tx.Rollback) }() // after a commit it does nothing
	if err := fn(&Tx{file: f, tx: tx}); err != nil || !writable {
		return err
	}
	if err := f.guard(tx.Commit); err != nil {
		return f.failed(err)
	}
	return nil
}

// failed names the file in an error of bbolt's; a DamagedError has the name.
func (f *File) failed(err error) error {
	if errors.Is(err, f.damage) {
		return err
	}
	return fmt.Errorf("database file %s: %w", f.path, withRemedy(f.path, err))
}

// Get returns the value of the key, nil if there is none. The caller owns it.
func (tx *Tx) Get(bucket, key string) ([]byte, error) {
	var sealed []byte
	err := tx.file.guard(func() error {
		if b := tx.tx.Bucket([]byte(bucket)); b != nil {
			sealed = bytes.Clone(b.Get([]byte(key)))
		}
		return nil
	})
	if err != nil || sealed == nil {
		return nil, err
	}
	return tx.open(bucket, record{key, sealed})
}

// Put seals the value under the key and makes the bucket if there is none. The
// bucket _header is the package's own. A key has 1 to 32768 bytes.
func (tx *Tx) Put(bucket, key string, value []byte) error {
	sealed := tx.file.keyring.Seal(value, bucket, key)
	return tx.named(bucket, key, tx.file.guard(func() error {
		b, err := tx.tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), sealed)
	}))
}

// Delete removes the key; that there is none is no error.
func (tx *Tx) Delete(bucket, key string) error {
	return tx.named(bucket, key, tx.file.guard(func() error {
		if b := tx.tx.Bucket([]byte(bucket)); b != nil {
			return b.Delete([]byte(key))
		}
		return nil
	}))
}

// ForEach calls fn with every key of the bucket, in the order of their bytes, as
// they are when it is called: fn may put and delete. The first error ends it and
// is returned. fn owns the values.
func (tx *Tx) ForEach(bucket string, fn func(key string, value []byte) error) error {
	records, err := tx.records(bucket)
	if err != nil {
		return err
	}
	for _, r := range records {
		value, err := tx.open(bucket, r)
		if err != nil {
			return err
		}
		if err := fn(r.key, value); err != nil {
			return err
		}
	}
	return nil
}

// Damaged returns err as a [*DamagedError] of this file, for a caller who finds
// that a value opens and yet is not what it ought to be.
func (tx *Tx) Damaged(err error) error { return tx.file.damaged(err) }

// ID counts the transactions of the file: that of one that changes something is one more
// than that of the last that did, over restarts too.
func (tx *Tx) ID() int64 { return int64(tx.tx.ID()) }

// ForAll is [Tx.ForEach] over every bucket but the header's, in the order of their names.
func (tx *Tx) ForAll(fn func(bucket, key string, value []byte) error) error {
	var buckets []string
	err := tx.file.guard(func() error {
		return tx.tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			buckets = append(buckets, string(name))
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		if bucket == headerBucket {
			continue
		}
		err := tx.ForEach(bucket, func(key string, value []byte) error { return fn(bucket, key, value) })
		if err != nil {
			return err
		}
	}
	return nil
}

type record struct {
	key    string
	sealed []byte
}

// records copies a bucket out of the mapped file.
func (tx *Tx) records(bucket string) (all []record, err error) {
	err = tx.file.guard(func() error {
		b := tx.tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		return b.ForEach(func(key, sealed []byte) error {
			all = append(all, record{string(key), bytes.Clone(sealed)})
			return nil
		})
	})
	return all, err
}

// open calls a missing key damage, since the canary has opened with its own.
func (tx *Tx) open(bucket string, r record) ([]byte, error) {
	value, err := tx.file.keyring.Open(r.sealed, bucket, r.key)
	if err != nil {
		return nil, tx.file.damaged(fmt.Errorf("value of %s in %s: %w", r.key, bucket, err))
	}
	return value, nil
}

func (tx *Tx) named(bucket, key string, err error) error {
	if err != nil && tx.file.damage == nil {
		return fmt.Errorf("key %q in bucket %s: %w", key, bucket, err)
	}
	return err
}
