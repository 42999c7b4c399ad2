package directory

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
)

// entry is a record in a snapshot, shared by all that have it.
type entry struct {
	store.Record
	// arn, ids and owners are the names by which the snapshot finds it besides: its ARN,
	// its unique id and those of access keys, and whose it is.
	arn         string
	ids, owners []string
	// noun is what the record says, of a kind that is read when it comes; see readers.
	noun any
	// made is what the record says, of a kind that is read when somebody asks for it.
	made atomic.Pointer[made]
}

// readers read the records of a bucket when they come. An error is damage: it stops a
// core from starting, and a change from being done. Records of other buckets are only
// kept.
//
// Policies are not read here. There may be very many, a start would take its time, and
// one that this version does not understand is no damage; see [entry.make].
var readers = map[string]func(*entry) error{
	bucketCore: readCore, bucketAccount: readAccount, bucketRole: readRole, bucketProfile: readProfile,
	bucketPolicy: readPolicy, bucketGroup: readGroup, bucketUser: readUser, bucketMFA: readMFADevice,
	bucketHost: readHost, bucketGrant: readGrant, bucketLease: readLease, bucketOIDC: readOIDCProvider, bucketSAML: readSAMLProvider,
}

func newEntry(r store.Record) (*entry, error) {
	e := &entry{Record: r}
	if read := readers[r.Bucket]; read != nil {
		if err := read(e); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.Bucket, r.Name, err)
		}
	}
	return e, nil
}

// recordName is that of a record among all.
func recordName(k store.Key) string { return k.Bucket + "/" + k.Name }

// head is what the records of all nouns begin with, read without what takes time.
type head struct {
	record[struct{ Name string }]
}

// decode reads the record's JSON.
func (e *entry) decode(into any) error { return json.Unmarshal(e.Value, into) }

// made is what was made of a record, and of others that it names. It is what a snapshot
// has as long as they are the same there.
type made struct {
	value any
	uses  []use
}

// use is where a name led: to one record or none, or to all of an owner.
type use struct {
	tree    func(*Snapshot) *tree[*entry]
	name    string
	entries []*entry
	all     bool
}

func (u use) holds(s *Snapshot) bool {
	t := u.tree(s)
	if !u.all {
		return t.get(u.name) == u.entries[0]
	}
	n := 0
	for e := range t.under(u.name) {
		if n == len(u.entries) || u.entries[n] != e {
			return false
		}
		n++
	}
	return n == len(u.entries)
}

// maker looks up what a record names, and notes what it found.
type maker struct {
	*Snapshot
	uses []use
}

func (m *maker) one(t func(*Snapshot) *tree[*entry], bucket, name string) *entry {
	e := t(m.Snapshot).get(name)
	m.uses = append(m.uses, use{t, name, []*entry{e}, false})
	if e == nil || e.Bucket != bucket {
		return nil
	}
	return e
}

func (m *maker) owned(prefix string) []*entry {
	entries := slices.Collect(m.owners.under(prefix))
	m.uses = append(m.uses, use{byOwner, prefix, entries, true})
	return entries
}

func byName(s *Snapshot) *tree[*entry]  { return s.records }
func byARN(s *Snapshot) *tree[*entry]   { return s.arns }
func byOwner(s *Snapshot) *tree[*entry] { return s.owners }

// makers make what a snapshot has of the records of a bucket, when somebody asks for it.
func makers(bucket string) func(*entry, *maker) any {
	switch bucket {
	case bucketRole:
		return makeRole
	case bucketPolicy:
		return makePolicy
	case bucketGroup:
		return makeGroup
	case bucketUser:
		return makeUser
	case bucketSAML:
		return makeSAMLProvider
	}
	return func(*entry, *maker) any { return nil }
}

// make returns what its maker makes of the record in the snapshot. It is kept, and made
// anew only where a record that it uses is another.
func (e *entry) make(s *Snapshot) *made {
	if have := e.made.Load(); have != nil && !slices.ContainsFunc(have.uses, func(u use) bool { return !u.holds(s) }) {
		return have
	}
	m := &maker{Snapshot: s}
	next := &made{value: makers(e.Bucket)(e, m)}
	next.uses = m.uses
	e.made.Store(next)
	return next
}

// thing is what was made of a record; the zero one of none.
func thing[T any](s *Snapshot, e *entry) (t T) {
	if e != nil {
		t, _ = e.make(s).value.(T)
	}
	return t
}

// using is thing, for what is made by m.
func using[T any](m *maker, e *entry) (t T) {
	if e != nil {
		used := e.make(m.Snapshot)
		m.uses = append(m.uses, used.uses...)
		t, _ = used.value.(T)
	}
	return t
}

// things are those of one account, by their names.
func things[T any](s *Snapshot, bucket, account string) []T {
	var all []T
	for e := range s.records.under(bucket + "/" + account + "/") {
		all = append(all, thing[T](s, e))
	}
	return all
}
