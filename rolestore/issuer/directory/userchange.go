package directory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// CreateUser makes a user. His name must be free, in any case.
func (d *Directory) CreateUser(account string, want UserDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		s := d.Snapshot() // which nobody else changes meanwhile
		if err := s.free(bucketUser, account, want.Name, ""); err != nil {
			return fmt.Errorf("user %w", err)
		}
		next := userRecord{record: record[UserDefinition]{UniqueID: newUniqueID("AIDA"), Account: account, Path: orRoot(want.Path),
			ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}}
		if err := next.settle(s, UserDefinition{}); err != nil {
			return err
		}
		return tx.PutJSON(bucketUser, key(account, want.Name), next)
	})
}

// ChangeUser changes what a user is defined as, his name and path too: he stays who he is,
// with his unique id, his keys and the trust that others have in him. u is the user as the
// caller saw him; one who was made anew since then is not changed. edit is given the
// directory as it is now.
func (d *Directory) ChangeUser(u *User, edit func(*Snapshot, *UserDefinition) error) error {
	return d.change(func(tx *Tx) error {
		s, k := d.Snapshot(), key(u.Account, u.Name)
		var next userRecord
		if err := still(d, tx, bucketUser, k, u.UniqueID, &next); err != nil {
			return err
		}
		before := next.Definition
		before.Policies = maps.Clone(before.Policies)
		if err := edit(s, &next.Definition); err != nil {
			return err
		}
		if err := s.free(bucketUser, u.Account, next.Definition.Name, u.Name); err != nil {
			return fmt.Errorf("user %w", err)
		}
		next.ManagedBy, next.Path = ManagedByAPI, orRoot(next.Definition.Path)
		if err := next.settle(s, before); err != nil {
			return err
		}
		return move(tx, bucketUser, k, key(u.Account, next.Definition.Name), next)
	})
}

// DeleteUser deletes a user who has nothing any more. His sessions are worthless from then
// on, and whoever has the name next is somebody else.
func (d *Directory) DeleteUser(u *User) error {
	return d.change(func(tx *Tx) error {
		var have userRecord
		k := key(u.Account, u.Name)
		if err := still(d, tx, bucketUser, k, u.UniqueID, &have); err != nil {
			return err
		}
		switch {
		case len(have.AccessKeys) > 0:
			return fmt.Errorf("%w: must delete access keys first", ErrInUse)
		case len(d.Snapshot().UserByID(u.UniqueID).MFADevices) > 0:
			return fmt.Errorf("%w: must delete MFA device first", ErrInUse)
		case len(have.Definition.Groups) > 0:
			return fmt.Errorf("%w: must remove users from group first", ErrInUse)
		case len(have.Definition.ManagedPolicies) > 0:
			return fmt.Errorf("%w: must detach all policies first", ErrInUse)
		case len(have.Definition.Policies) > 0:
			return fmt.Errorf("%w: must delete policies first", ErrInUse)
		}
		return tx.Delete(bucketUser, k)
	})
}

// settle checks what a user is defined as. What was there before, and may be of another
// version, is not looked at.
func (r *userRecord) settle(s *Snapshot, before UserDefinition) error {
	d := &r.Definition
	return cmp.Or(
		checkInline("user", d.Name, policy.MaxUserInlineSize, d.Policies, before.Policies),
		s.checkAttached(append(slices.Clone(d.ManagedPolicies), d.PermissionsBoundary)),
		invalid(validateTags(d.Tags)))
}
