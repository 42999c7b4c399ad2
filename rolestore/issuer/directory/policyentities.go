package directory

import (
	"cmp"
	"maps"
	"slices"
)

// What can have a managed policy.
const (
	KindGroup = "group"
	KindRole  = "role"
	KindUser  = "user"
)

// held is what the records of those that can have managed policies begin with, read
// without what takes time.
type held struct {
	record[struct {
		Name                string
		ManagedPolicies     []string
		PermissionsBoundary string
		Groups              []string // of a user
	}]
}

// holdings are the names by which a snapshot finds who has a managed policy.
func (h held) holdings(kind string) []string {
	var owners []string
	d := h.Definition
	for _, arn := range d.ManagedPolicies {
		owners = append(owners, attachedTo(h.Account, arn)+kind+"/"+d.Name)
	}
	if d.PermissionsBoundary != "" {
		owners = append(owners, boundaryOf(h.Account, d.PermissionsBoundary)+kind+"/"+d.Name)
	}
	return owners
}

// Entity is a user, group or role that has a managed policy: attached, as a permissions
// boundary, or both.
type Entity struct {
	Kind, Name, Path, UniqueID string
	Attached, Boundary         bool
}

// Entities are those of an account that have the policy of an ARN, which may be gone, in
// the order of their kinds and names.
func (s *Snapshot) Entities(account, arn string) []Entity {
	found := map[string]Entity{}
	add := func(prefix string, note func(*Entity)) {
		for e := range s.owners.under(prefix) {
			have, ok := found[recordName(e.Key)]
			if !ok {
				have = entity(e)
			}
			note(&have)
			found[recordName(e.Key)] = have
		}
	}
	add(attachedTo(account, arn), func(e *Entity) { e.Attached = true })
	add(boundaryOf(account, arn), func(e *Entity) { e.Boundary = true })
	return slices.SortedFunc(maps.Values(found), func(a, b Entity) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

func entity(e *entry) Entity {
	var h head
	_ = e.decode(&h) // which it did when it came
	return Entity{Kind: map[string]string{bucketGroup: KindGroup, bucketRole: KindRole, bucketUser: KindUser}[e.Bucket],
		Name: h.Definition.Name, Path: orRoot(h.Path), UniqueID: h.UniqueID}
}

// Usage is how many have a managed policy.
type Usage struct{ Attached, Boundary int }

// Usage is how many of an account have the policy of an ARN.
func (s *Snapshot) Usage(account, arn string) Usage {
	return Usage{s.owners.count(attachedTo(account, arn)), s.owners.count(boundaryOf(account, arn))}
}

// Policies are the managed policies of an account, or of AWS's own, aws, by their names.
// Those that this version does not understand are left out.
func (s *Snapshot) Policies(account string) []*ManagedPolicy {
	if account == "aws" {
		return slices.SortedFunc(maps.Values(awsManaged()), func(a, b *ManagedPolicy) int { return cmp.Compare(a.Name, b.Name) })
	}
	return slices.DeleteFunc(things[*ManagedPolicy](s, bucketPolicy, account), func(p *ManagedPolicy) bool { return p == nil })
}
