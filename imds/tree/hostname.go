package tree

import (
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// hostname is the instance's own, or else the one that EC2 would give it: by its
// address, or, where that is not known, by its id
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html).
func hostname(i rolestore.Instance) string {
	if i.Hostname != "" {
		return i.Hostname
	}
	name := i.ID
	if i.PrivateIPv4 != "" {
		name = "ip-" + strings.ReplaceAll(i.PrivateIPv4, ".", "-")
	}
	if i.Placement.Region == "us-east-1" {
		return name + ".ec2.internal"
	}
	return name + "." + i.Placement.Region + ".compute.internal"
}
