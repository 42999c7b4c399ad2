package directory

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// CreateInstanceProfile makes an instance profile. Its name must be free, in any case.
func (d *Directory) CreateInstanceProfile(account string, want InstanceProfileDefinition, now time.Time) error {
	return d.change(func(tx *Tx) error {
		s := d.Snapshot() // which nobody else changes meanwhile
		if err := s.free(bucketProfile, account, want.Name, ""); err != nil {
			return fmt.Errorf("instance profile %w", err)
		}
		want.Path = orRoot(want.Path)
		next := profileRecord{record[InstanceProfileDefinition]{UniqueID: newUniqueID("AIPA"), Account: account, Path: want.Path,
			ManagedBy: ManagedByAPI, Definition: want, Created: now.UTC().Truncate(time.Second)}}
		if err := next.check(s, ""); err != nil {
			return err
		}
		return tx.PutJSON(bucketProfile, key(account, want.Name), next)
	})
}

// ChangeInstanceProfile changes what an instance profile is defined as. p is the profile
// as the caller saw it; one that was made anew since then is not changed. edit is given
// the directory as it is now. Who is granted the profile gets the role that is in it from
// then on, and no other.
func (d *Directory) ChangeInstanceProfile(p *InstanceProfile, edit func(*Snapshot, *InstanceProfileDefinition) error) error {
	return d.change(func(tx *Tx) error {
		s, k := d.Snapshot(), key(p.Account, p.Name)
		var next profileRecord
		if err := still(d, tx, bucketProfile, k, p.UniqueID, &next); err != nil {
			return err
		}
		before := next.Definition.Role
		next.Definition.Tags = maps.Clone(next.Definition.Tags)
		if err := edit(s, &next.Definition); err != nil {
			return err
		}
		next.ManagedBy = ManagedByAPI
		if err := next.check(s, before); err != nil {
			return err
		}
		return tx.PutJSON(bucketProfile, k, next)
	})
}

// DeleteInstanceProfile deletes an instance profile that holds no role, and takes it out
// of all grants: who makes one of the same name later has not granted it to anybody.
func (d *Directory) DeleteInstanceProfile(p *InstanceProfile) error {
	var lost []string
	err := d.change(func(tx *Tx) error {
		lost = nil
		var have profileRecord
		k := key(p.Account, p.Name)
		if err := still(d, tx, bucketProfile, k, p.UniqueID, &have); err != nil {
			return err
		}
		if d.Snapshot().RoleByName(p.Account, have.Definition.Role) != nil {
			return fmt.Errorf("%w: must remove roles from instance profile first", ErrInUse)
		}
		if err := tx.Delete(bucketProfile, k); err != nil {
			return err
		}
		return ungrant(tx, func(arn string) bool { return arn != p.ARN() }, func(grant, what string) { lost = append(lost, grant+" "+what) })
	})
	if err == nil && lost != nil {
		d.logger.Info("grants lost an instance profile that was deleted", "instance_profile", p.ARN(), "grants", lost)
	}
	return err
}

// check refuses a role that is not there, unless it was in the profile before, and tags
// that could not be.
func (r *profileRecord) check(s *Snapshot, before string) error {
	if role := r.Definition.Role; role != before && role != "" && s.RoleByName(r.Account, role) == nil {
		return fmt.Errorf("role %s: %w", role, ErrNotFound)
	}
	return invalid(validateTags(r.Definition.Tags))
}

// ungrant takes out of grants the instance profiles that are not there, and says of which.
func ungrant(tx *Tx, there func(arn string) bool, note func(grant, what string)) error {
	return EachJSON(tx, bucketGrant, func(k string, g Grant) error {
		kept := slices.DeleteFunc(slices.Clone(g.InstanceProfiles), func(arn string) bool { return !there(arn) })
		switch {
		case len(kept) == len(g.InstanceProfiles):
			return nil
		case len(kept) == 0:
			note(k, "deleted: its instance profiles are gone")
			return tx.Delete(bucketGrant, k)
		}
		g.InstanceProfiles = kept
		note(k, "updated: some of its instance profiles are gone")
		return tx.PutJSON(bucketGrant, k, g)
	})
}

// emptied takes out of instance profiles the roles that are gone or were made anew, but
// for profiles that the definitions name: they say which role they mean each time that
// they are read. Nobody who may pass the new role put it in the others.
func (r *reconciliation) emptied() error {
	roles := map[string]bool{}
	err := EachJSON(r.tx, bucketRole, func(k string, _ roleRecord) error {
		roles[k] = !r.anew[bucketRole+"/"+k]
		return nil
	})
	if err != nil {
		return err
	}
	return EachJSON(r.tx, bucketProfile, func(k string, p profileRecord) error {
		if p.Definition.Role == "" || roles[key(p.Account, p.Definition.Role)] || r.named[bucketProfile+"/"+k] {
			return nil
		}
		r.note(nouns[bucketProfile], k, "updated: its role "+p.Definition.Role+" is gone")
		p.Definition.Role = ""
		return r.tx.PutJSON(bucketProfile, k, p)
	})
}
