package rotate

import (
	"cmp"
	"container/heap"
)

// queue holds entries, the first by before at its head. To put, move and drop one
// costs the logarithm of their number. An entry is in it once at most.
type queue struct {
	before  func(a, b *entry) bool
	at      func(*entry) *int // where an entry notes its place here, counted from 1; 0 is none
	entries []*entry
}

// first returns the entry at the head, nil if there is none.
func (q *queue) first() *entry {
	if len(q.entries) == 0 {
		return nil
	}
	return q.entries[0]
}

// set puts e in its place, which may have changed, or drops it.
func (q *queue) set(e *entry, in bool) {
	switch place := *q.at(e); {
	case in && place > 0:
		heap.Fix(q, place-1)
	case in:
		heap.Push(q, e)
	case place > 0:
		heap.Remove(q, place-1)
	}
}

// Len implements [heap.Interface].
func (q *queue) Len() int { return len(q.entries) }

// Less implements [heap.Interface].
func (q *queue) Less(i, j int) bool { return q.before(q.entries[i], q.entries[j]) }

// Swap implements [heap.Interface].
func (q *queue) Swap(i, j int) {
	q.entries[i], q.entries[j] = q.entries[j], q.entries[i]
	*q.at(q.entries[i]), *q.at(q.entries[j]) = i+1, j+1
}

// Push implements [heap.Interface].
func (q *queue) Push(e any) {
	q.entries = append(q.entries, e.(*entry))
	*q.at(e.(*entry)) = len(q.entries)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(q.entries) - 1
	e := q.entries[last]
	q.entries[last] = nil // lets go of it
	q.entries = q.entries[:last]
	*q.at(e) = 0
	return e
}

// nearestExpiryFirst orders so that after an outage those are asked for first whose
// programs will fail first; those without credentials before all.
func nearestExpiryFirst(a, b *entry) bool {
	return cmp.Or(
		a.schedule.Credentials.Expiration.Compare(b.schedule.Credentials.Expiration),
		cmp.Compare(a.instance.ID, b.instance.ID),
	) < 0
}

// nextLookFirst orders by when something is to happen.
func nextLookFirst(a, b *entry) bool { return a.look.Before(b.look) }
