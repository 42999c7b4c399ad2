package iam

import (
	"cmp"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theGroup = noun{"group", "GroupName", "The group with name %s cannot be found.", "Group with name %s already exists."}

var (
	groupName = policyName.as("GroupName")
	nextGroup = policyName.as("NewGroupName").optional()
)

// maxGroups is how many groups a user is in
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxGroups = 10

// groupOperations are those of groups, but for their policies. Who is put into a group is
// a matter of the group: he gets what its policies allow
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_groups.html).
var groupOperations = table{
	"CreateGroup":         {takes: []parameter{path, groupName}, on: newGroup, do: createGroup},
	"GetGroup":            {takes: []parameter{groupName, marker, maxItems}, on: onGroup, do: getGroup},
	"ListGroups":          {takes: []parameter{pathPrefix, marker, maxItems}, on: onGroups, do: listGroups},
	"UpdateGroup":         {takes: []parameter{groupName, nextPath, nextGroup}, on: onGroup, onto: renamedGroup, do: updateGroup},
	"DeleteGroup":         {takes: []parameter{groupName}, on: onGroup, do: deleteGroup},
	"AddUserToGroup":      {takes: []parameter{groupName, userName}, on: onGroup, do: addUserToGroup},
	"RemoveUserFromGroup": {takes: []parameter{groupName, userName}, on: onGroup, do: removeUserFromGroup},
}

// groupPolicyOperations are those of the policies of groups, inline and attached.
var groupPolicyOperations = holder{
	noun: theGroup, named: groupName, on: onGroup, keys: func(*call, *policy.Context) {}, quota: "PoliciesPerGroup",
	of: func(c *call) (string, held, error) {
		g, err := c.group()
		if err != nil {
			return "", held{}, err
		}
		return g.Name, held{g.Definition.Policies, g.Definition.ManagedPolicies}, nil
	},
	change: func(c *call, edit func(*directory.Snapshot, *held) error) error {
		return c.changeGroup(func(s *directory.Snapshot, d *directory.GroupDefinition) error {
			p := held{d.Policies, d.ManagedPolicies}
			if err := edit(s, &p); err != nil {
				return err
			}
			d.Policies, d.ManagedPolicies = p.inline, p.managed
			return nil
		})
	},
}.operations("Group")

// groupARN is that of a group of the caller's account.
func (c *call) groupARN(path, name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":group" + path + name
}

func newGroup(c *call) target { return target{arn: c.groupARN(c.path(), c.text(groupName))} }

// onGroup is the group that is named. One that there is not has an ARN all the same.
func onGroup(c *call) target {
	if g := c.Directory.GroupByName(c.Caller.Account, c.text(groupName)); g != nil {
		return target{arn: g.ARN()}
	}
	return target{arn: c.groupARN("/", c.text(groupName))}
}

func onGroups(c *call) target { return target{arn: c.groupARN(c.prefix(), "")} }

// renamedGroup is what the group is to be; see renamedUser.
func renamedGroup(c *call) string {
	path := "/"
	if g := c.Directory.GroupByName(c.Caller.Account, c.text(groupName)); g != nil {
		path = g.Path
	}
	return c.groupARN(cmp.Or(c.text(nextPath), path), cmp.Or(c.text(nextGroup), c.text(groupName)))
}

// group is the group that is named.
func (c *call) group() (*directory.Group, error) {
	g := c.Directory.GroupByName(c.Caller.Account, c.text(groupName))
	if g == nil {
		return nil, theGroup.missing(c.text(groupName))
	}
	return g, nil
}

// changeGroup changes the group that is named.
func (c *call) changeGroup(edit func(*directory.Snapshot, *directory.GroupDefinition) error) error {
	g, err := c.group()
	if err != nil {
		return err
	}
	return theGroup.refusal(g.Name, c.directory.ChangeGroup(g, edit))
}

func createGroup(c *call) ([]query.Element, error) {
	want := directory.GroupDefinition{Name: c.text(groupName), Path: c.path()}
	if err := c.directory.CreateGroup(c.Caller.Account, want, c.Now); err != nil {
		return nil, theGroup.refusal(want.Name, err)
	}
	made := c.directory.Snapshot().GroupByName(c.Caller.Account, want.Name)
	if made == nil { // and deleted again
		return nil, theGroup.missing(want.Name)
	}
	return []query.Element{showGroup(made)}, nil
}

func getGroup(c *call) ([]query.Element, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	members, err := page(c, "Users", c.Directory.Members(g), func(u *directory.User) string { return u.Name },
		func(u *directory.User) query.Element { return showUser(u, listed) })
	if err != nil {
		return nil, err
	}
	return append([]query.Element{showGroup(g)}, members...), nil
}

func listGroups(c *call) ([]query.Element, error) {
	groups := under(c, c.Directory.Groups(c.Caller.Account), func(g *directory.Group) string { return g.Path })
	return page(c, "Groups", groups, func(g *directory.Group) string { return g.Name }, showGroup)
}

func updateGroup(c *call) ([]query.Element, error) {
	err := c.changeGroup(func(_ *directory.Snapshot, d *directory.GroupDefinition) error {
		d.Path, d.Name = cmp.Or(c.text(nextPath), d.Path), cmp.Or(c.text(nextGroup), d.Name)
		return nil
	})
	return nil, theGroup.renamed(c.text(nextGroup), err)
}

func deleteGroup(c *call) ([]query.Element, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return nil, theGroup.refusal(g.Name, c.directory.DeleteGroup(g))
}

// addUserToGroup changes the user, of whom it is a part; a user of the file's is the
// file's, whatever the group is.
func addUserToGroup(c *call) ([]query.Element, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return nil, c.changeUser(func(s *directory.Snapshot, d *directory.UserDefinition) error {
		switch now := s.GroupByName(g.Account, g.Name); {
		case now == nil || now.UniqueID != g.UniqueID:
			return theGroup.missing(g.Name)
		case slices.Contains(d.Groups, g.Name):
			return nil
		case len(d.Groups) >= maxGroups:
			return limitExceeded("Cannot exceed quota for GroupsPerUser: %d", maxGroups)
		}
		d.Groups = append(d.Groups, g.Name)
		return nil
	})
}

func removeUserFromGroup(c *call) ([]query.Element, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	return nil, c.changeUser(func(_ *directory.Snapshot, d *directory.UserDefinition) error {
		i := slices.Index(d.Groups, g.Name)
		if i < 0 {
			return noSuchEntity("The user with name %s cannot be found in the group with name %s.", d.Name, g.Name)
		}
		d.Groups = slices.Delete(d.Groups, i, i+1)
		return nil
	})
}

func showGroup(g *directory.Group) query.Element {
	return structure("Group", said("Path", g.Path), said("GroupName", g.Name), said("GroupId", g.UniqueID), said("Arn", g.ARN()),
		instant("CreateDate", g.Created))
}
