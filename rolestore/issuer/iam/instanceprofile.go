package iam

import (
	"cmp"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var theProfile = noun{"instance profile", "InstanceProfileName", "Instance Profile %s cannot be found.", "Instance Profile %s already exists."}

var profileName = parameter{name: "InstanceProfileName", required: true, min: 1, max: 128, pattern: nameChars, shown: `[\w+=,.@-]+`}

// passedToEC2 is the service that a role is passed to which is put into a profile.
const passedToEC2 = "ec2.amazonaws.com"

// profileOperations are those of instance profiles
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html).
var profileOperations = table{
	"CreateInstanceProfile": {takes: []parameter{profileName, path, tags}, on: newProfile, tagging: "iam:TagInstanceProfile",
		do: createInstanceProfile},
	"GetInstanceProfile":            {takes: []parameter{profileName}, on: onProfile, do: getInstanceProfile},
	"ListInstanceProfiles":          {takes: []parameter{pathPrefix, marker, maxItems}, on: onProfiles, do: listInstanceProfiles},
	"ListInstanceProfilesForRole":   {takes: []parameter{roleName, marker, maxItems}, on: onRole, do: listInstanceProfilesForRole},
	"DeleteInstanceProfile":         {takes: []parameter{profileName}, on: onProfile, do: deleteInstanceProfile},
	"AddRoleToInstanceProfile":      {takes: []parameter{profileName, roleName}, on: onProfile, passes: passedToEC2, do: addRoleToInstanceProfile},
	"RemoveRoleFromInstanceProfile": {takes: []parameter{profileName, roleName}, on: onProfile, do: removeRoleFromInstanceProfile},
	"TagInstanceProfile":            {takes: []parameter{profileName, tags.needed()}, on: onProfile, do: tagInstanceProfile},
	"UntagInstanceProfile":          {takes: []parameter{profileName, tagKeys}, on: onProfile, do: untagInstanceProfile},
	"ListInstanceProfileTags":       {takes: []parameter{profileName, marker, maxItems}, on: onProfile, do: listInstanceProfileTags},
}

// profileARN is that of an instance profile of the caller's account.
func (c *call) profileARN(path, name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":instance-profile" + path + name
}

func newProfile(c *call) target { return target{arn: c.profileARN(c.path(), c.text(profileName))} }

// onProfile is the instance profile that is named. One that there is not has an ARN all
// the same.
func onProfile(c *call) target {
	if p := c.Directory.InstanceProfileByName(c.Caller.Account, c.text(profileName)); p != nil {
		return target{p.ARN(), p.Tags}
	}
	return target{arn: c.profileARN("/", c.text(profileName))}
}

func onProfiles(c *call) target { return target{arn: c.profileARN(c.prefix(), "")} }

// profile is the instance profile that is named.
func (c *call) profile() (*directory.InstanceProfile, error) {
	p := c.Directory.InstanceProfileByName(c.Caller.Account, c.text(profileName))
	if p == nil {
		return nil, theProfile.missing(c.text(profileName))
	}
	return p, nil
}

// changeProfile changes the instance profile that is named.
func (c *call) changeProfile(edit func(*directory.Snapshot, *directory.InstanceProfileDefinition) error) error {
	p, err := c.profile()
	if err != nil {
		return err
	}
	return theProfile.refusal(p.Name, c.directory.ChangeInstanceProfile(p, edit))
}

func createInstanceProfile(c *call) ([]query.Element, error) {
	want := directory.InstanceProfileDefinition{Name: c.text(profileName), Path: c.path(), Tags: c.tags}
	if err := c.directory.CreateInstanceProfile(c.Caller.Account, want, c.Now); err != nil {
		return nil, theProfile.refusal(want.Name, err)
	}
	c.Directory = c.directory.Snapshot()
	return getInstanceProfile(c)
}

func getInstanceProfile(c *call) ([]query.Element, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	return []query.Element{showProfile(c.Directory, p, whole)}, nil
}

func listInstanceProfiles(c *call) ([]query.Element, error) {
	all := under(c, c.Directory.InstanceProfiles(c.Caller.Account), func(p *directory.InstanceProfile) string { return p.Path })
	slices.SortFunc(all, func(a, b *directory.InstanceProfile) int { return cmp.Compare(a.Name, b.Name) })
	return profilePage(c, all)
}

func listInstanceProfilesForRole(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return profilePage(c, c.Directory.ProfilesOf(r))
}

// profilePage lists instance profiles, which are in the order of their names.
func profilePage(c *call, all []*directory.InstanceProfile) ([]query.Element, error) {
	return page(c, "InstanceProfiles", all, func(p *directory.InstanceProfile) string { return p.Name },
		func(p *directory.InstanceProfile) query.Element { return showProfile(c.Directory, p, listed) })
}

func deleteInstanceProfile(c *call) ([]query.Element, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	return nil, theProfile.refusal(p.Name, c.directory.DeleteInstanceProfile(p))
}

// addRoleToInstanceProfile puts the very role into a profile that the caller may pass, not
// one that was made anew under its name meanwhile.
func addRoleToInstanceProfile(c *call) ([]query.Element, error) {
	r, err := c.role()
	if err != nil {
		return nil, err
	}
	return nil, c.changeProfile(func(s *directory.Snapshot, d *directory.InstanceProfileDefinition) error {
		switch {
		case s.RoleByID(r.UniqueID) == nil:
			return theRole.missing(r.Name)
		case d.Role != "":
			return limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		d.Role = r.Name
		return nil
	})
}

func removeRoleFromInstanceProfile(c *call) ([]query.Element, error) {
	return nil, c.changeProfile(func(_ *directory.Snapshot, d *directory.InstanceProfileDefinition) error {
		if d.Role != c.text(roleName) {
			return noSuchEntity("The role with name %s cannot be found in instance profile %s.", c.text(roleName), d.Name)
		}
		d.Role = ""
		return nil
	})
}

func tagInstanceProfile(c *call) ([]query.Element, error) {
	return nil, c.changeProfile(func(_ *directory.Snapshot, d *directory.InstanceProfileDefinition) (err error) {
		d.Tags, err = tagged(d.Tags, c.tags)
		return err
	})
}

func untagInstanceProfile(c *call) ([]query.Element, error) {
	return nil, c.changeProfile(func(_ *directory.Snapshot, d *directory.InstanceProfileDefinition) error {
		d.Tags = untagged(d.Tags, c.keys)
		return nil
	})
}

func listInstanceProfileTags(c *call) ([]query.Element, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	return tagPage(c, p.Tags)
}

func showProfile(s *directory.Snapshot, p *directory.InstanceProfile, whole bool) query.Element {
	roles := query.Element{Name: "Roles", Children: []query.Element{}, List: true}
	if r := s.RoleByName(p.Account, p.Role); r != nil {
		role := showRole(s, r, listed)
		role.Name = "member"
		roles.Children = append(roles.Children, role)
	}
	e := structure("InstanceProfile", said("Path", p.Path), said("InstanceProfileName", p.Name), said("InstanceProfileId", p.UniqueID),
		said("Arn", p.ARN()), instant("CreateDate", p.Created), roles)
	if whole && len(p.Tags) > 0 {
		e.Children = append(e.Children, tagsOf(p.Tags))
	}
	return e
}
