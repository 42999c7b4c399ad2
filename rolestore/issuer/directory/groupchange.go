package directory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// CreateGroup makes a group, with nobody in it. Its name must be free, in any case.
func (d *Directory) CreateGroup(account string, want GroupDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		if err := d.Snapshot().free(bucketGroup, account, want.Name, ""); err != nil {
			return fmt.Errorf("group %w", err)
		}
		return tx.PutJSON(bucketGroup, key(account, want.Name), groupRecord{record[GroupDefinition]{UniqueID: newUniqueID("AGPA"), Account: account,
			Path: orRoot(want.Path), ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}})
	})
}

// ChangeGroup changes what a group is defined as, its name and path too: those who are in
// it stay in it. g is the group as the caller saw it; one that was made anew since then is
// not changed. edit is given the directory as it is now.
func (d *Directory) ChangeGroup(g *Group, edit func(*Snapshot, *GroupDefinition) error) error {
	return d.change(func(tx *Tx) error {
		s, k := d.Snapshot(), key(g.Account, g.Name)
		var next groupRecord
		if err := still(d, tx, bucketGroup, k, g.UniqueID, &next); err != nil {
			return err
		}
		now := &next.Definition
		before := maps.Clone(now.Policies)
		if err := edit(s, now); err != nil {
			return err
		}
		if err := s.free(bucketGroup, g.Account, now.Name, g.Name); err != nil {
			return fmt.Errorf("group %w", err)
		}
		next.ManagedBy, next.Path = ManagedByAPI, orRoot(now.Path)
		if err := cmp.Or(checkInline("group", now.Name, policy.MaxGroupInlineSize, now.Policies, before), s.checkAttached(now.ManagedPolicies)); err != nil {
			return err
		}
		if err := regroup(tx, s.Members(g), g.Name, now.Name); err != nil {
			return err
		}
		return move(tx, bucketGroup, k, key(g.Account, now.Name), next)
	})
}

// regroup makes users be in a group under its new name.
func regroup(tx *Tx, members []*User, from, to string) error {
	if from == to {
		return nil
	}
	for _, u := range members {
		var r userRecord
		if err := tx.GetJSON(bucketUser, key(u.Account, u.Name), &r); err != nil {
			return err
		}
		for i, name := range r.Definition.Groups {
			if name == from {
				r.Definition.Groups[i] = to
			}
		}
		if err := tx.PutJSON(bucketUser, key(u.Account, u.Name), r); err != nil {
			return err
		}
	}
	return nil
}

// DeleteGroup deletes a group that nobody is in and that nothing is attached to.
func (d *Directory) DeleteGroup(g *Group) error {
	return d.change(func(tx *Tx) error {
		var have groupRecord
		k := key(g.Account, g.Name)
		if err := still(d, tx, bucketGroup, k, g.UniqueID, &have); err != nil {
			return err
		}
		switch {
		case len(d.Snapshot().Members(g)) > 0:
			return fmt.Errorf("%w: must remove users from group first", ErrInUse)
		case len(have.Definition.ManagedPolicies) > 0:
			return fmt.Errorf("%w: must detach all policies first", ErrInUse)
		case len(have.Definition.Policies) > 0:
			return fmt.Errorf("%w: must delete policies first", ErrInUse)
		}
		return tx.Delete(bucketGroup, k)
	})
}

// Members are those who are in a group, by their names.
func (s *Snapshot) Members(g *Group) []*User {
	var members []*User
	for e := range s.owners.under(usersInGroup(g.Account, g.Name)) {
		members = append(members, thing[*User](s, e))
	}
	return members
}

// ungrouped takes users whom the file does not name out of groups that were deleted:
// whoever makes a group of that name next does not mean them.
func (r *reconciliation) ungrouped() error {
	if !r.prune {
		return nil
	}
	left := map[string]bool{}
	if err := EachJSON(r.tx, bucketGroup, func(k string, _ groupRecord) error {
		left[k] = true
		return nil
	}); err != nil {
		return err
	}
	return EachJSON(r.tx, bucketUser, func(k string, u userRecord) error {
		kept := slices.DeleteFunc(slices.Clone(u.Definition.Groups), func(name string) bool { return !left[key(u.Account, name)] })
		if len(kept) == len(u.Definition.Groups) {
			return nil
		}
		u.Definition.Groups = kept
		r.note(nouns[bucketUser], k, updated([]string{"groups"}))
		return r.tx.PutJSON(bucketUser, k, u)
	})
}
