package directory

import (
	"maps"
	"path"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

const bucketGrant = "grant"

// Grant lets a host fetch the roles of some instance profiles for some instances.
// Host, profiles and roles are of the grant's account.
type Grant struct {
	// Name is the grant's own in its account; of the form of a role's.
	Name    string `json:"name"`
	Account string `json:"account"`
	// Host is the id of the host that it is for.
	Host string `json:"host"`
	// InstanceProfiles are ARNs.
	InstanceProfiles []string `json:"instance_profiles"`
	// InstanceIDs are the ids of the instances that may be asked for, or patterns of
	// [path.Match] that begin with i-.
	InstanceIDs []string `json:"instance_ids"`
	// Tags are the session tags of all sessions that come of the grant.
	Tags map[string]string `json:"tags,omitempty"`
	// GrantedBy is the ARN of who made the grant, and Retagged when its tags changed
	// last: sessions of before carry others.
	GrantedBy string    `json:"granted_by"`
	Retagged  time.Time `json:"retagged"`
}

// CoversInstance reports whether the host may ask on behalf of the instance. A
// pattern that is none covers nothing.
func (g *Grant) CoversInstance(id string) bool {
	return slices.ContainsFunc(g.InstanceIDs, func(pattern string) bool {
		matched, err := path.Match(pattern, id)
		return err == nil && matched
	})
}

// GrantsOf are the grants of a host, by name. The caller must not change them.
func (s *Snapshot) GrantsOf(host string) []*Grant { return s.grants[host] }

// Grants are all grants, by account and name.
func (s *Snapshot) Grants() []*Grant {
	all := slices.Concat(slices.Collect(maps.Values(s.grants))...)
	slices.SortFunc(all, func(a, b *Grant) int {
		return slices.Compare([]string{a.Account, a.Name}, []string{b.Account, b.Name})
	})
	return all
}

// Grant returns the grant of that name in an account, or nil.
func (s *Snapshot) Grant(account, name string) *Grant {
	for _, of := range s.grants {
		for _, g := range of {
			if g.Account == account && g.Name == name {
				return g
			}
		}
	}
	return nil
}

func dropGrants(tx *dbfile.Tx, extra func(Grant) bool) error {
	return dbfile.EachJSON(tx, bucketGrant, func(k string, g Grant) error {
		if !extra(g) {
			return nil
		}
		return tx.Delete(bucketGrant, k)
	})
}

// ungranted takes out of grants the instance profiles that are gone: who makes one of
// the same name later has not granted it to anybody.
func (r *reconciliation) ungranted() error {
	there := map[string]bool{}
	err := dbfile.EachJSON(r.tx, bucketProfile, func(_ string, p profileRecord) error {
		there[p.profile().ARN()] = true
		return nil
	})
	if err != nil {
		return err
	}
	return dbfile.EachJSON(r.tx, bucketGrant, func(k string, g Grant) error {
		kept := slices.DeleteFunc(slices.Clone(g.InstanceProfiles), func(arn string) bool { return !there[arn] })
		switch {
		case len(kept) == len(g.InstanceProfiles):
			return nil
		case len(kept) == 0:
			r.note("grant", k, "deleted: its instance profiles are gone")
			return r.tx.Delete(bucketGrant, k)
		}
		g.InstanceProfiles = kept
		r.note("grant", k, "updated: some of its instance profiles are gone")
		return r.tx.PutJSON(bucketGrant, k, g)
	})
}
