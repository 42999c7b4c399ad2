package tree

import (
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// hostname is the instance's own, or else the one that EC2 would give it.
func hostname(i rolestore.Instance) string {
	if i.Hostname != "" {
		return i.Hostname
	}
	return ec2Name(i, i.PrivateIPv4)
}

// localHostname is the name of a network interface: of the primary one that of the
// instance.
func localHostname(i rolestore.Instance, n rolestore.NetworkInterface) string {
	if n.MAC == i.MAC {
		return hostname(i)
	}
	return ec2Name(i, first(privateIPs(n)))
}

// ec2Name is a name by an address, or, where that is not known, by the instance's id
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html).
func ec2Name(i rolestore.Instance, address string) string {
	name := i.ID
	if address != "" {
		name = "ip-" + strings.ReplaceAll(address, ".", "-")
	}
	if i.Placement.Region == "us-east-1" {
		return name + ".ec2.internal"
	}
	return name + "." + i.Placement.Region + ".compute.internal"
}
