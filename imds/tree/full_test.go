package tree_test

import (
	"slices"
	"testing"

	"github.com/rolecall/rolecall/imds/tree"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const (
	mac0 = "06:00:00:00:00:01"
	mac1 = "06:00:00:00:00:02"
)

// full is an instance that is told all that there is, on two network cards.
func full() rolestore.Instance {
	i := launched("web-role")
	i.Attachment.Interface = "tap0"
	i.Options = rolestore.DefaultMetadataOptions()
	i.Options.InstanceMetadataTags = "enabled"
	i.Placement = rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1b", AvailabilityZoneID: "euw1-az2",
		GroupName: "close", PartitionNumber: 3, HostID: "h-0123456789abcdef0"}
	i.AncestorAMIIDs, i.AMILaunchIndex, i.ReservationID = []string{"ami-11111111", "ami-22222222"}, 2, "r-046cb3eca3e201d2f"
	i.KernelID, i.RamdiskID, i.Hypervisor, i.Architecture = "aki-5c21674b", "ari-01bb5768", "nitro", "arm64"
	i.InstanceLifecycle, i.Monitoring = "spot", "enabled"
	i.SecurityGroups = []rolestore.SecurityGroup{{ID: "sg-11111111", Name: "default"}}
	i.BlockDevices = map[string]string{"ami": "/dev/xvda", "ebs1": "sdb"}
	i.ProductCodes = []rolestore.ProductCode{{ID: "abc123", Type: "marketplace"}, {ID: "def456", Type: "devpay"}}
	i.Tags = map[string]string{"Name": "web", "a+-=.,_:@Z": "", "aws:autoscaling:groupName": "web fleet"}
	i.NetworkInterfaces = []rolestore.NetworkInterface{
		{MAC: mac1, DeviceIndex: 1, NetworkCardIndex: 1, ID: "eni-22222222", OwnerID: "210987654321", IPv6Addresses: []string{"2001:db8:0:1::5"},
			SecurityGroups: []rolestore.SecurityGroup{{ID: "sg-22222222", Name: "db"}, {ID: "sg-33333333", Name: "web db"}}},
		{MAC: mac0, ID: "eni-11111111", PublicDNSName: "ec2-198-51-100-5.eu-west-1.compute.amazonaws.com",
			PrivateIPAddresses: []rolestore.PrivateIPAddress{{PrivateIPAddress: "10.0.0.5", PublicIP: "198.51.100.5"}, {PrivateIPAddress: "10.0.0.6", PublicIP: "198.51.100.6"}},
			IPv6Addresses:      []string{"2001:db8::5", "2001:db8::6"}, IPv4Prefixes: []string{"10.0.0.16/28"}, IPv6Prefixes: []string{"2001:db8:0:0:1::/80"},
			SubnetID: "subnet-11111111", SubnetIPv4CIDRBlock: "10.0.0.0/24", SubnetIPv6CIDRBlocks: []string{"2001:db8::/64"},
			VPCID: "vpc-11111111", VPCIPv4CIDRBlocks: []string{"10.0.0.0/16", "10.1.0.0/16"}, VPCIPv6CIDRBlocks: []string{"2001:db8::/56"}},
	}
	return i
}

