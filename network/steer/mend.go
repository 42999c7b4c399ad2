package steer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables"
)

// key tells an element from all others.
type key struct{ set, key string }

func (e element) id() key { return key{e.set, e.key} }

// Inherit takes what an earlier process left in the sets for wanted, each element until
// this one puts it or takes it away: it guards those who are not put yet, and nobody is
// to lose it because others changed something meanwhile.
func (g *Guard) Inherit() error {
	left, err := list(names()...)
	if err != nil {
		return err
	}
	g.inherited = map[key]element{}
	for _, e := range left {
		g.inherited[e.id()] = e
	}
	for _, e := range g.addresses() {
		delete(g.inherited, e.id())
	}
	return nil
}

// Succeed has a guard take over what the one before it inherited.
func (g *Guard) Succeed(before *Guard) *Guard {
	g.inherited = before.inherited
	return g
}

// disinherit is for elements that are ours to answer for from now on.
func (g *Guard) disinherit(elements []element) {
	for _, e := range elements {
		delete(g.inherited, e.id())
	}
}

// addresses are the elements that the way decides.
func (g *Guard) addresses() []element {
	return slices.Concat(g.way.elements(nftables.TableFamilyINet), g.way.elements(nftables.TableFamilyBridge))
}

// elements are all that our sets are to hold, but for those of [Guard.Refuse].
func (g *Guard) elements(want Want) ([]element, error) {
	wanted, err := want.elements()
	if err != nil {
		return nil, err
	}
	wanted = append(wanted, g.addresses()...)
	if len(g.inherited) == 0 {
		return wanted, nil
	}
	known := make(map[key]bool, len(wanted))
	for _, e := range wanted {
		known[e.id()] = true
	}
	for id, e := range g.inherited {
		if !known[id] {
			wanted = append(wanted, e)
		}
	}
	return wanted, nil
}

// Demand is what our tables are to be at a moment. It may be asked by any goroutine.
type Demand struct {
	way      Way
	elements []element
	confined bool
	refusing map[string]int
}

// Demand returns what is to be there: the elements of want, [Guard.Confine] if confined,
// and what [Guard.Refuse] has made for devices, given by name with their index.
func (g *Guard) Demand(want Want, confined bool, refusing map[string]int) (Demand, error) {
	elements, err := g.elements(want)
	return Demand{g.way, elements, confined, refusing}, err
}

// Met reports whether all of it is there, and nothing else. Of 10,000 devices it takes
// the kernel tens of milliseconds to tell.
func (d Demand) Met() (bool, error) {
	g := Via(d.way)
	present, err := g.Present()
	if err == nil && present && d.confined {
		present, err = g.Confined()
	}
	if err != nil || !present {
		return false, err
	}
	more, less, err := d.differs()
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	if err != nil || len(more)+len(less) > 0 {
		return false, err
	}
	lost, err := d.Unrefusing()
	return len(lost) == 0, err
}

// differs returns what is missing in our sets, and what is too much.
func (d Demand) differs() (more, less []element, err error) {
	have, err := list(names()...)
	if err != nil {
		return nil, nil, err
	}
	wanted := d.elements
	switch devices, err := list(deviceAddresses4, deviceAddresses6); {
	case errors.Is(err, ErrAbsent): // made halfway, or not: see Unrefusing
	case err != nil:
		return nil, nil, err
	case len(devices) > 0: // without any, it may be without the table
		have = append(have, devices...)
		wanted = slices.Concat(wanted, d.way.elements(nftables.TableFamilyNetdev))
	}
	return without(wanted, have), without(have, wanted), nil
}

// Unrefusing returns those devices that do not refuse any more.
func (d Demand) Unrefusing() (map[string]int, error) {
	if len(d.refusing) == 0 {
		return nil, nil
	}
	if prepared, err := d.way.refuses(); err != nil || !prepared {
		return d.refusing, err
	}
	have, err := Via(d.way).Refusing()
	lost := maps.Clone(d.refusing)
	maps.DeleteFunc(lost, func(device string, _ int) bool { return have[device] })
	return lost, err
}

// Mend has our sets hold what is demanded, and returns in words what was not so; empty
// if all was. The tables have to be whole.
func (g *Guard) Mend(d Demand) (undone string, err error) {
	if err := g.Flush(); err != nil {
		return "", err
	}
	more, less, err := d.differs()
	if err != nil || len(more)+len(less) == 0 {
		return "", err
	}
	err = transact(func(cc *nftables.Conn) error { return errors.Join(remove(cc, less), add(cc, more)) })
	if err != nil {
		return "", fmt.Errorf("mend the elements of the nftables tables: %w", err)
	}
	return inWords(more, less), nil
}

// inWords says which sets had lost elements, and which had too many.
func inWords(more, less []element) string {
	var words []string
	for _, set := range sets() {
		of := func(elements []element) (n int) {
			for _, e := range elements {
				if e.set == set.Name {
					n++
				}
			}
			return n
		}
		if m, l := of(more), of(less); m+l > 0 {
			words = append(words, fmt.Sprintf("set %s of table %s %s: %d elements put back, %d taken away", set.Name, table{table: set.Table}.family(), tableName, m, l))
		}
	}
	return strings.Join(words, "; ")
}
