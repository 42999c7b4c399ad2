package steer

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
)

// remains are what is in our tables and is not to stay: another mode's chains, and what
// another version of ours made.
type remains struct {
	flush  []*nftables.Table // whose rules may need what goes
	chains []*nftables.Chain
	sets   []*nftables.Set
	// confining are the chains of [Guard.Confine] that are there. They are flushed with the
	// others, and made anew with them.
	confining []chain
}

// drop takes them away, in a transaction that makes ours anew.
func (r remains) drop(cc *nftables.Conn) {
	for _, t := range r.flush {
		cc.FlushTable(t)
	}
	for _, c := range r.chains {
		cc.FlushChain(c)
		cc.DelChain(c)
	}
	for _, s := range r.sets {
		cc.DelSet(s)
	}
}

// familiar is an error if there is a table of our name that no version of ours has made, by
// a chain or set that we do not make, or if the kernel has no nf_tables. What is missing
// is no error. It returns what is there and is not to stay.
func (g *Guard) familiar() (r remains, err error) {
	cc, done, err := open()
	if unsupported(err) {
		return r, lacking(err)
	} else if err != nil {
		return r, err
	}
	defer done()
	found, err := cc.ListTables()
	if unsupported(err) {
		return r, lacking(err)
	} else if err != nil {
		return r, fmt.Errorf("list the nftables tables: %w", explain(err))
	}
	for _, t := range g.tables() {
		if !slices.ContainsFunc(found, t.is) {
			continue
		}
		if err := r.of(cc, t); err != nil {
			return r, err
		}
	}
	return r, nil
}

// of adds what is in a table that is there.
func (r *remains) of(cc *nftables.Conn, t table) error {
	chains, err := cc.ListChainsOfTableFamily(t.table.Family)
	if err != nil {
		return fmt.Errorf("list the nftables chains: %w", explain(err))
	}
	sets, err := cc.GetSets(t.table)
	if err != nil {
		return errForeign(t.family(), err)
	}
	known := slices.ContainsFunc(sets, func(s *nftables.Set) bool { return s.Name == maker || s.Name == bridgeMaker })
	other := false
	for _, c := range chains {
		if !t.is(c.Table) {
			continue
		}
		if i := slices.IndexFunc(t.optional, func(o chain) bool { return o.name == c.Name }); i >= 0 {
			r.confining = append(r.confining, t.optional[i])
		}
		switch {
		case makes(t.chains, c) || makes(t.optional, c):
		case makes(t.others, c):
			r.chains = append(r.chains, c)
		case known:
			r.chains, other = append(r.chains, c), true
		default:
			return errForeign(t.family(), fmt.Sprintf("it has a chain %s of another kind", c.Name))
		}
	}
	for _, s := range sets {
		switch {
		case slices.ContainsFunc(t.sets, func(ours *nftables.Set) bool { return same(ours, s) }):
		case known && s.Anonymous: // which goes with its rule
			other = true
		case known:
			r.sets, other = append(r.sets, s), true
		default:
			return errForeign(t.family(), fmt.Sprintf("it has a set %s of another kind", s.Name))
		}
	}
	if other {
		r.flush = append(r.flush, t.table)
	}
	return nil
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
