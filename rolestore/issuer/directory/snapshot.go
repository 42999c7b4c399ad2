package directory

import (
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory/store"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Snapshot is the directory at one moment. It is immutable, and shares with those before
// and after it what has not changed in between.
type Snapshot struct {
	revision int64 // of the store
	identity *identity
	keys     []TokenKey // of tokens for parties outside
	site     []SiteCertificate

	records *tree[*entry] // by bucket and key
	arns    *tree[*entry]
	ids     *tree[*entry] // by unique id, and users by the ids of their access keys
	owners  *tree[*entry] // by whose they are; see ofHost and its like
	leased  *tree[int]    // by host: how many instances

	// unusable hears of what cannot be understood.
	unusable func(kind, name string, err error)
}

func newSnapshot(unusable func(kind, name string, err error)) *Snapshot {
	return &Snapshot{identity: &identity{}, unusable: unusable,
		records: newTree[*entry](), arns: newTree[*entry](), ids: newTree[*entry](), owners: newTree[*entry](), leased: newTree[int]()}
}

// The beginnings of owners' names.
func grantsOfHost(host string) string            { return "grant of " + host + "/" }
func leasesOfHost(host string) string            { return "lease of " + host + "/" }
func devicesOfUser(account, user string) string  { return "device of " + key(account, user) + "/" }
func devicesOfHolder(id string) string           { return "device of " + id + "/" }
func usersInGroup(account, group string) string  { return "user in " + key(account, group) + "/" }
func profilesOfRole(account, role string) string { return "profile of " + key(account, role) + "/" }
func attachedTo(account, arn string) string      { return "attached in " + account + ": " + arn + " to " }
func boundaryOf(account, arn string) string      { return "boundary in " + account + ": " + arn + " of " }
func alias(name string) string                   { return "account called " + name }
func issuer(id string) string                    { return "issuer " + id }

// nameOf is for names of which IAM has no two that differ in case alone.
func nameOf(bucket, account, name string) string { return bucket + " named " + fold(account, name) }

// with returns a snapshot in which some records are others; those without a value are
// not there any more. It costs what the change does, however large the directory is.
func (s *Snapshot) with(revision int64, changed ...*entry) *Snapshot {
	next := *s
	next.revision = revision
	next.records, next.arns, next.ids, next.owners, next.leased = s.records.copy(), s.arns.copy(), s.ids.copy(), s.owners.copy(), s.leased.copy()
	for _, e := range changed {
		next.put(e)
	}
	return &next
}

// put is for with, while nobody else has the snapshot.
func (s *Snapshot) put(e *entry) {
	name := recordName(e.Key)
	if old := s.records.get(name); old != nil {
		s.unlink(old)
	}
	if e.Value == nil {
		s.records.m.Delete(name)
	} else {
		s.records.m.Set(name, e)
		s.link(e)
	}
	if e.Bucket == bucketCore {
		s.own(e)
	}
}

func (s *Snapshot) link(e *entry) {
	if e.arn != "" {
		s.arns.m.Set(e.arn, e)
	}
	for _, id := range e.ids {
		s.ids.m.Set(id, e)
	}
	for _, owner := range e.owners {
		s.owners.m.Set(owner, e)
	}
	if l, ok := e.noun.(Lease); ok {
		s.leased.m.Set(l.Host, s.leased.get(l.Host)+1)
	}
}

// unlink forgets the names of a record, but for those that another has by now.
func (s *Snapshot) unlink(e *entry) {
	forget := func(t *tree[*entry], name string) {
		if t.get(name) == e {
			t.m.Delete(name)
		}
	}
	forget(s.arns, e.arn)
	for _, id := range e.ids {
		forget(s.ids, id)
	}
	for _, owner := range e.owners {
		forget(s.owners, owner)
	}
	if l, ok := e.noun.(Lease); ok {
		s.leased.m.Set(l.Host, s.leased.get(l.Host)-1)
	}
}

// among returns the record of a name, if it is of the bucket.
func among(t *tree[*entry], bucket, name string) *entry {
	if e := t.get(name); e != nil && e.Bucket == bucket {
		return e
	}
	return nil
}

// record returns the record of a key in a bucket, or nil.
func (s *Snapshot) record(bucket, name string) *entry {
	return s.records.get(recordName(store.Key{Bucket: bucket, Name: name}))
}

// CoreID is the core's own id, made at its first start: the audience of host tokens.
func (s *Snapshot) CoreID() string { return s.identity.coreID }

// Sealer makes and opens session tokens with the core's issuing keys.
func (s *Snapshot) Sealer() *session.Sealer { return s.identity.sealer }

// HomeAccount is the account that is meant where none is named: the first that was
// defined last. It is empty in a directory that was never reconciled.
func (s *Snapshot) HomeAccount() string { return s.identity.home }

// Accounts are the ids of all accounts, in order.
func (s *Snapshot) Accounts() []string {
	var ids []string
	for e := range s.records.under(bucketAccount + "/") {
		ids = append(ids, e.Name)
	}
	return ids
}

// HasAccount reports whether the core has the account.
func (s *Snapshot) HasAccount(id string) bool { return s.record(bucketAccount, id) != nil }

// InstanceProfile returns the profile of that ARN, or nil.
func (s *Snapshot) InstanceProfile(arn string) *InstanceProfile {
	return noun[*InstanceProfile](among(s.arns, bucketProfile, arn))
}

// InstanceProfileByName returns an account's profile of that name, or nil.
func (s *Snapshot) InstanceProfileByName(account, name string) *InstanceProfile {
	return noun[*InstanceProfile](s.record(bucketProfile, key(account, name)))
}

// InstanceProfiles are those of an account, by ARN.
func (s *Snapshot) InstanceProfiles(account string) []*InstanceProfile {
	var profiles []*InstanceProfile
	for e := range s.records.under(bucketProfile + "/" + account + "/") {
		profiles = append(profiles, noun[*InstanceProfile](e))
	}
	slices.SortFunc(profiles, func(a, b *InstanceProfile) int { return strings.Compare(a.ARN(), b.ARN()) })
	return profiles
}

// noun is what was read of a record; the zero one of none.
func noun[N any](e *entry) (n N) {
	if e != nil {
		n, _ = e.noun.(N)
	}
	return n
}

func key(account, name string) string { return account + "/" + name }
