package directory

import "github.com/rolecall/rolecall/rolestore/issuer/policy"

// Principal is what users and roles have in common: a name, and policies.
type Principal struct {
	// UniqueID begins with AIDA for a user, with AROA for a role.
	UniqueID string
	// Account is the twelve digits of its account.
	Account string
	// Path begins and ends with a slash.
	Path string
	Name string
	// Policies say what it may do: inline ones by their names, managed ones by their
	// ARNs, and those of a user's groups.
	Policies policy.Set
	// Boundary limits what Policies allow; nil without a permissions boundary.
	Boundary *policy.Set
	// Tags are by their keys, as they were written.
	Tags map[string]string
	// ManagedBy is ManagedByFile, ManagedByAPI or ManagedByCore.
	ManagedBy string
}

// permissions are the policies of a definition of a user, a group or a role, before
// anything is looked up.
type permissions struct {
	inline   map[string][]byte // by name, JSON
	managed  []string          // ARNs
	boundary string            // an ARN, or empty
}

// resolve returns the policies compiled. A managed policy that is not there is an
// error: without it nobody knows what it would have denied.
func (p permissions) resolve(m *maker) (own policy.Set, boundary *policy.Set, err error) {
	if own, err = inline(p.inline); err != nil {
		return nil, nil, err
	}
	attached, err := m.attached(p.managed...)
	if err != nil {
		return nil, nil, err
	}
	if p.boundary != "" {
		limit, err := m.attached(p.boundary)
		if err != nil {
			return nil, nil, err
		}
		boundary = &limit
	}
	return append(own, attached...), boundary, nil
}
