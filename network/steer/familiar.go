package steer

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// familiar is an error if there is a table of our name with a chain or set that we
// do not make, or if the kernel has no nf_tables. What is missing is no error.
func familiar() error {
	cc, done, err := open()
	if unsupported(err) {
		return errKernel(err)
	} else if err != nil {
		return err
	}
	defer done()
	chains, err := cc.ListChains()
	if unsupported(err) {
		return errKernel(err)
	} else if err != nil {
		return fmt.Errorf("list the nftables chains: %w", explain(err))
	}
	found, err := cc.ListTables()
	if err != nil {
		return fmt.Errorf("list the nftables tables: %w", explain(err))
	}
	for _, t := range tables() {
		if !slices.ContainsFunc(found, t.is) {
			continue
		}
		for _, c := range chains {
			if t.is(c.Table) && !t.makes(c) {
				return errForeign(t.family(), fmt.Sprintf("it has a chain %s of another kind", c.Name))
			}
		}
		sets, err := cc.GetSets(t.table)
		if err != nil {
			return errForeign(t.family(), err)
		}
		for _, s := range sets {
			if !slices.ContainsFunc(t.sets, func(ours *nftables.Set) bool { return same(ours, s) }) {
				return errForeign(t.family(), fmt.Sprintf("it has a set %s of another kind", s.Name))
			}
		}
	}
	return nil
}

// makes reports whether the chain is one of ours, on the same hook.
func (t table) makes(found *nftables.Chain) bool {
	return slices.ContainsFunc(slices.Concat(t.chains, t.optional), func(c chain) bool {
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
	if t.table.Family == nftables.TableFamilyBridge {
		return "bridge"
	}
	return "inet"
}
