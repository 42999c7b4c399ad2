package directory

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"sync/atomic"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// Config is what [Open] needs.
type Config struct {
	// Path is that of core.db.
	Path    string
	Keyring *seal.Keyring
	// Logger may be nil.
	Logger *slog.Logger
}

// Directory is the open core.db.
type Directory struct {
	file     *dbfile.File
	logger   *slog.Logger
	writing  sync.Mutex             // held from reading the file to replacing the snapshot
	source   atomic.Pointer[string] // the file that the definitions are from
	snapshot atomic.Pointer[Snapshot]
	leases   leases
	watches  watches
}

// Open opens core.db and makes it, with the core's identity and first issuing
// key, if there is none. Errors are those of [dbfile.Open]; a damaged file is
// left as it is.
func Open(c Config) (*Directory, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := dbfile.Open(dbfile.Options{Path: c.Path, Keyring: c.Keyring, Kind: "core"})
	if err != nil {
		return nil, stopped(c.Path, err)
	}
	d := &Directory{file: file, logger: c.Logger}
	if err := errors.Join(d.change(d.identify), d.leases.load(file)); err != nil {
		_ = file.Close() // the first error says more
		return nil, stopped(c.Path, err)
	}
	return d, nil
}

// stopped tells an operator what to do about damage.
func stopped(path string, err error) error {
	var damaged *dbfile.DamagedError
	if errors.As(err, &damaged) {
		return fmt.Errorf("%w: restore it from a backup, or move %s away to begin with a new core, which knows none of the hosts and sessions of this one", err, path)
	}
	return fmt.Errorf("core's definitions: %w", err)
}

// Close closes the file. Snapshots stay valid.
func (d *Directory) Close() error { return d.file.Close() }

// Snapshot returns the directory as it is now.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// change runs edit in one durable transaction and then replaces the snapshot.
func (d *Directory) change(edit func(*Tx) error) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	var next *Snapshot
	err := d.file.Update(func(tx *Tx) error {
		if err := edit(tx); err != nil {
			return err
		}
		var err error
		next, err = load(tx, d.logger)
		return err
	})
	if err == nil {
		d.snapshot.Store(next)
		d.watches.tellAll()
	}
	return err
}

// identify gives a new file the core's identity.
func (d *Directory) identify(tx *Tx) error {
	var identity identityRecord
	if err := tx.GetJSON(bucketCore, keyIdentity, &identity); err != nil || identity.CoreID != "" {
		return err
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	key := session.NewKey(1)
	identity = identityRecord{
		CoreID: "core-" + hex.EncodeToString(id[:]),
		Keys:   []keyRecord{newKeyRecord(key)},
	}
	d.logger.Info("core identity made", "core_id", identity.CoreID)
	return tx.PutJSON(bucketCore, keyIdentity, identity)
}

// NewAccountID returns a random account id of twelve digits.
func NewAccountID() string {
	const least, span = 100_000_000_000, 900_000_000_000 // no leading zero: people drop it
	n, _ := rand.Int(rand.Reader, big.NewInt(span))      // never fails, see crypto/rand
	return fmt.Sprint(least + n.Int64())
}
