package rotate

import (
	"cmp"
	"slices"
)

// nearestExpiryFirst sorts, in place, so that after an outage those are asked
// for first whose programs will fail first; those without credentials before all.
func nearestExpiryFirst(due []*entry) []*entry {
	slices.SortFunc(due, func(a, b *entry) int {
		return cmp.Or(
			a.schedule.Credentials.Expiration.Compare(b.schedule.Credentials.Expiration),
			cmp.Compare(a.instance.ID, b.instance.ID),
		)
	})
	return due
}
