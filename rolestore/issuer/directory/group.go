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

func readGroup(e *entry) error {
	var h held
	if err := e.decode(&h); err != nil {
		return err
	}
	e.arn = arn(h.Account, "group", orRoot(h.Path), h.Definition.Name)
	e.owners = append(h.holdings(KindGroup), nameOf(bucketGroup, h.Account, h.Definition.Name))
	return nil
}

// makeGroup makes the group of a record. One with a policy that this version does not
// understand allows nobody in it anything.
func makeGroup(e *entry, m *maker) any {
	var r groupRecord
	err := e.decode(&r)
	d := r.Definition
	g := &Group{UniqueID: r.UniqueID, Account: r.Account, Path: orRoot(d.Path), Name: d.Name, ManagedBy: r.ManagedBy,
		Created: r.Created, Definition: &d}
	if err == nil {
		g.policies, _, err = (permissions{inline: d.Policies, managed: d.ManagedPolicies}).resolve(m)
	}
	if err != nil {
		m.unusable("group", e.Name, err)
		g.policies = unreadable()
	}
	return g
}

// GroupByName returns an account's group of that name, or nil.
func (s *Snapshot) GroupByName(account, name string) *Group {
	return thing[*Group](s, s.record(bucketGroup, key(account, name)))
}

// Groups are those of an account, by their names.
func (s *Snapshot) Groups(account string) []*Group { return things[*Group](s, bucketGroup, account) }
