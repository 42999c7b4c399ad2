package tree

import "github.com/rolecall/rolecall/rolestore"

// Live says what a leaf answers, where that changes while the instance runs.
type Live int

const (
	// Static leaves and directories have their text in the tree.
	Static Live = iota
	// RoleCredentials is the document of the role's credentials.
	RoleCredentials
	// RoleInfo is the document iam/info.
	RoleInfo
)

// roleName in a path stands for the name of the instance's role.
const roleName = "{role}"

// leaf is a row of the table.
type leaf struct {
	path  string // below the version
	since string // the version that EC2 documents as the leaf's first
	live  Live
	// text is what the leaf answers; "" says that there is no such leaf. Of a
	// live leaf it says no more than whether there is one.
	text func(rolestore.Instance) string
}

// leaves is everything that instances are told.
var leaves = []leaf{
	{"meta-data/iam/info", "2012-01-12", RoleInfo, role},
	{"meta-data/iam/security-credentials/" + roleName, "2012-01-12", RoleCredentials, role},
	{"meta-data/instance-id", "1.0", Static, func(i rolestore.Instance) string { return i.ID }},
	{"meta-data/placement/availability-zone", "2008-02-01", Static, func(i rolestore.Instance) string { return i.Placement.AvailabilityZone }},
	{"meta-data/placement/region", "2020-08-24", Static, func(i rolestore.Instance) string { return i.Placement.Region }},
	{"meta-data/services/domain", "2014-02-25", Static, always("amazonaws.com")},
	{"meta-data/services/partition", "2015-10-20", Static, always("aws")},
}

func role(i rolestore.Instance) string { return i.Profile.Role.Name() }

func always(text string) func(rolestore.Instance) string {
	return func(rolestore.Instance) string { return text }
}
