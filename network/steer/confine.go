package steer

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// The chains of the inet family that [Guard.Confine] adds.
const (
	confineOutput  = "confine_output"
	confineForward = "confine_forward"
)

// Confine is for the namespace of one container: it refuses packets for the
// metadata addresses that would leave by a device other than lo, so that its
// programs, and those of containers inside, reach no other service when ours is
// gone. It needs no [Guard.Ensure] and makes no other part of the tables. False
// takes it away again.
func (g *Guard) Confine(on bool) error {
	if _, err := g.familiar(); err != nil {
		return err
	}
	if on {
		return made(transact(func(cc *nftables.Conn) error {
			cc.AddTable(inetTable())
			for _, name := range []string{addresses4, addresses6, maker} {
				if err := cc.AddSet(setNamed(name), nil); err != nil {
					return fmt.Errorf("set %s: %w", name, err)
				}
			}
			if err := add(cc, g.way.elements(nftables.TableFamilyINet)); err != nil {
				return err
			}
			addChains(cc, inetTable(), confineChains())
			return nil
		}))
	}
	return release()
}

// Confined reports whether [Guard.Confine] holds, whole.
func (g *Guard) Confined() (bool, error) {
	return g.whole(func(t table) []chain { return t.optional })
}

// release takes the chains away that are there, and a table that has no others.
func release() error {
	cc, done, err := open()
	if err != nil {
		return err
	}
	found, err := cc.ListChainsOfTableFamily(nftables.TableFamilyINet)
	done()
	if err != nil {
		return fmt.Errorf("list the nftables chains: %w", explain(err))
	}
	of := table{table: inetTable()}
	found = slices.DeleteFunc(found, func(c *nftables.Chain) bool { return !of.is(c.Table) })
	confining := slices.DeleteFunc(slices.Clone(found), func(c *nftables.Chain) bool {
		return c.Name != confineOutput && c.Name != confineForward
	})
	if len(confining) == 0 {
		return nil
	}
	return made(transact(func(cc *nftables.Conn) error {
		if len(confining) == len(found) {
			cc.DelTable(of.table)
			return nil
		}
		for _, c := range confining {
			cc.FlushChain(c)
			cc.DelChain(c)
		}
		return nil
	}))
}

// confineChains refuse what would leave by a device other than lo: of the programs
// here, and of those behind them.
func confineChains() []chain {
	out := all(meta(expr.MetaKeyOIFNAME, 0), differs([]byte(ifname("lo"))))
	return []chain{
		filter(confineOutput, nftables.ChainHookOutput, nftables.ChainPriorityRaw, rejections(out, nil)),
		filter(confineForward, nftables.ChainHookForward, nftables.ChainPriorityRaw, rejections(out, nil)),
	}
}
