package iam

import (
	"cmp"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theUser = noun{"user", "UserName", "The user with name %s cannot be found.", "User with name %s already exists."}

// A name that is to be given is shorter than one that something may have.
var (
	newUserName = roleName.as("UserName")
	userName    = policyName.as("UserName")
	ownUser     = userName.optional() // the caller's, where it is not said
	nextUser    = newUserName.as("NewUserName").optional()
	nextPath    = path.as("NewPath")
)

// userOperations are those of users, but for their policies
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users.html).
var userOperations = table{
	"CreateUser": {takes: []parameter{path, newUserName, boundaryARN.optional(), tags}, on: newUser, keys: passedBoundary,
		tagging: "iam:TagUser", do: createUser},
	"GetUser":                    {takes: []parameter{ownUser}, on: onUser, do: getUser},
	"ListUsers":                  {takes: []parameter{pathPrefix, marker, maxItems}, on: onUsers, do: listUsers},
	"UpdateUser":                 {takes: []parameter{userName, nextPath, nextUser}, on: onUser, onto: renamedUser, do: updateUser},
	"DeleteUser":                 {takes: []parameter{userName}, on: onUser, do: deleteUser},
	"TagUser":                    {takes: []parameter{userName, tags.needed()}, on: onUser, do: tagUser},
	"UntagUser":                  {takes: []parameter{userName, tagKeys}, on: onUser, do: untagUser},
	"ListUserTags":               {takes: []parameter{userName, marker, maxItems}, on: onUser, do: listUserTags},
	"ListGroupsForUser":          {takes: []parameter{userName, marker, maxItems}, on: onUser, do: listGroupsForUser},
	"PutUserPermissionsBoundary": {takes: []parameter{userName, boundaryARN}, on: onUser, keys: passedBoundary, do: putUserPermissionsBoundary},
	"DeleteUserPermissionsBoundary": {takes: []parameter{userName}, on: onUser, keys: userBoundary,
		do: deleteUserPermissionsBoundary},
}

// userARN is that of a user of the caller's account.
func (c *call) userARN(path, name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":user" + path + name
}

func newUser(c *call) target { return target{arn: c.userARN(c.path(), c.text(newUserName))} }

// userNamed is the name of the user that is meant: the caller himself, if he names nobody.
// It is empty if the caller is no user.
func (c *call) userNamed() string {
	if c.has(userName) || c.Caller.User == nil {
		return c.text(userName)
	}
	return c.Caller.User.Name
}

// onUser is the user that is meant. One that there is not has an ARN all the same.
func onUser(c *call) target {
	if u := c.Directory.UserByName(c.Caller.Account, c.userNamed()); u != nil {
		return target{u.ARN(), u.Tags}
	}
	return target{arn: c.userARN("/", c.userNamed())}
}

func onUsers(c *call) target { return target{arn: c.userARN(c.prefix(), "")} }

// renamedUser is who the user is to be: who may change one user must not make another of
// him that he may not touch
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users_rename.html).
func renamedUser(c *call) string {
	path := "/"
	if u := c.Directory.UserByName(c.Caller.Account, c.text(userName)); u != nil {
		path = u.Path
	}
	return c.userARN(cmp.Or(c.text(nextPath), path), cmp.Or(c.text(nextUser), c.text(userName)))
}

// userBoundary is the permissions boundary that the user has.
func userBoundary(c *call, m *policy.Context) {
	if u := c.Directory.UserByName(c.Caller.Account, c.userNamed()); u != nil && u.Definition.PermissionsBoundary != "" {
		m.Set("iam:PermissionsBoundary", u.Definition.PermissionsBoundary)
	}
}

// user is the user that is meant.
func (c *call) user() (*directory.User, error) {
	name := c.userNamed()
	if name == "" {
		return nil, query.Validation("Must specify userName when calling with non-User credentials")
	}
	u := c.Directory.UserByName(c.Caller.Account, name)
	if u == nil {
		return nil, theUser.missing(name)
	}
	return u, nil
}

