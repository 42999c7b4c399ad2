package directory

import (
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// GroupDefinition is a group of users as CreateGroup takes it.
type GroupDefinition struct {
	Name string
	// Path is "/" when empty.
	Path string
	// Policies are the inline policies by name, JSON.
	Policies map[string][]byte
	// ManagedPolicies are the ARNs of those that are attached.
	ManagedPolicies []string
}

// Group is an IAM group: policies that several users have. Who is in it is said by the
// users' definitions.
type Group struct {
	// UniqueID begins with AGPA.
	UniqueID  string
	Account   string
	Path      string
	Name      string
	ManagedBy string
	// Created is zero of a group of before it was noted.
	Created time.Time
	// Definition is what the group was defined as. It must not be changed.
	Definition *GroupDefinition

	policies policy.Set
}

// ARN is arn:aws:iam::<account>:group<path><name>.
func (g *Group) ARN() string { return arn(g.Account, "group", g.Path, g.Name) }

// Policies say what those in the group may do, as [Principal.Policies] do.
func (g *Group) Policies() policy.Set { return g.policies }

type groupRecord struct{ record[GroupDefinition] }

func (r *reconciliation) group(account string, want GroupDefinition) error {
	k := key(account, want.Name)
	var next groupRecord
	if err := r.tx.GetJSON(bucketGroup, k, &next); err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketGroup, "AGPA", account, want.Name, want.Path, r.by}, &next.record, want, GroupDefinition.changes) {
		return r.tx.PutJSON(bucketGroup, k, next)
	}
	return nil
}

// loadGroups reads the groups; the managed policies are there by now. One with a policy
// that this version does not understand allows nobody in it anything.
func (s *Snapshot) loadGroups(tx *Tx, report func(kind, name string, err error)) error {
	return EachJSON(tx, bucketGroup, func(k string, r groupRecord) error {
		d := r.Definition
		g := &Group{UniqueID: r.UniqueID, Account: r.Account, Path: orRoot(d.Path), Name: d.Name, ManagedBy: r.ManagedBy,
			Created: r.Created, Definition: &d}
		var err error
		if g.policies, _, err = (permissions{inline: d.Policies, managed: d.ManagedPolicies}).resolve(s); err != nil {
			report("group", k, err)
			g.policies = policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
		}
		s.groups[k] = g
		s.groupNames[fold(g.Account, g.Name)] = g.Name
		return nil
	})
}

// GroupByName returns an account's group of that name, or nil.
func (s *Snapshot) GroupByName(account, name string) *Group { return s.groups[key(account, name)] }

// Groups are those of an account, by their names.
func (s *Snapshot) Groups(account string) []*Group {
	return inAccount(s.groups, account, func(g *Group) (account, name string) { return g.Account, g.Name })
}