// TestEachCategoryIsThereFromItsVersionOn has the dates of AWS's table of categories:
// that of a category is no version that EC2 lists, and its first one is the next. What is
// younger than all of them only the latest has.
func TestEachCategoryIsThereFromItsVersionOn(t *testing.T) {
	const nic0, nic1 = "meta-data/network/interfaces/macs/" + mac0 + "/", "meta-data/network/interfaces/macs/" + mac1 + "/"
	if err := full().Validate(); err != nil {
		t.Fatal(err)
	}
	tr := tree.New(full(), identity.Signed{})
	for _, test := range []struct{ path, since, want string }{
		{"dynamic/fws/instance-monitoring", "2009-04-04", "enabled"},
		{"meta-data/ami-launch-index", "1.0", "2"},
		{"meta-data/ami-manifest-path", "1.0", "(unknown)"},
		{"meta-data/ancestor-ami-ids", "2007-10-10", "ami-11111111\nami-22222222"},
		{"meta-data/block-device-mapping", "2007-12-15", "ami\nebs1"},
		{"meta-data/block-device-mapping/ami", "2007-12-15", "/dev/xvda"},
		{"meta-data/block-device-mapping/ebs1", "2007-12-15", "sdb"},
		{"meta-data/instance-action", "2008-09-01", "none"},
		{"meta-data/instance-life-cycle", "2019-10-01", "spot"},
		{"meta-data/instance-type", "2007-08-29", "m7i.large"},
		{"meta-data/ipv6", "2021-01-03", "2001:db8::5"},
		{"meta-data/kernel-id", "2008-02-01", "aki-5c21674b"},
		{"meta-data/local-ipv4", "1.0", "10.0.0.5"},
		{"meta-data/mac", "2011-01-01", mac0},
		{"meta-data/network/interfaces/macs", "2011-01-01", mac0 + "/\n" + mac1 + "/"},
		{nic0, "2021-01-03", "device-number\ninterface-id\nipv4-associations/\nipv6s\nlocal-hostname\nlocal-ipv4s\nmac\nnetwork-card\nnetwork-card-index\nowner-id\n" +
			"public-hostname\npublic-ipv4s\nsecurity-group-ids\nsecurity-groups\nsubnet-id\nsubnet-ipv4-cidr-block\nsubnet-ipv6-cidr-blocks\nvpc-id\n" +
			"vpc-ipv4-cidr-block\nvpc-ipv4-cidr-blocks\nvpc-ipv6-cidr-blocks"},
		{nic0 + "device-number", "2011-01-01", "0"},
		{nic0 + "interface-id", "2011-01-01", "eni-11111111"},
		{nic0 + "ipv4-associations", "2011-01-01", "198.51.100.5\n198.51.100.6"},
		{nic0 + "ipv4-associations/198.51.100.6", "2011-01-01", "10.0.0.6"},
		{nic0 + "ipv4-prefix", "latest", "10.0.0.16/28"},
		{nic0 + "ipv6-prefix", "latest", "2001:db8:0:0:1::/80"},
		{nic0 + "ipv6s", "2016-06-30", "2001:db8::5\n2001:db8::6"},
		{nic0 + "local-hostname", "2011-01-01", "ip-10-0-0-5.eu-west-1.compute.internal"},
		{nic0 + "local-ipv4s", "2011-01-01", "10.0.0.5\n10.0.0.6"},
		{nic0 + "network-card", "2021-01-03", "0"},
		{nic0 + "owner-id", "2011-01-01", "123456789012"},
		{nic0 + "public-hostname", "2011-01-01", "ec2-198-51-100-5.eu-west-1.compute.amazonaws.com"},
		{nic0 + "public-ipv4s", "2011-01-01", "198.51.100.5\n198.51.100.6"},
		{nic0 + "security-group-ids", "2011-01-01", "sg-11111111"},
		{nic0 + "security-groups", "2011-01-01", "default"},
		{nic0 + "subnet-id", "2011-01-01", "subnet-11111111"},
		{nic0 + "subnet-ipv4-cidr-block", "2011-01-01", "10.0.0.0/24"},
		{nic0 + "subnet-ipv6-cidr-blocks", "2016-06-30", "2001:db8::/64"},
		{nic0 + "vpc-id", "2011-01-01", "vpc-11111111"},
		{nic0 + "vpc-ipv4-cidr-block", "2011-01-01", "10.0.0.0/16"},
		{nic0 + "vpc-ipv4-cidr-blocks", "2016-06-30", "10.0.0.0/16\n10.1.0.0/16"},
		{nic0 + "vpc-ipv6-cidr-blocks", "2016-06-30", "2001:db8::/56"},
		{nic1 + "device-number", "2011-01-01", "1"},
		{nic1 + "local-hostname", "2011-01-01", "i-0123456789abcdef0.eu-west-1.compute.internal"},
		{nic1 + "network-card-index", "2021-01-03", "1"},
		{nic1 + "owner-id", "2011-01-01", "210987654321"},
		{nic1 + "security-group-ids", "2011-01-01", "sg-22222222\nsg-33333333"},
		{nic1 + "security-groups", "2011-01-01", "db\nweb db"},
		{"meta-data/placement", "2020-10-27", "availability-zone\navailability-zone-id\ngroup-name\nhost-id\npartition-number\nregion"},
		{"meta-data/placement/availability-zone-id", "2019-10-01", "euw1-az2"},
		{"meta-data/placement/group-name", "2020-10-27", "close"},
		{"meta-data/placement/host-id", "2020-10-27", "h-0123456789abcdef0"},
		{"meta-data/placement/partition-number", "2020-10-27", "3"},
		{"meta-data/product-codes", "2007-03-01", "abc123\ndef456"},
		{"meta-data/public-hostname", "2007-01-19", "ec2-198-51-100-5.eu-west-1.compute.amazonaws.com"},
		{"meta-data/public-ipv4", "2007-01-19", "198.51.100.5"},
		{"meta-data/ramdisk-id", "2007-10-10", "ari-01bb5768"},
		{"meta-data/reservation-id", "1.0", "r-046cb3eca3e201d2f"},
		{"meta-data/security-groups", "1.0", "default"},
		{"meta-data/system", "latest", "nitro"},
		{"meta-data/tags", "2021-03-23", "instance/"},
		{"meta-data/tags/instance", "2021-03-23", "Name\na+-=.,_:@Z\naws:autoscaling:groupName"},
		{"meta-data/tags/instance/Name", "2021-03-23", "web"},
		{"meta-data/tags/instance/a+-=.,_:@Z", "2021-03-23", ""},
		{"meta-data/tags/instance/aws:autoscaling:groupName", "2021-03-23", "web fleet"},
	} {
		since := slices.Index(tree.Versions(), test.since)
		n, ok := tr.Lookup("/" + test.since + "/" + test.path)
		if !ok || string(n.Body) != test.want {
			t.Errorf("%s of %s is %q (%t), want %q", test.path, test.since, n.Body, ok, test.want)
		}
		if _, ok := tr.Lookup("/latest/" + test.path); !ok {
			t.Errorf("the latest version has no %s", test.path)
		}
		if since == 0 || test.path == nic0 || test.path == "meta-data/placement" {
			continue // a directory is as old as its oldest leaf
		}
		if n, ok := tr.Lookup("/" + tree.Versions()[since-1] + "/" + test.path); ok {
			t.Errorf("%s is %q in %s already", test.path, n.Body, tree.Versions()[since-1])
		}
	}
}

