package store

import "errors"

// ErrConflict is returned for a transaction one of whose conditions does not hold.
// Nothing of it was done.
var ErrConflict = errors.New("a record was changed meanwhile")

// ErrCompacted ends a watch that is so far behind that the store has forgotten what came
// next: load everything again.
var ErrCompacted = errors.New("the store does not know any more what was changed since")

// Key names a record.
type Key struct {
	Bucket string
	Name   string // within the bucket
}

// Record is a value at a revision. Who has one must not change the value.
type Record struct {
	Key
	Value    []byte
	Revision int64
}

// Condition asks for the revision of a record, 0 for one that is not there.
type Condition struct {
	Key
	Revision int64
}

// Change puts a value, or deletes the record if the value is nil. That there is none to
// delete is no error.
type Change struct {
	Key
	Value []byte
}

// Transaction is done whole if all its conditions hold. It changes a record once.
type Transaction struct {
	Conditions []Condition
	Changes    []Change
}

// Committed is a transaction that was done.
type Committed struct {
	Revision int64
	Changes  []Change
}
