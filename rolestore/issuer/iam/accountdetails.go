package iam

import (
	"maps"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// The kinds of what an account has, by the names of Filter.
const (
	kindUser        = "User"
	kindGroup       = "Group"
	kindRole        = "Role"
	kindLocalPolicy = "LocalManagedPolicy"
	kindAWSPolicy   = "AWSManagedPolicy"
)

var filter = parameter{name: "Filter", kind: textList, max: 32, values: []string{kindUser, kindRole, kindGroup, kindLocalPolicy, kindAWSPolicy}}

// detailOperations has the one that tells all of an account
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html).
var detailOperations = table{
	"GetAccountAuthorizationDetails": {takes: []parameter{filter, maxItems, marker}, on: onAccount, do: getAccountAuthorizationDetails},
}

// detail is one thing that an account has.
type detail struct {
	kind, name string
	show       func() query.Element
}

func (d detail) key() string { return d.kind + "/" + d.name }

// details are all that the caller's account has of the kinds that he wants, in the order of
// their keys.
func details(c *call) []detail {
	var all []detail
	s, account := c.Directory, c.Caller.Account
	for _, u := range s.Users(account) {
		all = append(all, detail{kindUser, u.Name, func() query.Element { return userDetail(u) }})
	}
	for _, g := range s.Groups(account) {
		all = append(all, detail{kindGroup, g.Name, func() query.Element { return groupDetail(g) }})
	}
	for _, r := range s.Roles(account) {
		all = append(all, detail{kindRole, r.Name, func() query.Element { return roleDetail(s, r) }})
	}
	all = append(all, policyDetails(c)...)
	if wanted := c.list(filter); len(wanted) > 0 {
		all = slices.DeleteFunc(all, func(d detail) bool { return !slices.Contains(wanted, d.kind) })
	}
	return byKey(all, detail.key)
}

// getAccountAuthorizationDetails answers pages that go through all kinds, each of which has
// a list of its own in the reply.
func getAccountAuthorizationDetails(c *call) ([]query.Element, error) {
	lists := map[string][]query.Element{}
	reply, err := page(c, "", details(c), detail.key, func(d detail) query.Element {
		shown := d.show()
		shown.Name = "member"
		lists[d.kind] = append(lists[d.kind], shown)
		return shown
	})
	if err != nil {
		return nil, err
	}
	const truncated, mixed = 0, 1 // where page puts whether there is more, and the list of all
	result := []query.Element{
		reply[truncated], listOf("UserDetailList", lists[kindUser]), listOf("GroupDetailList", lists[kindGroup]), listOf("RoleDetailList", lists[kindRole]),
		listOf("Policies", slices.Concat(lists[kindLocalPolicy], lists[kindAWSPolicy])),
	}
	return append(result, reply[mixed+1:]...), nil
}

// listOf is a list of elements, which may be empty.
func listOf(name string, members []query.Element) query.Element {
	return query.Element{Name: name, Children: append([]query.Element{}, members...), List: true}
}

// inlineDetails are inline policies with their documents.
func inlineDetails(name string, policies map[string][]byte) query.Element {
	var all []query.Element
	for _, policy := range slices.Sorted(maps.Keys(policies)) {
		all = append(all, structure("member", said("PolicyName", policy), document("PolicyDocument", string(policies[policy]))))
	}
	return listOf(name, all)
}

// attachedDetails are the managed policies that are attached.
func attachedDetails(arns []string) query.Element {
	var all []query.Element
	for _, arn := range byKey(arns, policyKey) {
		all = append(all, structure("member", said("PolicyName", nameOf(arn)), said("PolicyArn", arn)))
	}
	return listOf("AttachedManagedPolicies", all)
}

func userDetail(u *directory.User) query.Element {
	e, d := showUser(u, whole), u.Definition
	var groups []query.Element
	for _, name := range slices.Sorted(slices.Values(d.Groups)) {
		groups = append(groups, said("member", name))
	}
	e.Children = append(e.Children, inlineDetails("UserPolicyList", d.Policies), listOf("GroupList", groups), attachedDetails(d.ManagedPolicies))
	return e
}

func groupDetail(g *directory.Group) query.Element {
	e, d := showGroup(g), g.Definition
	e.Children = append(e.Children, inlineDetails("GroupPolicyList", d.Policies), attachedDetails(d.ManagedPolicies))
	return e
}

// roleDetail has no description and no duration of sessions: AWS's has none.
func roleDetail(s *directory.Snapshot, r *directory.Role) query.Element {
	e, d := showRole(s, r, whole), r.Definition
	e.Children = slices.DeleteFunc(e.Children, func(m query.Element) bool { return m.Name == "Description" || m.Name == "MaxSessionDuration" })
	var profiles []query.Element
	for _, p := range s.ProfilesOf(r) {
		shown := showProfile(s, p, listed)
		shown.Name = "member"
		profiles = append(profiles, shown)
	}
	e.Children = append(e.Children, listOf("InstanceProfileList", profiles), inlineDetails("RolePolicyList", d.Policies), attachedDetails(d.ManagedPolicies))
	return e
}

// policyDetails are the account's managed policies, and those of AWS's own that somebody
// has.
func policyDetails(c *call) []detail {
	var all []detail
	used := func(p *directory.ManagedPolicy) directory.Usage { return c.Directory.Usage(c.Caller.Account, p.ARN()) }
	for _, p := range c.Directory.Policies(c.Caller.Account) {
		all = append(all, detail{kindLocalPolicy, p.Name, func() query.Element { return policyDetail(c, p, used(p)) }})
	}
	for _, p := range c.Directory.Policies("aws") {
		if has := used(p); has != (directory.Usage{}) {
			all = append(all, detail{kindAWSPolicy, p.Name, func() query.Element { return policyDetail(c, p, has) }})
		}
	}
	return all
}

// policyDetail has no tags: AWS's has none.
func policyDetail(c *call, p *directory.ManagedPolicy, used directory.Usage) query.Element {
	e := c.showPolicy(p, used, whole)
	e.Children = slices.DeleteFunc(e.Children, func(m query.Element) bool { return m.Name == "Tags" })
	var versions []query.Element
	for _, v := range p.Versions {
		shown := showVersion(p, v)
		shown.Name, shown.Children = "member", append(shown.Children, document("Document", string(v.Document)))
		versions = append(versions, shown)
	}
	e.Children = append(e.Children, listOf("PolicyVersionList", versions))
	return e
}