// changeUser changes the user that is meant.
func (c *call) changeUser(edit func(*directory.Snapshot, *directory.UserDefinition) error) error {
	u, err := c.user()
	if err != nil {
		return err
	}
	return theUser.refusal(u.Name, c.directory.ChangeUser(u, edit))
}

func createUser(c *call) ([]query.Element, error) {
	want := directory.UserDefinition{Name: c.text(newUserName), Path: c.path(), PermissionsBoundary: c.text(boundaryARN), Tags: c.tags}
	if err := c.attachable(c.Directory, want.PermissionsBoundary, asBoundary); err != nil {
		return nil, err
	}
	if err := c.directory.CreateUser(c.Caller.Account, want, c.Now); err != nil {
		return nil, theUser.refusal(want.Name, err)
	}
	made := c.directory.Snapshot().UserByName(c.Caller.Account, want.Name)
	if made == nil { // and deleted again
		return nil, theUser.missing(want.Name)
	}
	return []query.Element{showUser(made, whole)}, nil
}

func getUser(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return []query.Element{showUser(u, whole)}, nil
}

func listUsers(c *call) ([]query.Element, error) {
	users := under(c, c.Directory.Users(c.Caller.Account), func(u *directory.User) string { return u.Path })
	return page(c, "Users", users, func(u *directory.User) string { return u.Name },
		func(u *directory.User) query.Element { return showUser(u, listed) })
}

func updateUser(c *call) ([]query.Element, error) {
	err := c.changeUser(func(_ *directory.Snapshot, d *directory.UserDefinition) error {
		d.Path, d.Name = cmp.Or(c.text(nextPath), d.Path), cmp.Or(c.text(nextUser), d.Name)
		return nil
	})
	return nil, theUser.renamed(c.text(nextUser), err)
}

func deleteUser(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return nil, theUser.refusal(u.Name, c.directory.DeleteUser(u))
}

func tagUser(c *call) ([]query.Element, error) {
	return nil, c.changeUser(func(_ *directory.Snapshot, d *directory.UserDefinition) (err error) {
		d.Tags, err = tagged(d.Tags, c.tags)
		return err
	})
}

func untagUser(c *call) ([]query.Element, error) {
	return nil, c.changeUser(func(_ *directory.Snapshot, d *directory.UserDefinition) error {
		d.Tags = untagged(d.Tags, c.keys)
		return nil
	})
}

func listUserTags(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	return tagPage(c, u.Tags)
}

func listGroupsForUser(c *call) ([]query.Element, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	var in []*directory.Group
	for _, name := range slices.Sorted(slices.Values(u.Definition.Groups)) {
		if g := c.Directory.GroupByName(u.Account, name); g != nil {
			in = append(in, g)
		}
	}
	return page(c, "Groups", in, func(g *directory.Group) string { return g.Name }, showGroup)
}

func putUserPermissionsBoundary(c *call) ([]query.Element, error) {
	return nil, c.changeUser(func(s *directory.Snapshot, d *directory.UserDefinition) error {
		d.PermissionsBoundary = c.text(boundaryARN)
		return c.attachable(s, d.PermissionsBoundary, asBoundary)
	})
}

func deleteUserPermissionsBoundary(c *call) ([]query.Element, error) {
	return nil, c.changeUser(func(_ *directory.Snapshot, d *directory.UserDefinition) error {
		if d.PermissionsBoundary == "" {
			return noSuchEntity("User %s has no permissions boundary.", d.Name)
		}
		d.PermissionsBoundary = ""
		return nil
	})
}

// showUser shows a user; lists leave out his boundary and tags, as AWS's do.
func showUser(u *directory.User, whole bool) query.Element {
	e := structure("User", said("Path", u.Path), said("UserName", u.Name), said("UserId", u.UniqueID), said("Arn", u.ARN()),
		instant("CreateDate", u.Created))
	if !whole {
		return e
	}
	e.Children = append(e.Children, boundary(u.Definition.PermissionsBoundary)...)
	if len(u.Tags) > 0 {
		e.Children = append(e.Children, tagsOf(u.Tags))
	}
	return e
}
