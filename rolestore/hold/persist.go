package hold

import (
	"context"
	"maps"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

const (
	// batchWindow is how long a credential waits for others, so that a start with
	// many instances costs a few writes of the disk and not one for each. What a
	// crash loses in it is fetched again.
	batchWindow = 100 * time.Millisecond

	// retryDelay is the time between two tries when no new credential asks for one:
	// a full disk is freed by hand, and the log has said so.
	retryDelay = 10 * time.Second
)

// Put replaces the instance's credentials. They are served when it returns, and
// persisted soon after; [Cache.Err] says if that fails.
func (c *Cache) Put(i rolestore.Instance, credentials rolestore.Credentials) {
	c.replace(i.ID, &Record{
		InstanceID:  i.ID,
		Incarnation: i.Incarnation,
		RoleARN:     i.Profile.Role.ARN,
		Credentials: credentials,
	})
}

// Remove forgets the instance's credentials. They are no longer served, whatever
// it returns; when it returns nil they are off the disk too, and otherwise that
// is tried again.
func (c *Cache) Remove(instanceID string) error {
	c.replace(instanceID, nil)
	return c.Flush()
}

// Drop is [Cache.Remove] for who must not wait for the disk: it follows soon.
func (c *Cache) Drop(instanceID string) { c.replace(instanceID, nil) }

// Err returns why the last write failed, nil if it did not. What is served does
// not suffer, but a restart would.
func (c *Cache) Err() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.err
}

func (c *Cache) replace(id string, r *Record) {
	c.mu.Lock()
	if r != nil {
		c.records[id] = r
	} else {
		delete(c.records, id)
	}
	c.pending[id] = r
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // run is about to look anyway
	}
}

// run is the only writer but for Remove and Close.
func (c *Cache) run(ctx context.Context) {
	defer close(c.done)
	var batch, retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			if batch == nil {
				batch = time.After(batchWindow)
			}
			continue
		case <-batch:
		case <-retry:
		}
		batch, retry = nil, nil
		if c.Flush() != nil {
			retry = time.After(retryDelay)
		}
	}
}

// Flush persists all that is pending, in one transaction, and returns when it is
// on the disk. What fails stays pending, unless something newer has taken its
// place.
func (c *Cache) Flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	batch := c.pending
	c.pending = make(map[string]*Record)
	c.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := c.file.Update(func(tx *dbfile.Tx) error { return write(tx, batch) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		maps.Copy(batch, c.pending)
		c.pending = batch
	}
	c.note(err)
	return err
}

func write(tx *dbfile.Tx, batch map[string]*Record) error {
	for id, r := range batch {
		if r == nil {
			if err := tx.Delete(credentialsBucket, id); err != nil {
				return err
			}
			continue
		}
		value, err := r.encode()
		if err != nil {
			return err
		}
		if err := tx.Put(credentialsBucket, id, value); err != nil {
			return err
		}
	}
	return nil
}

// note logs the first of several failures and the recovery. The caller holds mu.
func (c *Cache) note(err error) {
	switch {
	case err != nil && c.err == nil:
		c.logger.Error("credentials cannot be persisted and are served from memory", "err", err)
	case err == nil && c.err != nil:
		c.logger.Info("credentials are persisted again")
	}
	c.err = err
}
