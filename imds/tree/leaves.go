package tree

import (
	"strconv"

	"github.com/rolecall/rolecall/rolestore"
)

// Kind says what a node answers with.
type Kind int

const (
	// Text is what the tree holds.
	Text Kind = iota
	// Opaque is what the tree holds too, bytes of a type that nobody knows.
	Opaque
	// RoleCredentials is the document of the role's credentials, which the server
	// has to fill in.
	RoleCredentials
	// RoleCredentialsExtended is RoleCredentials with the role's account.
	RoleCredentialsExtended
	// RoleInfo is the document iam/info, which the server has to fill in.
	RoleInfo
)

// each in a path stands for the name of each of the row's items.
const each = "{}"

// row is what there may be at a path: of each instance one leaf, or none, or, where
// the path has an [each], any number of them.
type row struct {
	path  string // below the version
	since string // the version that EC2 documents as the first to have it
	kind  Kind
	items func(rolestore.Instance) []item
}

// item is one leaf of a row. Where the server fills in the text, its own is not looked
// at.
type item struct {
	name string // in the place of each
	// entry is how the directory lists the name, if not as it is.
	entry string
	text  string
}

// rows is everything that instances are told, but for the identity document.
var rows = []row{
	{"meta-data/ami-id", "1.0", Text, one(func(i rolestore.Instance) string { return i.ImageID })},
	{"meta-data/autoscaling/target-lifecycle-state", "2021-03-23", Text, one(func(i rolestore.Instance) string { return i.Events.TargetLifecycleState })},
	{"meta-data/events/maintenance/history", "2018-08-17", Text, one(history)},
	{"meta-data/events/maintenance/scheduled", "2018-08-17", Text, one(scheduled)},
	{"meta-data/events/recommendations/rebalance", "2020-10-27", Text, one(rebalance)},
	{"meta-data/hostname", "1.0", Text, one(hostname)},
	{"meta-data/iam/info", "2012-01-12", RoleInfo, role},
	{"meta-data/iam/security-credentials/" + each, "2012-01-12", RoleCredentials, role},
	// No version lists it: cloud-init would store what it finds in its crawl.
	{"meta-data/iam/security-credentials-extended/" + each, Latest, RoleCredentialsExtended, role},
	{"meta-data/instance-id", "1.0", Text, one(func(i rolestore.Instance) string { return i.ID })},
	{"meta-data/instance-type", "2007-08-29", Text, one(func(i rolestore.Instance) string { return i.InstanceType })},
	{"meta-data/local-hostname", "2007-01-19", Text, one(hostname)},
	{"meta-data/local-ipv4", "1.0", Text, one(privateIPv4)},
	{"meta-data/mac", "2011-01-01", Text, one(func(i rolestore.Instance) string { return i.MAC })},
	{"meta-data/network/interfaces/macs/" + each + "/device-number", "2011-01-01", Text, nic(always("0"))},
	{"meta-data/network/interfaces/macs/" + each + "/local-hostname", "2011-01-01", Text, nic(hostname)},
	{"meta-data/network/interfaces/macs/" + each + "/local-ipv4s", "2011-01-01", Text, nic(privateIPv4)},
	{"meta-data/network/interfaces/macs/" + each + "/mac", "2011-01-01", Text, nic(func(i rolestore.Instance) string { return i.MAC })},
	{"meta-data/network/interfaces/macs/" + each + "/owner-id", "2011-01-01", Text, nic(func(i rolestore.Instance) string { return i.Profile.AccountID() })},
	{"meta-data/placement/availability-zone", "2008-02-01", Text, one(func(i rolestore.Instance) string { return i.Placement.AvailabilityZone })},
	{"meta-data/placement/region", "2020-08-24", Text, one(func(i rolestore.Instance) string { return i.Placement.Region })},
	{"meta-data/public-keys/" + each + "/openssh-key", "1.0", Text, publicKeys},
	{"meta-data/services/domain", "2014-02-25", Text, one(always("amazonaws.com"))},
	{"meta-data/services/partition", "2015-10-20", Text, one(always("aws"))},
	{"meta-data/spot/instance-action", "2016-11-15", Text, one(spotAction)},
	{"meta-data/spot/termination-time", "2014-11-05", Text, one(terminationTime)},
	{"user-data", "1.0", Opaque, one(func(i rolestore.Instance) string { return string(i.UserData) })},
}

// one is a leaf with a text; "" says that there is no such leaf.
func one(text func(rolestore.Instance) string) func(rolestore.Instance) []item {
	return func(i rolestore.Instance) []item {
		if t := text(i); t != "" {
			return []item{{text: t}}
		}
		return nil
	}
}

// nic is [one] of the first network interface, whose directory is its MAC address.
func nic(text func(rolestore.Instance) string) func(rolestore.Instance) []item {
	return func(i rolestore.Instance) []item {
		if t := text(i); t != "" && i.MAC != "" {
			return []item{{name: i.MAC, text: t}}
		}
		return nil
	}
}

func role(i rolestore.Instance) []item {
	if name := i.Profile.Role.Name(); name != "" {
		return []item{{name: name}}
	}
	return nil
}

// publicKeys are known by number, and listed with their names behind it.
func publicKeys(i rolestore.Instance) []item {
	var items []item
	for n, k := range i.PublicKeys {
		number := strconv.Itoa(n)
		items = append(items, item{name: number, entry: number + "=" + k.Name, text: k.Key})
	}
	return items
}

func privateIPv4(i rolestore.Instance) string { return i.PrivateIPv4 }

func always(text string) func(rolestore.Instance) string {
	return func(rolestore.Instance) string { return text }
}
