package hold

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// CacheConfig is what [OpenCache] needs.
type CacheConfig struct {
	// Path is the file, by custom cache.db. It is made if it does not exist.
	Path string
	// Keyring seals the file.
	Keyring *seal.Keyring
	// Now dates the name of a damaged file.
	Now func() time.Time
	// Logger is told of a damaged file and of failing writes; nil discards.
	Logger *slog.Logger
}

// Cache keeps the credentials and the signed identity documents of the host's instances
// over a restart. Its
// methods may be called by many goroutines.
type Cache struct {
	file   *dbfile.File
	logger *slog.Logger

	wake   chan struct{} // holds one: something is pending
	cancel context.CancelFunc
	done   chan struct{} // closed when run has ended

	writing sync.Mutex         // held while the file is written; taken before mu
	mu      sync.RWMutex       // guards what follows, for moments
	records map[string]*Record // by instance id; a record never changes
	pending map[string]*Record // not yet on the disk, by instance id; nil is a removal

	documents        map[string]*storedDocument // by instance id; a document never changes
	pendingDocuments map[string]*storedDocument // as pending

	err error // of the last write
}

// OpenCache reads the file. If it is damaged, it is renamed to
// <path>.damaged-<UTC time> and a new one made, for the issuer has all of it. A
// wrong key is no damage: that and all else that [dbfile.Open] answers is
// returned and changes nothing. Close ends the goroutine that OpenCache starts.
func OpenCache(c CacheConfig) (*Cache, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	file, held, err := openCacheFile(c)
	var damaged *dbfile.DamagedError
	if errors.As(err, &damaged) {
		aside := c.Path + ".damaged-" + c.Now().UTC().Format("20060102T150405Z")
		if err := os.Rename(c.Path, aside); err != nil {
			return nil, fmt.Errorf("set damaged credential cache aside: %w", err)
		}
		c.Logger.Warn("damaged credential cache set aside, credentials will be fetched anew", "err", damaged, "moved_to", aside)
		file, held, err = openCacheFile(c)
	}
	if err != nil {
		return nil, fmt.Errorf("credential cache: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cache := &Cache{
		file:    file,
		logger:  c.Logger,
		wake:    make(chan struct{}, 1),
		cancel:  cancel,
		done:    make(chan struct{}),
		records: held.records,
		pending: make(map[string]*Record),

		documents:        held.documents,
		pendingDocuments: make(map[string]*storedDocument),
	}
	go cache.run(ctx)
	return cache, nil
}

// batch is what the file holds, or what is to be written to it.
type batch struct {
	records   map[string]*Record
	documents map[string]*storedDocument
}

func openCacheFile(c CacheConfig) (*dbfile.File, batch, error) {
	held := batch{make(map[string]*Record), make(map[string]*storedDocument)}
	file, err := dbfile.Open(dbfile.Options{Path: c.Path, Keyring: c.Keyring, Kind: "cache"})
	if err != nil {
		return nil, held, err
	}
	err = file.View(func(tx *dbfile.Tx) error {
		err := tx.ForEach(credentialsBucket, func(id string, value []byte) error {
			r, err := decodeRecord(id, value)
			if err != nil {
				return tx.Damaged(fmt.Errorf("credentials of %s: %w", id, err))
			}
			held.records[id] = r
			return nil
		})
		if err != nil {
			return err
		}
		return dbfile.EachJSON(tx, documentsBucket, func(id string, d storedDocument) error {
			held.documents[id] = &d
			return nil
		})
	})
	if err != nil {
		_ = file.Close() // the first error says more
		return nil, held, err
	}
	return file, held, nil
}

// Get returns the instance's credentials, even past their expiry, if they were
// put for the same incarnation, role and pod, of which the session's tags tell.
func (c *Cache) Get(i rolestore.Instance) (rolestore.Credentials, bool) {
	c.mu.RLock()
	r, ok := c.records[i.ID]
	c.mu.RUnlock()
	if !ok || r.Incarnation != i.Incarnation || r.RoleARN != i.Profile.Role.ARN || r.Pod != i.Containers.Pod {
		return rolestore.Credentials{}, false
	}
	return r.Credentials, true
}

// All returns every record, in no order, to find those whose instance is gone.
// They are those of the moment that the range begins, so its body may put and
// remove. What an instance is served comes from [Cache.Get].
func (c *Cache) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		c.mu.RLock()
		all := slices.Collect(maps.Values(c.records))
		c.mu.RUnlock()
		for _, r := range all {
			if !yield(*r) {
				return
			}
		}
	}
}

// Close persists what is pending and closes the file.
func (c *Cache) Close() error {
	c.cancel()
	<-c.done
	return errors.Join(c.Flush(), c.file.Close())
}
