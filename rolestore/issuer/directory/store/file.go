package store

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// remembered is how many transactions are kept for those who watch. Who is further
// behind does better to load everything.
const remembered = 1024

// File is a store in a sealed database file that this process alone has open. What
// revision a record had before it was opened the file does not say, so all have that of
// the whole file then: no condition of before holds by mistake.
type File struct {
	file    *dbfile.File
	opened  int64
	writing sync.Mutex    // held through a transaction
	changed map[Key]int64 // the revisions of what was put since the file was opened

	mu       sync.Mutex
	revision int64
	log      []Committed   // the last transactions, without a gap
	news     chan struct{} // closed when there is another
}

// NewFile returns the store in an open file.
func NewFile(file *dbfile.File) (*File, error) {
	f := &File{file: file, changed: map[Key]int64{}, news: make(chan struct{})}
	err := file.View(func(tx *dbfile.Tx) error { f.opened = tx.ID(); return nil })
	f.revision = f.opened
	return f, err
}

// Load returns all records, in the order of their buckets and names, and the revision at
// which they are as they are.
func (f *File) Load(context.Context) (records []Record, revision int64, err error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	err = f.file.View(func(tx *dbfile.Tx) error {
		revision = tx.ID()
		return tx.ForAll(func(bucket, name string, value []byte) error {
			k := Key{bucket, name}
			records = append(records, Record{k, value, f.since(k)})
			return nil
		})
	})
	return records, revision, err
}

// since is the revision of a record that is there.
func (f *File) since(k Key) int64 { return max(f.opened, f.changed[k]) }

// Commit does a transaction and returns its revision, that of all that it puts. It is on
// the disk, whole, when Commit returns nil. After an error nothing is done; that of a
// condition that does not hold is [ErrConflict].
func (f *File) Commit(_ context.Context, t Transaction) (revision int64, err error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	err = f.file.Update(func(tx *dbfile.Tx) error {
		for _, c := range t.Conditions {
			value, err := tx.Get(c.Bucket, c.Name)
			if err != nil {
				return err
			}
			if (value == nil) != (c.Revision == 0) || value != nil && f.since(c.Key) != c.Revision {
				return ErrConflict
			}
		}
		revision = tx.ID()
		return write(tx, t.Changes)
	})
	if err != nil {
		return 0, err
	}
	for _, c := range t.Changes {
		if f.changed[c.Key] = revision; c.Value == nil {
			delete(f.changed, c.Key)
		}
	}
	f.publish(Committed{revision, t.Changes})
	return revision, nil
}

func write(tx *dbfile.Tx, changes []Change) error {
	for _, c := range changes {
		var err error
		if c.Value == nil {
			err = tx.Delete(c.Bucket, c.Name)
		} else {
			err = tx.Put(c.Bucket, c.Name, c.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *File) publish(c Committed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.revision, f.log = c.Revision, append(f.log, c); len(f.log) > remembered {
		f.log = slices.Clone(f.log[len(f.log)-remembered/2:]) // seldom, and what is cut off is free
	}
	close(f.news)
	f.news = make(chan struct{})
}

// Watch waits for the transactions after a revision and yields them in order, until ctx
// ends or with the error after which there is none.
func (f *File) Watch(ctx context.Context, after int64) iter.Seq2[Committed, error] {
	return func(yield func(Committed, error) bool) {
		for {
			missed, news, err := f.missed(after)
			if err != nil {
				yield(Committed{}, err)
				return
			}
			for _, c := range missed {
				if after = c.Revision; ctx.Err() != nil || !yield(c, nil) {
					return
				}
			}
			if len(missed) > 0 {
				continue // there may be more by now
			}
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
		}
	}
}

// missed are the transactions after a revision, and what is closed when there is another.
func (f *File) missed(after int64) ([]Committed, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after >= f.revision {
		return nil, f.news, nil
	}
	first := slices.IndexFunc(f.log, func(c Committed) bool { return c.Revision > after })
	if first < 0 || first == 0 && f.log[0].Revision > after+1 {
		return nil, nil, ErrCompacted
	}
	return slices.Clone(f.log[first:]), f.news, nil
}

// Close closes the file. Who watches must have been told to end.
func (f *File) Close() error { return f.file.Close() }
