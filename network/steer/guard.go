package steer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// table is one of ours: what is made, and what is looked for.
type table struct {
	table    *nftables.Table
	sets     []*nftables.Set
	counters []string
	chains   []chain
	optional []chain // those of [Guard.Confine]
	others   []chain // those of other modes
}

// tables are all but that of [Guard.Refuse].
func (g *Guard) tables() []table {
	ours := []table{
		{table: inetTable(), counters: inetCounters(), chains: g.way.inetChains(), optional: confineChains()},
		{table: bridgeTable(), counters: bridgeCounters(), chains: bridgeChains()},
	}
	for _, other := range []Mode{Rewrite, NAT} {
		if other != g.way.Mode {
			ours[0].others = append(ours[0].others, Way{Mode: other}.leadingChains()...)
		}
	}
	for _, set := range sets() {
		i := slices.IndexFunc(ours, func(t table) bool { return t.table.Family == set.Table.Family })
		if i >= 0 {
			ours[i].sets = append(ours[i].sets, set)
		}
	}
	return ours
}

// Ensure makes our tables in one transaction, or completes them. Elements and
// counters that are there stay; what another version of ours made becomes ours, but for
// the elements of a set that is of another kind now. A table of our name that another program
// made is an error that says what to do; so is a kernel without nf_tables.
func (g *Guard) Ensure() error {
	leftover, err := g.familiar()
	if err != nil {
		return err
	}
	return made(transact(func(cc *nftables.Conn) error { return g.build(cc, leftover) }))
}

// made says which part of the kernel is missing, or that a table is not ours.
func made(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EAFNOSUPPORT):
		err = lacking(err)
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.EBUSY):
		err = errForeign("inet or bridge", err)
	}
	return fmt.Errorf("make the nftables tables: %w", err)
}

// build adds all that we need to a transaction. What is there already is no error
// if it is the same. Rules are made anew. What is not to stay is taken away.
func (g *Guard) build(cc *nftables.Conn, leftover remains) error {
	leftover.drop(cc)
	for _, t := range g.tables() {
		cc.AddTable(t.table)
		for _, set := range t.sets {
			if err := cc.AddSet(set, nil); err != nil {
				return fmt.Errorf("set %s: %w", set.Name, err)
			}
		}
		for _, counter := range t.counters {
			cc.AddObj(&nftables.CounterObj{Table: t.table, Name: counter})
		}
		if err := add(cc, g.way.elements(t.table.Family)); err != nil {
			return err
		}
		addChains(cc, t.table, t.chains)
		if len(t.optional) > 0 {
			addChains(cc, t.table, leftover.confining)
		}
	}
	return nil
}

// addChains adds chains with their rules.
func addChains(cc *nftables.Conn, table *nftables.Table, chains []chain) {
	for _, c := range chains {
		kernels := &nftables.Chain{Table: table, Name: c.name, Hooknum: c.hook, Priority: c.priority}
		if c.hook != nil {
			accept := nftables.ChainPolicyAccept
			kernels.Type, kernels.Policy = c.kind, &accept
		}
		addRules(cc, cc.AddChain(kernels), c.rules)
	}
}

// addRules has a chain have these rules and no others.
func addRules(cc *nftables.Conn, c *nftables.Chain, rules []rule) {
	cc.FlushChain(c)
	for _, r := range rules {
		cc.AddRule(&nftables.Rule{Table: c.Table, Chain: c, Exprs: r.exprs, UserData: r.userData()})
	}
}

// userData is the comment as the nft command stores it.
func (r rule) userData() []byte {
	return userdata.AppendString(nil, userdata.TypeComment, r.comment)
}

// Remove takes all of ours away; [Guard.Confine] too. Nothing of ours, or a kernel
// without nf_tables, is no error.
func (g *Guard) Remove() error {
	g.waiting = nil
	cc, done, err := open()
	if unsupported(err) {
		return nil
	} else if err != nil {
		return err
	}
	found, err := cc.ListTables()
	done()
	if unsupported(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("list the nftables tables: %w", explain(err))
	}
	err = transact(func(cc *nftables.Conn) error {
		for _, t := range append(g.tables(), table{table: deviceTable()}) {
			if slices.ContainsFunc(found, t.is) {
				cc.DelTable(t.table)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove the nftables tables: %w", err)
	}
	return nil
}

func (t table) is(found *nftables.Table) bool {
	return found.Name == t.table.Name && found.Family == t.table.Family
}

// Present reports whether our tables are all there, with their chains and rules. It
// costs the same however many elements there are.
func (g *Guard) Present() (bool, error) {
	return g.whole(func(t table) []chain { return t.chains })
}

// whole looks for chains with exactly our rules.
func (g *Guard) whole(chainsOf func(table) []chain) (bool, error) {
	cc, done, err := open()
	if err != nil {
		return false, err
	}
	defer done()
	found, err := cc.ListTables()
	if err != nil {
		return false, fmt.Errorf("look for the nftables tables: %w", explain(err))
	}
	for _, t := range g.tables() {
		wanted := chainsOf(t)
		if len(wanted) == 0 {
			continue
		}
		i := slices.IndexFunc(found, t.is)
		if i < 0 || found[i].Flags != 0 { // dormant
			return false, nil
		}
		for _, c := range wanted {
			if ok, err := c.present(cc, t.table); !ok || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// present reports whether the chain has the rules that it shall have.
func (c chain) present(cc *nftables.Conn, of *nftables.Table) (bool, error) {
	rules, err := cc.GetRules(of, &nftables.Chain{Name: c.name})
	if err != nil {
		return false, fmt.Errorf("look for the rules of chain %s: %w", c.name, err)
	}
	return slices.EqualFunc(rules, c.rules, func(have *nftables.Rule, want rule) bool {
		return bytes.Equal(have.UserData, want.userData())
	}), nil
}