func TestTagsAreToldWhereTheOptionsSaySo(t *testing.T) {
	for name, change := range map[string]func(*rolestore.Instance){
		"disabled":              func(i *rolestore.Instance) { i.Options.InstanceMetadataTags = "disabled" },
		"as of an old instance": func(i *rolestore.Instance) { i.Options.InstanceMetadataTags = "" },
		"without tags":          func(i *rolestore.Instance) { i.Tags = nil },
	} {
		i := full()
		change(&i)
		tr := tree.New(i, identity.Signed{})
		if n, ok := tr.Lookup("/2021-03-23/meta-data/tags/instance/"); !ok || len(n.Body) != 0 {
			t.Errorf("%s: tags/instance is %q (%t), want nothing at all", name, n.Body, ok)
		}
		if _, ok := tr.Lookup("/2021-01-03/meta-data/tags/instance/"); ok {
			t.Errorf("%s: tags/instance is older than it is", name)
		}
		for _, path := range []string{"tags", "tags/", "tags/instance/Name"} {
			if n, ok := tr.Lookup("/latest/meta-data/" + path); ok {
				t.Errorf("%s: %s answers %q", name, path, n.Body)
			}
		}
	}
}

// TestPartitions has the partition of the role's ARN, or that of the region.
func TestPartitions(t *testing.T) {
	for _, test := range []struct{ arn, region, partition, domain string }{
		{"", "eu-west-1", "aws", "amazonaws.com"},
		{"", "cn-north-1", "aws-cn", "amazonaws.com.cn"},
		{"", "us-gov-west-1", "aws-us-gov", "amazonaws.com"},
		{"", "us-iso-east-1", "aws-iso", "c2s.ic.gov"},
		{"", "here", "aws", "amazonaws.com"},
		{"arn:aws-cn:iam::123456789012:instance-profile/web", "here", "aws-cn", "amazonaws.com.cn"},
		{"arn:aws:iam::123456789012:instance-profile/web", "cn-north-1", "aws", "amazonaws.com"},
	} {
		i := instance("")
		i.Profile.ARN, i.Placement.Region = test.arn, test.region
		tr := tree.New(i, identity.Signed{})
		for path, want := range map[string]string{"partition": test.partition, "domain": test.domain} {
			if n, _ := tr.Lookup("/latest/meta-data/services/" + path); string(n.Body) != want {
				t.Errorf("%+v: %s is %q, want %q", test, path, n.Body, want)
			}
		}
	}
}
