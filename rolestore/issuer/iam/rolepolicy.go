package iam

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// maxPoliciesPerRole is how many managed policies a role has, to which AWS can raise its
// 10 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxPoliciesPerRole = 20

// rolePolicyOperations are those of the policies of roles, inline and attached.
var rolePolicyOperations = table{
	"PutRolePolicy":            {takes: []parameter{roleName, policyName, policyDocument}, on: onRole, keys: roleBoundary, do: putRolePolicy},
	"GetRolePolicy":            {takes: []parameter{roleName, policyName}, on: onRole, do: getRolePolicy},
	"DeleteRolePolicy":         {takes: []parameter{roleName, policyName}, on: onRole, keys: roleBoundary, do: deleteRolePolicy},
	"ListRolePolicies":         {takes: []parameter{roleName, marker, maxItems}, on: onRole, do: listRolePolicies},
	"AttachRolePolicy":         {takes: []parameter{roleName, policyARN}, on: onRole, keys: attachedToRole, do: attachRolePolicy},
	"DetachRolePolicy":         {takes: []parameter{roleName, policyARN}, on: onRole, keys: attachedToRole, do: detachRolePolicy},
	"ListAttachedRolePolicies": {takes: []parameter{roleName, policyPrefix, marker, maxItems}, on: onRole, do: listAttachedRolePolicies},
}

// attachedToRole sets the keys of a managed policy that is attached or detached.
func attachedToRole(c *call, m *policy.Context) {
	roleBoundary(c, m)
	m.Set("iam:PolicyARN", c.text(policyARN))
}

func putRolePolicy(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		if d.Policies == nil {
			d.Policies = map[string][]byte{}
		}
		d.Policies[c.text(policyName)] = []byte(c.text(policyDocument))
		return nil
	})
}

func getRolePolicy(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return showInline(c, theRole, r.Name, r.Definition.Policies)
}

func deleteRolePolicy(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		return deleteInline(c, theRole, d.Policies)
	})
}

func listRolePolicies(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return inlinePage(c, r.Definition.Policies)
}

func attachRolePolicy(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(s *directory.Snapshot, d *directory.RoleDefinition) (err error) {
		if err := c.attachable(s, c.text(policyARN), asPolicy); err != nil {
			return err
		}
		d.ManagedPolicies, err = attach(d.ManagedPolicies, c.text(policyARN), "PoliciesPerRole", maxPoliciesPerRole)
		return err
	})
}

func detachRolePolicy(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) (err error) {
		d.ManagedPolicies, err = detach(d.ManagedPolicies, c.text(policyARN))
		return err
	})
}

func listAttachedRolePolicies(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return attachedPage(c, r.Definition.ManagedPolicies)
}
