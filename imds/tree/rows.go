package tree

import (
	"cmp"
	"strconv"

	"github.com/rolecall/rolecall/rolestore"
)

// rows is everything that instances are told, but for the identity document and what is
// below network/. What EC2 has for every instance has its default here.
var rows = []row{
	{"dynamic/fws/instance-monitoring", "2009-04-04", Text, one(func(i rolestore.Instance) string { return cmp.Or(i.Monitoring, "disabled") })},
	{"meta-data/ami-id", "1.0", Text, one(func(i rolestore.Instance) string { return i.ImageID })},
	{"meta-data/ami-launch-index", "1.0", Text, one(func(i rolestore.Instance) string { return strconv.Itoa(i.AMILaunchIndex) })},
	{"meta-data/ami-manifest-path", "1.0", Text, one(always("(unknown)"))}, // EC2's word for an image on EBS
	{"meta-data/ancestor-ami-ids", "2007-10-10", Text, several(func(i rolestore.Instance) []string { return i.AncestorAMIIDs })},
	// It is younger than the last version that EC2 lists.
	{"meta-data/autoscaling/target-lifecycle-state", Latest, Text, one(func(i rolestore.Instance) string { return i.Events.TargetLifecycleState })},
	{"meta-data/block-device-mapping/" + each, "2007-12-15", Text, blockDevices},
	{"meta-data/events/maintenance/history", "2018-08-17", Text, one(history)},
	{"meta-data/events/maintenance/scheduled", "2018-08-17", Text, one(scheduled)},
	{"meta-data/events/recommendations/rebalance", "2020-10-27", Text, one(rebalance)},
	{"meta-data/hostname", "1.0", Text, one(hostname)},
	{"meta-data/iam/info", "2012-01-12", RoleInfo, role},
	{"meta-data/iam/security-credentials/" + each, "2012-01-12", RoleCredentials, role},
	// No version lists it: cloud-init would store what it finds in its crawl.
	{"meta-data/iam/security-credentials-extended/" + each, Latest, RoleCredentialsExtended, role},
	{"meta-data/instance-action", "2008-09-01", Text, one(always("none"))}, // no shutdown is under way while it asks
	{"meta-data/instance-id", "1.0", Text, one(func(i rolestore.Instance) string { return i.ID })},
	{"meta-data/instance-life-cycle", "2019-10-01", Text, one(func(i rolestore.Instance) string { return cmp.Or(i.InstanceLifecycle, "on-demand") })},
	{"meta-data/instance-type", "2007-08-29", Text, one(func(i rolestore.Instance) string { return i.InstanceType })},
	{"meta-data/ipv6", "2021-01-03", Text, one(primary(firstIPv6))},
	{"meta-data/kernel-id", "2008-02-01", Text, one(func(i rolestore.Instance) string { return i.KernelID })},
	{"meta-data/local-hostname", "2007-01-19", Text, one(hostname)},
	{"meta-data/local-ipv4", "1.0", Text, one(privateIPv4)},
	{"meta-data/mac", "2011-01-01", Text, one(func(i rolestore.Instance) string { return i.MAC })},
	{"meta-data/placement/availability-zone", "2008-02-01", Text, one(func(i rolestore.Instance) string { return i.Placement.AvailabilityZone })},
	{"meta-data/placement/availability-zone-id", "2019-10-01", Text, one(func(i rolestore.Instance) string { return i.Placement.AvailabilityZoneID })},
	{"meta-data/placement/group-name", "2020-08-24", Text, one(func(i rolestore.Instance) string { return i.Placement.GroupName })},
	{"meta-data/placement/host-id", "2020-08-24", Text, one(func(i rolestore.Instance) string { return i.Placement.HostID })},
	{"meta-data/placement/partition-number", "2020-08-24", Text, one(func(i rolestore.Instance) string { return number(i.Placement.PartitionNumber) })},
	{"meta-data/placement/region", "2020-08-24", Text, one(func(i rolestore.Instance) string { return i.Placement.Region })},
	{"meta-data/product-codes", "2007-03-01", Text, several(productCodes)},
	{"meta-data/public-hostname", "2007-01-19", Text, one(primary(publicHostname))},
	{"meta-data/public-ipv4", "2007-01-19", Text, one(primary(firstPublicIPv4))},
	{"meta-data/public-keys/" + each + "/openssh-key", "1.0", Text, publicKeys},
	{"meta-data/ramdisk-id", "2007-10-10", Text, one(func(i rolestore.Instance) string { return i.RamdiskID })},
	{"meta-data/reservation-id", "1.0", Text, one(func(i rolestore.Instance) string { return i.ReservationID })},
	{"meta-data/security-groups", "1.0", Text, several(securityGroups)},
	{"meta-data/services/domain", "2014-02-25", Text, one(func(i rolestore.Instance) string { return partitionOf(i).domain })},
	{"meta-data/services/partition", "2015-10-20", Text, one(func(i rolestore.Instance) string { return partitionOf(i).name })},
	{"meta-data/spot/instance-action", "2016-11-15", Text, one(spotAction)},
	{"meta-data/spot/termination-time", "2014-11-05", Text, one(terminationTime)},
	// It is younger than the last version that EC2 lists.
	{"meta-data/system", Latest, Text, one(func(i rolestore.Instance) string { return i.Hypervisor })},
	{tagDirectory + "/" + each, tagsSince, Text, tags},
	{"user-data", "1.0", Opaque, one(func(i rolestore.Instance) string { return string(i.UserData) })},
}
