package directory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
)

// Tx is a change that is being put together on top of a snapshot. Nothing of it is seen,
// or on a disk, before the function that it was given to has returned. It must not be
// used after that, nor by two goroutines.
type Tx struct {
	base, next *Snapshot
	changed    map[store.Key]bool
	damaged    func(error) error
}

// Snapshot is the directory as it would be with what was put and deleted so far.
func (tx *Tx) Snapshot() *Snapshot { return tx.next }

// Get returns the value of the key, nil if there is none. The caller must not change it.
func (tx *Tx) Get(bucket, name string) ([]byte, error) {
	if e := tx.next.record(bucket, name); e != nil {
		return e.Value, nil
	}
	return nil, nil
}

// Put puts a value under the key. One that the snapshot could not hold is refused as
// damage.
func (tx *Tx) Put(bucket, name string, value []byte) error {
	e, err := newEntry(store.Record{Key: store.Key{Bucket: bucket, Name: name}, Value: append([]byte{}, value...)})
	if err != nil {
		return tx.Damaged(err)
	}
	tx.set(e)
	return nil
}

// Delete removes the key; that there is none is no error.
func (tx *Tx) Delete(bucket, name string) error {
	if tx.next.record(bucket, name) != nil {
		tx.set(&entry{Record: store.Record{Key: store.Key{Bucket: bucket, Name: name}}})
	}
	return nil
}

func (tx *Tx) set(e *entry) {
	tx.changed[e.Key] = true
	tx.next = tx.next.with(tx.next.revision, e)
}

// ForEach calls fn with every key of the bucket, in the order of their bytes, as they are
// when it is called: fn may put and delete. The first error ends it and is returned.
func (tx *Tx) ForEach(bucket string, fn func(name string, value []byte) error) error {
	for e := range tx.next.records.under(bucket + "/") { // of a snapshot that is left behind by a change
		if err := fn(e.Name, e.Value); err != nil {
			return err
		}
	}
	return nil
}

// Damaged returns err as damage of the store, for a caller who finds that a value is not
// what it ought to be.
func (tx *Tx) Damaged(err error) error { return tx.damaged(err) }

// GetJSON decodes the value of the key, and leaves value alone if there is none.
// A value that is no JSON of this kind is damage.
func (tx *Tx) GetJSON(bucket, name string, value any) error {
	text, err := tx.Get(bucket, name)
	if err != nil || text == nil {
		return err
	}
	return tx.decode(bucket, name, text, value)
}

// PutJSON is [Tx.Put] of the value as JSON.
func (tx *Tx) PutJSON(bucket, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", bucket, name, err)
	}
	return tx.Put(bucket, name, text)
}

// EachJSON is [Tx.ForEach] with every value decoded.
func EachJSON[V any](tx *Tx, bucket string, visit func(name string, value V) error) error {
	return tx.ForEach(bucket, func(name string, text []byte) error {
		var value V
		if err := tx.decode(bucket, name, text, &value); err != nil {
			return err
		}
		return visit(name, value)
	})
}

func (tx *Tx) decode(bucket, name string, text []byte, value any) error {
	if err := json.Unmarshal(text, value); err != nil {
		return tx.Damaged(fmt.Errorf("%s %s: %w", bucket, name, err))
	}
	return nil
}

// headKey names the record that every change puts, and asks to be as it was when the
// change began. So each is made of what the one before it left, also by another core.
var headKey = store.Key{Bucket: bucketCore, Name: "head"}

// transaction is what the change comes to, and false if it comes to nothing.
func (tx *Tx) transaction() (t store.Transaction, ok bool) {
	for k := range tx.changed {
		before, after := tx.base.record(k.Bucket, k.Name), tx.next.record(k.Bucket, k.Name)
		switch {
		case after != nil && (before == nil || !bytes.Equal(before.Value, after.Value)):
			t.Changes = append(t.Changes, store.Change{Key: k, Value: after.Value})
		case after == nil && before != nil:
			t.Changes = append(t.Changes, store.Change{Key: k})
		}
	}
	if len(t.Changes) == 0 {
		return t, false
	}
	slices.SortFunc(t.Changes, func(a, b store.Change) int {
		return slices.Compare([]string{a.Bucket, a.Name}, []string{b.Bucket, b.Name})
	})
	head := store.Condition{Key: headKey}
	if e := tx.base.record(headKey.Bucket, headKey.Name); e != nil {
		head.Revision = e.Revision
	}
	t.Conditions = []store.Condition{head}
	t.Changes = append(t.Changes, store.Change{Key: headKey, Value: []byte("{}")})
	return t, true
}
