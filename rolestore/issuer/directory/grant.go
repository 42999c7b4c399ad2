package directory

import (
	"errors"
	"path"
	"slices"
	"time"
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
	// Region is where the instances are; empty means DefaultRegion. It is the granter's
	// word: a host is not asked.
	Region string `json:"region,omitempty"`
	// Tags are the session tags of all sessions that come of the grant.
	Tags map[string]string `json:"tags,omitempty"`
	// TagKeys are the keys of the session tags that the host may set for each instance,
	// such as of which pod it is.
	TagKeys []string `json:"tag_keys,omitempty"`
	// HostKey is the [Host.Fingerprint] that the host must have; empty for a grant that
	// was made when the host was registered, and goes with it.
	HostKey string `json:"host_key_sha256,omitempty"`
	// ManagedBy is ManagedByFile for a grant that core.yaml defines, and Unnamed is set
	// when it does so no longer. It is ManagedByCore for what `up` grants its own host.
	ManagedBy string `json:"managed_by,omitempty"`
	Unnamed   bool   `json:"unnamed,omitempty"`
	// GrantedBy is the ARN of who made the grant, and Retagged when its tags or tag keys
	// changed last: sessions of before carry others.
	GrantedBy string    `json:"granted_by"`
	Retagged  time.Time `json:"retagged"`
}

// DefaultRegion is AWS's own.
const DefaultRegion = "us-east-1"

// CoversInstance reports whether the host may ask on behalf of the instance. A
// pattern that is none covers nothing.
func (g *Grant) CoversInstance(id string) bool {
	return slices.ContainsFunc(g.InstanceIDs, func(pattern string) bool {
		matched, err := path.Match(pattern, id)
		return err == nil && matched
	})
}

// isFor reports whether a host is the one that the grant is for. That it calls itself
// so is not enough where its key is named.
func (g *Grant) isFor(h registered) bool {
	return h.Host != nil && h.ID == g.Host && h.Account == g.Account && (g.HostKey == "" || g.HostKey == h.fingerprint)
}

// owner implements owned.
func (g Grant) owner() (account, managedBy string) { return g.Account, g.ManagedBy }

// GrantsOf are the grants of a host, by name. The caller must not change them.
func (s *Snapshot) GrantsOf(host string) []*Grant {
	var grants []*Grant
	h := noun[registered](s.record(bucketHost, host))
	for e := range s.owners.under(grantsOfHost(host)) {
		if g := noun[*Grant](e); g.isFor(h) {
			grants = append(grants, g)
		}
	}
	return grants
}

// Grants are all grants, by account and name, also those of core.yaml whose host has
// not joined.
func (s *Snapshot) Grants() []*Grant {
	var all []*Grant
	for e := range s.records.under(bucketGrant + "/") {
		all = append(all, noun[*Grant](e))
	}
	return all
}

// Grant returns the grant of that name in an account, or nil.
func (s *Snapshot) Grant(account, name string) *Grant {
	return noun[*Grant](s.record(bucketGrant, key(account, name)))
}

func readGrant(e *entry) error {
	g := new(Grant)
	if err := e.decode(g); err != nil {
		return err
	}
	e.noun, e.owners = g, []string{grantsOfHost(g.Host) + e.Name}
	return nil
}

// dropGrants forgets grants of a host, but for those that name its key: they are worth
// nothing without that very host.
func dropGrants(tx *Tx, host string, extra func(*Grant) bool) (err error) {
	for e := range tx.Snapshot().owners.under(grantsOfHost(host)) {
		if g := noun[*Grant](e); g.HostKey == "" && extra(g) {
			err = errors.Join(err, tx.Delete(bucketGrant, e.Name))
		}
	}
	return err
}

// ungranted takes out of grants the instance profiles that are gone: who makes one of
// the same name later has not granted it to anybody.
func (r *reconciliation) ungranted() error {
	there := map[string]bool{}
	err := EachJSON(r.tx, bucketProfile, func(_ string, p profileRecord) error {
		there[p.profile().ARN()] = true
		return nil
	})
	if err != nil {
		return err
	}
	return ungrant(r.tx, func(arn string) bool { return there[arn] }, func(grant, what string) { r.note(nouns[bucketGrant], grant, what) })
}
