package steer

import (
	"fmt"

	"github.com/google/nftables/expr"
)

// How a guarded device is known: by the name, which another has who is made anew, and by
// the index, which it keeps when it is renamed, be it by whom and when it may.
var (
	cameBy     = []exprs{all(meta(expr.MetaKeyIIFNAME, 0), in(guarded)), all(meta(expr.MetaKeyIIF, 0), in(guardedIndexes))}
	leavesBy   = []exprs{all(meta(expr.MetaKeyOIFNAME, 0), in(guarded)), all(meta(expr.MetaKeyOIF, 0), in(guardedIndexes))}
	cameByPort = []exprs{all(meta(expr.MetaKeyIIFNAME, 0), in(bridgeGuarded)), all(meta(expr.MetaKeyIIF, 0), in(bridgeGuardedIndexes))}
)

// GuardIndex is [Guard.Guard] for the device that has an interface index now, whatever it
// is called later, with a note of at most 128 bytes on which it is, for a later process.
// The kernel may give the index to another when this device is gone: then it is for the
// caller to end it. The first note stays.
func (g *Guard) GuardIndex(index int, note string) error {
	elements, err := guardIndex(index, note)
	if err != nil {
		return err
	}
	return g.change(fmt.Sprintf("guard the device of index %d", index), add, elements...)
}

// UnguardIndex ends [Guard.GuardIndex].
func (g *Guard) UnguardIndex(index int) error {
	elements, err := guardIndex(index, "")
	if err != nil {
		return err
	}
	return g.drop(fmt.Sprintf("guard the device of index %d no more", index), elements...)
}

// GuardedIndexes returns the notes of [Guard.GuardIndex]; none without our tables.
func (g *Guard) GuardedIndexes() (map[int]string, error) {
	elements, err := list(guardedIndexes)
	if err != nil {
		return nil, err
	}
	notes := make(map[int]string, len(elements))
	for _, e := range elements {
		notes[fromNumber(e.key)] = e.comment
	}
	return notes, nil
}

func guardIndex(index int, note string) ([]element, error) {
	if index <= 0 {
		return nil, fmt.Errorf("device of index %d: an interface index is above 0", index)
	}
	return guards(element{set: guardedIndexes, key: number(index), comment: note}), nil
}
