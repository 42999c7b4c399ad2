package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/big"
	"sync"
	"sync/atomic"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// Store keeps the records; the room store has the words, and storetest what each has to
// do. Two directories of one store see each other's changes.
type Store interface {
	// Load returns all records in the order of their buckets and names, and the revision
	// at which they are so.
	Load(ctx context.Context) (records []store.Record, revision int64, err error)
	// Commit does a transaction, durably and whole, or nothing of it and returns an error:
	// [store.ErrConflict] where a condition does not hold.
	Commit(ctx context.Context, t store.Transaction) (revision int64, err error)
	// Watch yields the transactions after a revision, in order, until ctx ends. An error
	// is the last that it yields: after [store.ErrCompacted] one may load again.
	Watch(ctx context.Context, after int64) iter.Seq2[store.Committed, error]
}

// Config is what [Open] needs.
type Config struct {
	// Path is that of core.db.
	Path    string
	Keyring *seal.Keyring
	// Logger may be nil.
	Logger *slog.Logger
}

// Directory is the open directory.
type Directory struct {
	store    Store
	path     string
	close    func() error
	logger   *slog.Logger
	writing  sync.Mutex             // held from the snapshot that a change is made of to the one that has it
	source   atomic.Pointer[string] // the file that the definitions are from
	snapshot atomic.Pointer[Snapshot]
	follower follower
	watches  watches
}

// Open opens core.db and makes it, with the core's identity and first issuing
// key, if there is none. Errors are those of [dbfile.Open]; a damaged file is
// left as it is.
func Open(c Config) (*Directory, error) {
	file, err := dbfile.Open(dbfile.Options{Path: c.Path, Keyring: c.Keyring, Kind: "core"})
	if err != nil {
		return nil, stopped(c.Path, err)
	}
	kept, err := store.NewFile(file)
	if err == nil {
		var d *Directory
		if d, err = open(kept, c); err == nil {
			d.close = kept.Close
			return d, nil
		}
	}
	_ = file.Close() // the first error says more
	return nil, stopped(c.Path, err)
}

// open begins to follow a store, and gives a new one the core's identity.
func open(kept Store, c Config) (*Directory, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Directory{store: kept, path: c.Path, close: func() error { return nil }, logger: c.Logger}
	if err := d.load(); err != nil {
		return nil, err
	}
	d.follow()
	if err := d.change(d.identify); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// damaged is for records that are not what they ought to be.
func (d *Directory) damaged(err error) error { return &dbfile.DamagedError{Path: d.path, Err: err} }

// stopped tells an operator what to do about damage.
func stopped(path string, err error) error {
	var damaged *dbfile.DamagedError
	if errors.As(err, &damaged) {
		return fmt.Errorf("%w: restore it from a backup, or move %s away to begin with a new core, which knows none of the hosts and sessions of this one", err, path)
	}
	return fmt.Errorf("core's definitions: %w", err)
}

// Close stops following the store and closes it. Snapshots stay valid.
func (d *Directory) Close() error {
	d.follower.stop()
	return d.close()
}

// Snapshot returns the directory as it is now.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// change runs edit and does what it puts and deletes in one transaction, which is durable
// and in the snapshot when change returns nil. If another core was quicker, edit is run
// once more on what that has left. An error of edit undoes all and is returned as it is.
func (d *Directory) change(edit func(*Tx) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	for {
		base := d.Snapshot()
		tx := &Tx{base: base, next: base, changed: map[store.Key]bool{}, damaged: d.damaged}
		if err := edit(tx); err != nil {
			return err
		}
		t, ok := tx.transaction()
		if !ok {
			return nil
		}
		revision, err := d.store.Commit(context.Background(), t) // who gives up in the middle leaves it whole
		if errors.Is(err, store.ErrConflict) {
			revision = base.revision + 1 // or later
		} else if err != nil {
			return err
		}
		if waited := d.follower.wait(revision); waited != nil || err == nil {
			return waited
		}
	}
}

// identify gives a new file the core's identity.
func (d *Directory) identify(tx *Tx) error {
	var r identityRecord
	if err := tx.GetJSON(bucketCore, keyIdentity, &r); err != nil || r.CoreID != "" {
		return err
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	key := session.NewKey(1)
	r = identityRecord{
		CoreID: "core-" + hex.EncodeToString(id[:]),
		Keys:   []keyRecord{newKeyRecord(key)},
	}
	d.logger.Info("core identity made", "core_id", r.CoreID)
	return tx.PutJSON(bucketCore, keyIdentity, r)
}

// NewAccountID returns a random account id of twelve digits.
func NewAccountID() string {
	const least, span = 100_000_000_000, 900_000_000_000 // no leading zero: people drop it
	n, _ := rand.Int(rand.Reader, big.NewInt(span))      // never fails, see crypto/rand
	return fmt.Sprint(least + n.Int64())
}
