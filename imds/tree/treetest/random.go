package treetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// Random returns a valid instance that is told some of what an instance can be told.
func Random(r *rand.Rand) rolestore.Instance {
	i := rolestore.Instance{
		ID: "i-" + digits(r, 17), Attachment: rolestore.Attachment{Interface: "tap0"}, Options: rolestore.DefaultMetadataOptions(),
		Placement: rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1b"},
	}
	for _, change := range changes {
		if next := i; r.IntN(3) > 0 { // not all, so that what is left out is seen too
			change(r, &next)
			next.Launch = rolestore.NormalLaunch(next.Launch, next.Attachment)
			if next.Validate() == nil {
				i = next
			}
		}
	}
	return i
}

// changes tell an instance something. What they draw may be refused: then the instance
// is left as it was.
var changes = []func(*rand.Rand, *rolestore.Instance){
	func(r *rand.Rand, i *rolestore.Instance) {
		i.Profile = rolestore.InstanceProfile{ARN: "arn:aws:iam::123456789012:instance-profile/web",
			Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/a/" + drawn(r, "abcz09_+=,.@-", 64)}}
	},
	func(r *rand.Rand, i *rolestore.Instance) {
		i.Placement.Region = among(r, "us-east-1", "cn-north-1", "us-gov-west-1")
		i.Placement.AvailabilityZone = i.Placement.Region + "a"
	},
	func(_ *rand.Rand, i *rolestore.Instance) { i.Placement.AvailabilityZoneID = "euw1-az2" },
	func(r *rand.Rand, i *rolestore.Instance) { i.Placement.GroupName = drawn(r, wild, 255) },
	func(r *rand.Rand, i *rolestore.Instance) { i.Placement.PartitionNumber = r.IntN(9) },
	func(r *rand.Rand, i *rolestore.Instance) { i.Placement.HostID = "h-" + digits(r, 17) },
	func(r *rand.Rand, i *rolestore.Instance) { i.ImageID = "ami-" + digits(r, 8) },
	func(r *rand.Rand, i *rolestore.Instance) {
		i.AncestorAMIIDs = []string{"ami-" + digits(r, 17), "ami-" + digits(r, 8)}[r.IntN(2):]
	},
	func(r *rand.Rand, i *rolestore.Instance) { i.AMILaunchIndex = r.IntN(1000) },
	func(r *rand.Rand, i *rolestore.Instance) { i.ReservationID = "r-" + digits(r, 17) },
	func(r *rand.Rand, i *rolestore.Instance) { i.KernelID = "aki-" + digits(r, 8) },
	func(r *rand.Rand, i *rolestore.Instance) { i.RamdiskID = "ari-" + digits(r, 8) },
	func(r *rand.Rand, i *rolestore.Instance) { i.InstanceType = "m7i.large" },
	func(r *rand.Rand, i *rolestore.Instance) { i.InstanceLifecycle = among(r, "spot", "on-demand") },
	func(r *rand.Rand, i *rolestore.Instance) { i.Hypervisor = among(r, "xen", "nitro") },
	func(r *rand.Rand, i *rolestore.Instance) { i.Monitoring = among(r, "enabled", "disabled") },
	func(r *rand.Rand, i *rolestore.Instance) { i.Hostname = drawn(r, "ab-.", 30) },
	func(r *rand.Rand, i *rolestore.Instance) { i.PrivateIPv4 = "10.0.0.5" },
	func(r *rand.Rand, i *rolestore.Instance) { i.MAC = "06:00:00:00:00:ff" },
	func(r *rand.Rand, i *rolestore.Instance) { i.SecurityGroups = groups(r) },
	networkInterfaces,
	func(r *rand.Rand, i *rolestore.Instance) {
		i.BlockDevices = map[string]string{"ami": "xvda", "root": "/dev/xvda"}
		i.BlockDevices[among(r, "ebs", "ephemeral")+fmt.Sprint(r.IntN(30))] = "sd" + drawn(r, "abc", 1)
	},
	func(r *rand.Rand, i *rolestore.Instance) {
		i.ProductCodes = []rolestore.ProductCode{{ID: digits(r, 25), Type: "marketplace"}, {ID: digits(r, 8), Type: "devpay"}}[r.IntN(2):]
	},
	func(r *rand.Rand, i *rolestore.Instance) {
		for range 1 + r.IntN(12) { // a name may come twice, as on EC2
			i.PublicKeys = append(i.PublicKeys, rolestore.PublicKey{Name: drawn(r, wild, 3), Key: "ssh-ed25519 AAAA " + drawn(r, wild, 9)})
		}
	},
	func(_ *rand.Rand, i *rolestore.Instance) { i.Options.InstanceMetadataTags = "enabled" },
	tag, tag, tag, tag,
	func(r *rand.Rand, i *rolestore.Instance) { i.UserData = []byte(drawn(r, "\x00\xff\na", 20)) },
	func(r *rand.Rand, i *rolestore.Instance) {
		at := time.Unix(r.Int64N(1<<32), 0)
		i.Events = rolestore.Events{RebalanceNotice: at, TargetLifecycleState: "InService",
			SpotInterruption: rolestore.SpotInterruption{Action: among(r, "terminate", "stop"), Time: at},
			Maintenance:      []rolestore.Maintenance{{EventID: "x", Description: drawn(r, wild, 9), State: among(r, "active", "canceled")}}}
	},
}

// wild is what names are drawn of: what lists, paths and cloud-init take for something
// else.
const wild = "a0=/+-_.,:@ {}%?#\n"

func tag(r *rand.Rand, i *rolestore.Instance) {
	tags := map[string]string{drawn(r, wild, 3): drawn(r, wild, 5)[1:]}
	for key, value := range i.Tags {
		tags[key] = value
	}
	i.Tags = tags
}

func networkInterfaces(r *rand.Rand, i *rolestore.Instance) {
	count, cards := 1+r.IntN(4), r.IntN(2)
	for n := range count {
		nic := rolestore.NetworkInterface{
			MAC: fmt.Sprintf("06-00-00-00-00-0%X", n), DeviceIndex: n, NetworkCardIndex: min(cards, n), ID: "eni-" + digits(r, 17),
			SubnetID: "subnet-" + digits(r, 17), VPCID: "vpc-" + digits(r, 17),
		}
		subnet := fmt.Sprintf("10.0.%d.", n)
		nic.SubnetIPv4CIDRBlock, nic.VPCIPv4CIDRBlocks = subnet+"0/24", []string{"10.0.0.0/16", "10.1.0.0/16"}
		for a := range r.IntN(4) {
			address := rolestore.PrivateIPAddress{PrivateIPAddress: fmt.Sprint(subnet, 5+a)}
			if r.IntN(2) > 0 {
				address.PublicIP = fmt.Sprintf("198.51.%d.%d", n, 5+a)
				nic.PublicDNSName = "ec2-" + strings.ReplaceAll(address.PublicIP, ".", "-") + ".compute-1.amazonaws.com"
			}
			nic.PrivateIPAddresses = append(nic.PrivateIPAddresses, address)
		}
		if r.IntN(2) > 0 {
			nic.SubnetIPv6CIDRBlocks, nic.VPCIPv6CIDRBlocks = []string{fmt.Sprintf("2001:db8:0:%d::/64", n)}, []string{"2001:db8::/56"}
			nic.IPv6Addresses = []string{fmt.Sprintf("2001:DB8:0:%d:0::5", n), fmt.Sprintf("2001:db8:0:%d::6", n)}[r.IntN(2):]
			nic.IPv6Prefixes = []string{fmt.Sprintf("2001:db8:0:%d:1::/80", n)}
			nic.IPv4Prefixes = []string{subnet + "16/28", subnet + "32/28"}
		}
		if r.IntN(2) > 0 {
			nic.SecurityGroups, nic.OwnerID = groups(r), "210987654321"
		}
		i.NetworkInterfaces = append(i.NetworkInterfaces, nic)
	}
	r.Shuffle(count, func(a, b int) {
		i.NetworkInterfaces[a], i.NetworkInterfaces[b] = i.NetworkInterfaces[b], i.NetworkInterfaces[a]
	})
	i.PrivateIPv4, i.MAC = "", "" // they are told here
}

func groups(r *rand.Rand) []rolestore.SecurityGroup {
	return slices.Repeat([]rolestore.SecurityGroup{{ID: "sg-" + digits(r, 17), Name: "a" + drawn(r, "ab /=", 9) + "b"}}, 1+r.IntN(3))
}

func digits(r *rand.Rand, n int) string { return drawn(r, "0123456789abcdef", -n) }

// drawn is a text of 1 to n characters, or of -n exactly.
func drawn(r *rand.Rand, of string, n int) string {
	length := -n
	if n > 0 {
		length = 1 + r.IntN(n)
	}
	b := make([]byte, length)
	for k := range b {
		b[k] = of[r.IntN(len(of))]
	}
	return string(b)
}

func among(r *rand.Rand, texts ...string) string { return texts[r.IntN(len(texts))] }
