package iam

import (
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theRole = noun{"role", "RoleName", "The role with name %s cannot be found.", "Role with name %s already exists."}

var trustDocument = policyDocument.as("AssumeRolePolicyDocument")

// roleOperations are those of roles, but for their policies
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html).
var roleOperations = table{
	"CreateRole": {takes: []parameter{path, roleName, trustDocument, roleDescribed, sessionSeconds, boundaryARN.optional(), tags},
		on: newRole, keys: passedBoundary, tagging: "iam:TagRole", do: createRole},
	"GetRole":                {takes: []parameter{roleName}, on: onRole, do: getRole},
	"ListRoles":              {takes: []parameter{pathPrefix, marker, maxItems}, on: onRoles, do: listRoles},
	"UpdateRole":             {takes: []parameter{roleName, roleDescribed, sessionSeconds}, on: onRole, do: updateRole},
	"UpdateRoleDescription":  {takes: []parameter{roleName, roleDescribed.needed()}, on: onRole, do: updateRoleDescription},
	"UpdateAssumeRolePolicy": {takes: []parameter{roleName, policyDocument}, on: onRole, do: updateAssumeRolePolicy},
	"DeleteRole":             {takes: []parameter{roleName}, on: onRole, do: deleteRole},
	"TagRole":                {takes: []parameter{roleName, tags.needed()}, on: onRole, do: tagRole},
	"UntagRole":              {takes: []parameter{roleName, tagKeys}, on: onRole, do: untagRole},
	"ListRoleTags":           {takes: []parameter{roleName, marker, maxItems}, on: onRole, do: listRoleTags},
	"PutRolePermissionsBoundary": {takes: []parameter{roleName, boundaryARN}, on: onRole, keys: passedBoundary,
		do: putRolePermissionsBoundary},
	"DeleteRolePermissionsBoundary": {takes: []parameter{roleName}, on: onRole, keys: roleBoundary,
		do: deleteRolePermissionsBoundary},
}

// roleARN is that of a role of the caller's account.
func (c *call) roleARN(path, name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":role" + path + name
}

func newRole(c *call) target { return target{arn: c.roleARN(c.path(), c.text(roleName))} }

// onRole is the role that is named. One that there is not has an ARN all the same.
func onRole(c *call) target {
	if r := c.Directory.RoleByName(c.Caller.Account, c.text(roleName)); r != nil {
		return target{r.ARN(), r.Tags}
	}
	return target{arn: c.roleARN("/", c.text(roleName))}
}

func onRoles(c *call) target { return target{arn: c.roleARN(c.prefix(), "")} }

// passedBoundary is the permissions boundary that is asked for.
func passedBoundary(c *call, m *policy.Context) {
	if c.has(boundaryARN) {
		m.Set("iam:PermissionsBoundary", c.text(boundaryARN))
	}
}

// roleBoundary is the permissions boundary that the role has.
func roleBoundary(c *call, m *policy.Context) {
	if r := c.Directory.RoleByName(c.Caller.Account, c.text(roleName)); r != nil && r.Definition.PermissionsBoundary != "" {
		m.Set("iam:PermissionsBoundary", r.Definition.PermissionsBoundary)
	}
}

// role is the role that is named.
func (c *call) role() (*directory.Role, error) {
	r := c.Directory.RoleByName(c.Caller.Account, c.text(roleName))
	if r == nil {
		return nil, theRole.missing(c.text(roleName))
	}
	return r, nil
}

// changeRole changes the role that is named.
func (c *call) changeRole(edit func(*directory.Snapshot, *directory.RoleDefinition) error) error {
	r, err := c.role()
	if err != nil {
		return err
	}
	return theRole.refusal(r.Name, c.directory.ChangeRole(r, edit))
}

func createRole(c *call) ([]query.Element, error) {
	want := directory.RoleDefinition{
		Name: c.text(roleName), Path: c.path(), AssumeRolePolicyDocument: []byte(c.text(trustDocument)),
		Description: c.text(roleDescribed), MaxSessionDuration: time.Duration(c.number(sessionSeconds, 3600)) * time.Second,
		PermissionsBoundary: c.text(boundaryARN), Tags: c.tags,
	}
	if err := c.attachable(c.Directory, want.PermissionsBoundary, asBoundary); err != nil {
		return nil, err
	}
	if err := c.directory.CreateRole(c.Caller.Account, want, c.Now); err != nil {
		return nil, theRole.refusal(want.Name, err)
	}
	s := c.directory.Snapshot()
	made := s.RoleByName(c.Caller.Account, want.Name)
	if made == nil { // and deleted again
		return nil, theRole.missing(want.Name)
	}
	return []query.Element{showRole(s, made, whole)}, nil
}

