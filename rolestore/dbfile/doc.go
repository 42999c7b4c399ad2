// Package dbfile is a bbolt file (https://pkg.go.dev/go.etcd.io/bbolt) whose
// every value is sealed, and whose troubles are told apart.
//
//	_header       <key id> -> {"kind": "agent", "schema": 1}, the canary
//	<bucket>      <key>    -> value
//
// Names of buckets and keys are in clear; every value, the canary too, is sealed
// by the seal room with bucket and key as context. [Open] answers
//
//	*InUseError             another process has the file open; it is named
//	*seal.KeyMissingError   the canary wants another key; nothing was written
//	*DamagedError           the file is not what was written
//
// and otherwise a file that is right in every byte that counts: its pages have
// been walked and each of its values has been opened. Its size is bounded by what
// rooms keep in memory, so that costs no more than loading it. When the key file
// has a new last key, everything is sealed anew before Open returns.
//
// Invariants: a file appears under its path whole or not at all. One transaction
// runs at a time, for rooms serve from snapshots. bbolt is called only under
// guard, as it answers damage by panics and, its file being mapped into memory,
// by faults; after one of these it is not called again, because it may have kept
// its locks. Nothing here may import a room but seal.
package dbfile
