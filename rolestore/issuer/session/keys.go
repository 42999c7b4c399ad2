package session

import (
	"crypto/rand"
	"slices"
	"time"
)

// The life of an issuing key. It is published, so that every replica of the core
// opens what it seals, and only then used; and it is kept for as long as the longest
// session that it can have sealed.
const (
	// KeyPeriod is how long a key issues.
	KeyPeriod = 7 * 24 * time.Hour

	// KeyLead is how long it is published before. No replica may lag behind by more.
	KeyLead = time.Hour

	// KeyKept is how long it opens after another has taken its place: as long as
	// GetSessionToken's longest session.
	KeyKept = 36 * time.Hour
)

// Key is one of the core's issuing keys.
type Key struct {
	ID     byte
	Secret [keySize]byte
	// From is when it begins to issue.
	From time.Time
}

// NewKey returns a random key that issues at once.
func NewKey(id byte) Key {
	k := Key{ID: id}
	_, _ = rand.Read(k.Secret[:])
	return k
}

// String hides the key from every log.
func (Key) String() string { return "redacted" }

// GoString hides the key from every log.
func (Key) GoString() string { return "redacted" }

// Rotate returns the keys, in their order, as they should be now: another one
// published if the last has nearly served its time, and those gone that open nothing
// any more. It reports whether that is a change.
func Rotate(keys []Key, now time.Time) ([]Key, bool) {
	now = now.UTC().Truncate(time.Second)
	next := slices.Clone(keys)
	at := scheduled(next, now)
	last := &next[at]
	changed := false
	if last.From.IsZero() { // the first, of which nobody knew when it would be used
		last.From, changed = now, true
	}
	if !now.Before(last.From.Add(KeyPeriod - KeyLead)) {
		key := NewKey(unused(next, last.ID))
		key.From = now.Add(KeyLead)
		next, changed = slices.Insert(next, at+1, key), true
	}
	for len(next) > 1 && !now.Before(next[1].From.Add(KeyKept)) {
		next, changed = next[1:], true
	}
	return next, changed
}

// scheduled is the index of the last key that issues or is about to. One that was to
// begin later was made when the clock was wrong, and until its time comes the others
// are replaced as if it were not there.
func scheduled(keys []Key, now time.Time) int {
	at := len(keys) - 1
	for at > 0 && keys[at].From.After(now.Add(2*KeyLead)) {
		at--
	}
	return at
}

// unused is an id that none of the keys has: as a rule the next one, and 0 after 255,
// which is gone by then.
func unused(keys []Key, id byte) byte {
	for id++; slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id }); {
		id++
	}
	return id
}

// issuing is the key that issues at a time: the last whose time has come. If a clock
// was set back and none has, it is the first.
func (s *Sealer) issuing(at time.Time) Key {
	for _, k := range slices.Backward(s.ordered) {
		if !k.From.After(at) {
			return k
		}
	}
	return s.ordered[0]
}