func getRole(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return []query.Element{showRole(c.Directory, r, whole)}, nil
}

func listRoles(c *call) ([]query.Element, error) {
	roles := under(c, c.Directory.Roles(c.Caller.Account), func(r *directory.Role) string { return r.Path })
	return page(c, "Roles", roles, func(r *directory.Role) string { return r.Name },
		func(r *directory.Role) query.Element { return showRole(c.Directory, r, listed) })
}

func updateRole(c *call) ([]query.Element, error) {
	return []query.Element{}, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		if c.has(roleDescribed) {
			d.Description = c.text(roleDescribed)
		}
		d.MaxSessionDuration = time.Duration(c.number(sessionSeconds, 3600)) * time.Second // AWS's own default, also of an update
		return nil
	})
}

func updateRoleDescription(c *call) ([]query.Element, error) {
	err := c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		d.Description = c.text(roleDescribed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.Directory = c.directory.Snapshot()
	return getRole(c)
}

func updateAssumeRolePolicy(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		d.AssumeRolePolicyDocument = []byte(c.text(policyDocument))
		return nil
	})
}

func deleteRole(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return nil, theRole.refusal(r.Name, c.directory.DeleteRole(r))
}

func putRolePermissionsBoundary(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(s *directory.Snapshot, d *directory.RoleDefinition) error {
		d.PermissionsBoundary = c.text(boundaryARN)
		return c.attachable(s, d.PermissionsBoundary, asBoundary)
	})
}

func deleteRolePermissionsBoundary(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		if d.PermissionsBoundary == "" {
			return noSuchEntity("Role %s has no permissions boundary.", d.Name)
		}
		d.PermissionsBoundary = ""
		return nil
	})
}

func tagRole(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) (err error) {
		d.Tags, err = tagged(d.Tags, c.tags)
		return err
	})
}

func untagRole(c *call) ([]query.Element, error) {
	return nil, c.changeRole(func(_ *directory.Snapshot, d *directory.RoleDefinition) error {
		d.Tags = untagged(d.Tags, c.keys)
		return nil
	})
}

func listRoleTags(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return tagPage(c, r.Tags)
}

// How much of a thing is shown: lists leave out what would take a look-up at AWS.
const (
	listed = false
	whole  = true
)

func showRole(s *directory.Snapshot, r *directory.Role, whole bool) query.Element {
	d := r.Definition
	e := structure("Role", said("Path", r.Path), said("RoleName", r.Name), said("RoleId", r.UniqueID), said("Arn", r.ARN()),
		instant("CreateDate", r.Created), document("AssumeRolePolicyDocument", s.TrustText(r)))
	if d.Description != "" {
		e.Children = append(e.Children, said("Description", d.Description))
	}
	e.Children = append(e.Children, query.Number("MaxSessionDuration", int(r.MaxSessionDuration/time.Second)))
	if !whole {
		return e
	}
	e.Children = append(e.Children, boundary(d.PermissionsBoundary)...)
	if len(r.Tags) > 0 {
		e.Children = append(e.Children, tagsOf(r.Tags))
	}
	used := structure("RoleLastUsed")
	if !r.LastUsed.At.IsZero() {
		used = structure("RoleLastUsed", instant("LastUsedDate", r.LastUsed.At), said("Region", r.LastUsed.Region))
	} else {
		used.Children = []query.Element{}
	}
	e.Children = append(e.Children, used)
	return e
}

// boundary shows a permissions boundary, if there is one.
func boundary(arn string) []query.Element {
	if arn == "" {
		return nil
	}
	return []query.Element{structure("PermissionsBoundary", said("PermissionsBoundaryType", "Policy"), said("PermissionsBoundaryArn", arn))}
}

// path is the Path of something new.
func (c *call) path() string {
	if c.has(path) {
		return c.text(path)
	}
	return "/"
}

// prefix is the PathPrefix of a list.
func (c *call) prefix() string {
	if c.has(pathPrefix) {
		return c.text(pathPrefix)
	}
	return "/"
}

// under are those whose path begins as the caller wants.
func under[T any](c *call, all []T, path func(T) string) []T {
	var kept []T
	for _, one := range all {
		if strings.HasPrefix(path(one), c.prefix()) {
			kept = append(kept, one)
		}
	}
	return kept
}
