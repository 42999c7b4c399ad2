package steer

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// familiar is an error if there is a table of our name with a chain or set that we
// do not make, or if the kernel has no nf_tables. What is missing is no error. It
// returns the chains that are there and are another mode's.
func (g *Guard) familiar() (leftover []*nftables.Chain, err error) {
	cc, done, err := open()
	if unsupported(err) {
		return nil, lacking(err)
	} else if err != nil {
		return nil, err
	}
	defer done()
	found, err := cc.ListTables()
	if unsupported(err) {
		return nil, lacking(err)
	} else if err != nil {
		return nil, fmt.Errorf("list the nftables tables: %w", explain(err))
	}
	for _, t := range g.tables() {
		if !slices.ContainsFunc(found, t.is) {
			continue
		}
		chains, err := cc.ListChainsOfTableFamily(t.table.Family)
		if err != nil {
			return nil, fmt.Errorf("list the nftables chains: %w", explain(err))
		}
		for _, c := range chains {
			switch {
			case !t.is(c.Table) || makes(t.chains, c) || makes(t.optional, c):
			case makes(t.others, c):
				leftover = append(leftover, c)
			default:
				return nil, errForeign(t.family(), fmt.Sprintf("it has a chain %s of another kind", c.Name))
			}
		}
		sets, err := cc.GetSets(t.table)
		if err != nil {
			return nil, errForeign(t.family(), err)
		}
		for _, s := range sets {
			if !slices.ContainsFunc(t.sets, func(ours *nftables.Set) bool { return same(ours, s) }) {
				return nil, errForeign(t.family(), fmt.Sprintf("it has a set %s of another kind", s.Name))
			}
		}
	}
	return leftover, nil
}

// makes reports whether the chain is one of those, on the same hook.
func makes(chains []chain, found *nftables.Chain) bool {
	return slices.ContainsFunc(chains, func(c chain) bool {
		if c.name != found.Name || (c.hook == nil) != (found.Hooknum == nil) {
			return false
		}
		return c.hook == nil || *c.hook == *found.Hooknum && *c.priority == *found.Priority
	})
}

// same reports whether both sets have one name and take the same elements.
func same(a, b *nftables.Set) bool {
	return a.Name == b.Name && a.KeyType.Name == b.KeyType.Name && a.IsMap == b.IsMap
}

// family is the name of the table's family.
func (t table) family() string {
	switch t.table.Family {
	case nftables.TableFamilyBridge:
		return "bridge"
	case nftables.TableFamilyNetdev:
		return "netdev"
	default:
		return "inet"
	}
}
