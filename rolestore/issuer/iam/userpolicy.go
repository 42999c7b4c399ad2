package iam

import "github.com/rolecall/rolecall/rolestore/issuer/directory"

// userPolicyOperations are those of the policies of users, inline and attached.
var userPolicyOperations = holder{
	noun: theUser, named: userName, on: onUser, keys: userBoundary, quota: "PoliciesPerUser",
	of: func(c *call) (string, held, error) {
		u, err := c.user()
		if err != nil {
			return "", held{}, err
		}
		return u.Name, held{u.Definition.Policies, u.Definition.ManagedPolicies}, nil
	},
	change: func(c *call, edit func(*directory.Snapshot, *held) error) error {
		return c.changeUser(func(s *directory.Snapshot, d *directory.UserDefinition) error {
			p := held{d.Policies, d.ManagedPolicies}
			if err := edit(s, &p); err != nil {
				return err
			}
			d.Policies, d.ManagedPolicies = p.inline, p.managed
			return nil
		})
	},
}.operations("User")
