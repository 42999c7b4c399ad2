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
		Pod:         i.Containers.Pod,
		Credentials: credentials,
	})
}

// Remove forgets the instance's credentials and its document. They are no longer served,
// whatever it returns; when it returns nil they are off the disk too, and otherwise that
// is tried again.
func (c *Cache) Remove(instanceID string) error {
	c.replace(instanceID, nil)
	c.replaceDocument(instanceID, nil)
	return c.Flush()
}

// Drop forgets the instance's credentials, for who must not wait for the disk: it
// follows soon.
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
	set(c.records, c.pending, id, r)
	c.mu.Unlock()
	c.poke()
}

// set changes what is served of an id and what is going to the disk; nil removes it.
func set[T any](served, pending map[string]*T, id string, v *T) {
	if v != nil {
		served[id] = v
	} else {
		delete(served, id)
	}
	pending[id] = v
}

// poke has what is pending written soon.
func (c *Cache) poke() {
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
	b := batch{c.pending, c.pendingDocuments}
	c.pending, c.pendingDocuments = make(map[string]*Record), make(map[string]*storedDocument)
	c.mu.Unlock()
	if len(b.records) == 0 && len(b.documents) == 0 {
		return nil
	}
	err := c.file.Update(b.write)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		maps.Copy(b.records, c.pending)
		maps.Copy(b.documents, c.pendingDocuments)
		c.pending, c.pendingDocuments = b.records, b.documents
	}
	c.note(err)
	return err
}

func (b batch) write(tx *dbfile.Tx) error {
	for id, r := range b.records {
		if err := write(tx, credentialsBucket, id, r == nil, r.encode); err != nil {
			return err
		}
	}
	for id, d := range b.documents {
		if err := write(tx, documentsBucket, id, d == nil, d.encode); err != nil {
			return err
		}
	}
	return nil
}

func write(tx *dbfile.Tx, bucket, id string, gone bool, encode func() ([]byte, error)) error {
	if gone {
		return tx.Delete(bucket, id)
	}
	value, err := encode()
	if err != nil {
		return err
	}
	return tx.Put(bucket, id, value)
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
