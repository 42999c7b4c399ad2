package steer

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
)

// Want is all that our tables shall hold.
type Want struct {
	// Guarded, Served and Bridges are as for [Guard.Guard], [Guard.Serve] and
	// [Guard.Share].
	Guarded, Served, Bridges []string
	// GuardedFor are the notes of [Guard.GuardFor], by device.
	GuardedFor map[string]string
	// GuardedIndexes are the notes of [Guard.GuardIndex], by index.
	GuardedIndexes map[int]string
	// Placed are the notes of [Guard.Place], by device.
	Placed  map[string]string
	Ports   []Port
	Members []Member
}

// Replace makes our tables, if they are not whole, and has them hold exactly what is
// wanted, in one transaction. Where nothing differs nothing is done. Errors are as
// for [Guard.Ensure]; after one, all is as it was.
func (g *Guard) Replace(want Want) error {
	wanted, err := g.elements(want)
	if err != nil {
		return err
	}
	present, err := g.Present()
	if err != nil {
		return err
	}
	if !present {
		return g.rebuild(wanted)
	}
	have, err := list(names()...)
	if errors.Is(err, ErrAbsent) { // a set is missing, or went this moment
		return g.rebuild(wanted)
	} else if err != nil {
		return err
	}
	more, less := without(wanted, have), without(have, wanted)
	if len(more) == 0 && len(less) == 0 {
		return nil
	}
	err = transact(func(cc *nftables.Conn) error { return errors.Join(remove(cc, less), add(cc, more)) })
	if err != nil {
		return fmt.Errorf("replace the elements of the nftables tables: %w", err)
	}
	return nil
}

// rebuild makes all anew.
func (g *Guard) rebuild(wanted []element) error {
	leftover, err := g.familiar()
	if err != nil {
		return err
	}
	return made(transact(func(cc *nftables.Conn) error {
		if err := g.build(cc, leftover); err != nil {
			return err
		}
		for _, name := range names() {
			cc.FlushSet(setNamed(name))
		}
		return add(cc, wanted)
	}))
}

func (w Want) elements() ([]element, error) {
	wanted, err := elementsOf(w.Members)
	if err != nil {
		return nil, err
	}
	for _, port := range w.Ports {
		if err := port.check(); err != nil {
			return nil, err
		}
		wanted = append(wanted, port.elements()...)
	}
	for set, devices := range map[string][]string{guarded: w.Guarded, served: w.Served, bridges: w.Bridges} {
		for _, device := range devices {
			e, err := named(set, device)
			if err != nil {
				return nil, err
			}
			if set == guarded {
				e.comment = w.GuardedFor[device]
			}
			wanted = append(wanted, guards(e)...)
		}
	}
	for index, note := range w.GuardedIndexes {
		elements, err := guardIndex(index, note)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, elements...)
	}
	for device, note := range w.Placed {
		e, err := named(placed, device)
		if err != nil {
			return nil, err
		}
		e.comment = note
		wanted = append(wanted, e)
	}
	return wanted, nil
}

// names are the sets of [Want].
func names() []string {
	var all []string
	for _, set := range sets() {
		if set.Table.Family != nftables.TableFamilyNetdev {
			all = append(all, set.Name)
		}
	}
	return all
}

// without returns the elements of a that are not in b.
func without(a, b []element) []element {
	known := make(map[element]bool, len(b))
	for _, e := range b {
		known[e] = true
	}
	var rest []element
	for _, e := range a {
		if !known[e] {
			rest = append(rest, e)
		}
	}
	return rest
}
