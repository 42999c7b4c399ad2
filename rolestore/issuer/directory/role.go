package directory

import (
	"cmp"
	"fmt"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

type roleRecord struct {
	record[RoleDefinition]
	// Trust is the trust policy of the definition with the unique ids of whom it names.
	Trust []byte `json:"trust"`
	// LastUsed is when a session of the role last asked for something.
	LastUsed LastUse `json:"last_used,omitzero"`
}

func readRole(e *entry) error {
	var h held
	if err := e.decode(&h); err != nil {
		return err
	}
	e.arn, e.ids = arn(h.Account, "role", orRoot(h.Path), h.Definition.Name), []string{h.UniqueID}
	e.owners = append(h.holdings(KindRole), nameOf(bucketRole, h.Account, h.Definition.Name))
	return nil
}

// makeRole makes the role of a record. One with a policy that this version does not
// understand, written by another, may do nothing and be assumed by nobody.
func makeRole(e *entry, m *maker) any {
	var r roleRecord
	err := e.decode(&r)
	d := r.Definition
	role := &Role{Principal: Principal{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: d.Name, Path: orRoot(d.Path), Tags: d.Tags}, MaxSessionDuration: cmp.Or(d.MaxSessionDuration, minSession),
		Created: r.Created, LastUsed: r.LastUsed, Definition: &d, frozen: r.Trust}
	if err == nil {
		err = role.fill(r, m)
	}
	if err != nil {
		m.unusable("role", e.Name, err)
		role.Trust, role.Policies, role.Boundary = ours(policy.Trust, trustNobody), unreadable(), nil
	}
	return role
}

// Role returns the role of that ARN, or nil.
func (s *Snapshot) Role(arn string) *Role { return thing[*Role](s, among(s.arns, bucketRole, arn)) }

// RoleByID returns the role of that unique id, or nil: what a session token names.
func (s *Snapshot) RoleByID(id string) *Role { return thing[*Role](s, among(s.ids, bucketRole, id)) }

// RoleByName returns an account's role of that name, or nil.
func (s *Snapshot) RoleByName(account, name string) *Role {
	return thing[*Role](s, s.record(bucketRole, key(account, name)))
}

// Roles are those of an account, by their names.
func (s *Snapshot) Roles(account string) []*Role { return things[*Role](s, bucketRole, account) }

func (r *Role) fill(from roleRecord, m *maker) (err error) {
	d := from.Definition
	if r.Trust, err = policy.Parse(policy.Trust, from.Trust); err != nil {
		return fmt.Errorf("assume_role_policy_document: %w", err)
	}
	r.Policies, r.Boundary, err = permissions{d.Policies, d.ManagedPolicies, d.PermissionsBoundary}.resolve(m)
	return err
}

// unreadable is what those may do whose policies are not understood.
func unreadable() policy.Set {
	return policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
}
