package steer

import (
	"fmt"
	"slices"
)

// Remains reports whether there is anything that [Guard.Remove] would take away.
func (g *Guard) Remains() (bool, error) {
	cc, done, err := open()
	if unsupported(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer done()
	found, err := cc.ListTables()
	if unsupported(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("list the nftables tables: %w", explain(err))
	}
	return slices.ContainsFunc(append(g.tables(), table{table: deviceTable()}), func(t table) bool {
		return slices.ContainsFunc(found, t.is)
	}), nil
}
