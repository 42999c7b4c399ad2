package directory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// CreateRole makes a role. Its name must be free, in any case.
func (d *Directory) CreateRole(account string, want RoleDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		s := d.Snapshot() // which nobody else changes meanwhile
		if err := s.free(bucketRole, account, want.Name, ""); err != nil {
			return fmt.Errorf("role %w", err)
		}
		next := roleRecord{record: record[RoleDefinition]{UniqueID: newUniqueID("AROA"), Account: account, Path: orRoot(want.Path),
			ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}}
		if err := next.settle(s, RoleDefinition{}); err != nil {
			return err
		}
		return tx.PutJSON(bucketRole, key(account, want.Name), next)
	})
}

// ChangeRole changes what a role is defined as. r is the role as the caller saw it; one
// that was made anew since then is not changed. edit is given the directory as it is now.
func (d *Directory) ChangeRole(r *Role, edit func(*Snapshot, *RoleDefinition) error) error {
	return d.change(func(tx *Tx) error {
		s, k := d.Snapshot(), key(r.Account, r.Name)
		var next roleRecord
		if err := still(d, tx, bucketRole, k, r.UniqueID, &next); err != nil {
			return err
		}
		before := next.Definition
		before.Policies, before.Tags = maps.Clone(before.Policies), maps.Clone(before.Tags)
		before.ManagedPolicies = slices.Clone(before.ManagedPolicies)
		if err := edit(s, &next.Definition); err != nil {
			return err
		}
		next.ManagedBy = ManagedByAPI
		if err := next.settle(s, before); err != nil {
			return err
		}
		return tx.PutJSON(bucketRole, k, next)
	})
}

// DeleteRole deletes a role that nothing is attached to and that is in no instance
// profile. Its sessions are worthless from then on.
func (d *Directory) DeleteRole(r *Role) error {
	return d.change(func(tx *Tx) error {
		var have roleRecord
		k := key(r.Account, r.Name)
		if err := still(d, tx, bucketRole, k, r.UniqueID, &have); err != nil {
			return err
		}
		switch {
		case len(d.Snapshot().ProfilesOf(r)) > 0:
			return fmt.Errorf("%w: must remove roles from instance profile first", ErrInUse)
		case len(have.Definition.ManagedPolicies) > 0:
			return fmt.Errorf("%w: must detach all policies first", ErrInUse)
		case len(have.Definition.Policies) > 0:
			return fmt.Errorf("%w: must delete policies first", ErrInUse)
		}
		return tx.Delete(bucketRole, k)
	})
}

// settle checks what a role is defined as, and freezes its trust policy if it is another
// than before. What was there before, and may be of another version, is not looked at.
func (r *roleRecord) settle(s *Snapshot, before RoleDefinition) error {
	d := &r.Definition
	if !bytes.Equal(d.AssumeRolePolicyDocument, before.AssumeRolePolicyDocument) {
		frozen, err := policy.Freeze(d.AssumeRolePolicyDocument, s)
		if err = cmp.Or(err, policy.CheckTrustSize(d.AssumeRolePolicyDocument, policy.MaxTrustSize)); err != nil {
			return err
		}
		r.Trust = frozen
	}
	if err := checkInline("role", d.Name, policy.MaxRoleInlineSize, d.Policies, before.Policies); err != nil {
		return err
	}
	return cmp.Or(s.checkAttached(append(slices.Clone(d.ManagedPolicies), d.PermissionsBoundary)), invalid(validateTags(d.Tags)))
}

// checkInline refuses inline policies that are new and not valid, or all too large.
func checkInline(owner, name string, quota int, now, before map[string][]byte) error {
	var texts [][]byte
	for _, n := range slices.Sorted(maps.Keys(now)) {
		if !bytes.Equal(now[n], before[n]) {
			if _, err := policy.Parse(policy.Identity, now[n]); err != nil {
				return err
			}
		}
		texts = append(texts, now[n])
	}
	return policy.CheckInlineSize(owner, name, quota, texts...)
}

// checkAttached refuses managed policies that are not there any more.
func (s *Snapshot) checkAttached(arns []string) error {
	for _, arn := range arns {
		if arn != "" && s.ManagedPolicy(arn) == nil {
			return fmt.Errorf("policy %s: %w", arn, ErrNotFound)
		}
	}
	return nil
}

// invalid marks an error as that of an object that could not be.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(ErrInvalid, err)
}

// ProfilesOf are the instance profiles that a role is in, by their names.
func (s *Snapshot) ProfilesOf(r *Role) []*InstanceProfile {
	var in []*InstanceProfile
	for e := range s.owners.under(profilesOfRole(r.Account, r.Name)) {
		in = append(in, noun[*InstanceProfile](e))
	}
	return in
}
