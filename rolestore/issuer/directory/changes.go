package directory

import (
	"maps"
	"slices"
	"strings"
)

// field is one of a definition, by its name in core.yaml, and whether two definitions
// agree on it. Of what they say nothing goes on, as it may be a secret.
type field struct {
	name string
	same bool
}

// changes are the names of the fields that differ.
func changes(fields ...field) []string {
	var names []string
	for _, f := range fields {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}

// updated is what is said of an object whose definition became another.
func updated(names []string) string { return "updated: " + strings.Join(names, ", ") }

func (r RoleDefinition) changes(o RoleDefinition) []string {
	return changes(
		field{"assume_role_policy_document", string(r.AssumeRolePolicyDocument) == string(o.AssumeRolePolicyDocument)},
		field{"policies", equalTexts(r.Policies, o.Policies)},
		field{"attached_managed_policies", slices.Equal(r.ManagedPolicies, o.ManagedPolicies)},
		field{"permissions_boundary", r.PermissionsBoundary == o.PermissionsBoundary},
		field{"tags", maps.Equal(r.Tags, o.Tags)},
		field{"max_session_duration", r.MaxSessionDuration == o.MaxSessionDuration},
		field{"description", r.Description == o.Description})
}

func (u UserDefinition) changes(o UserDefinition) []string {
	return changes(
		field{"groups", slices.Equal(u.Groups, o.Groups)},
		field{"policies", equalTexts(u.Policies, o.Policies)},
		field{"attached_managed_policies", slices.Equal(u.ManagedPolicies, o.ManagedPolicies)},
		field{"permissions_boundary", u.PermissionsBoundary == o.PermissionsBoundary},
		field{"tags", maps.Equal(u.Tags, o.Tags)})
}

func (g GroupDefinition) changes(o GroupDefinition) []string {
	return changes(
		field{"policies", equalTexts(g.Policies, o.Policies)},
		field{"attached_managed_policies", slices.Equal(g.ManagedPolicies, o.ManagedPolicies)})
}

func (p InstanceProfileDefinition) changes(o InstanceProfileDefinition) []string {
	return changes(field{"role", p.Role == o.Role}, field{"tags", maps.Equal(p.Tags, o.Tags)})
}

// changes says nothing of who granted it and since when.
func (g *Grant) changes(o *Grant) []string {
	return changes(
		field{"managed_by", g.ManagedBy == o.ManagedBy && g.Unnamed == o.Unnamed},
		field{"host", g.Host == o.Host},
		field{"host_key_sha256", g.HostKey == o.HostKey},
		field{"instance_profiles", slices.Equal(g.InstanceProfiles, o.InstanceProfiles)},
		field{"instance_ids", slices.Equal(g.InstanceIDs, o.InstanceIDs)},
		field{"region", g.Region == o.Region},
		field{"tags", maps.Equal(g.Tags, o.Tags)},
		field{"tag_keys", slices.Equal(g.TagKeys, o.TagKeys)})
}

// equalTexts reports whether two sets of inline policies are the same.
func equalTexts(a, b map[string][]byte) bool {
	return maps.EqualFunc(a, b, func(a, b []byte) bool { return string(a) == string(b) })
}
