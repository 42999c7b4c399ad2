package tree

import (
	"strings"

	"github.com/rolecall/rolecall/rolestore"
)

// partition is one of AWS's, with the domain that its services have
// (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html).
type partition struct{ name, regions, domain string }

// partitions are known by the beginning of their regions' names; the last has all others.
var partitions = []partition{
	{"aws-cn", "cn-", "amazonaws.com.cn"},
	{"aws-us-gov", "us-gov-", "amazonaws.com"},
	{"aws-iso", "us-iso-", "c2s.ic.gov"},
	{"aws-iso-b", "us-isob-", "sc2s.sgov.gov"},
	{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"},
	{"aws-iso-f", "us-isof-", "csp.hci.ic.gov"},
	{"aws-eusc", "eusc-", "amazonaws.eu"},
	{"aws", "", "amazonaws.com"},
}

// partitionOf is the one of the role, for programs put ARNs together by it, and without a
// role that of the region.
func partitionOf(i rolestore.Instance) partition {
	arn := strings.Split(i.Profile.ARN, ":")
	for _, p := range partitions {
		if len(arn) > 1 && arn[1] == p.name {
			return p
		}
	}
	for _, p := range partitions {
		if strings.HasPrefix(i.Placement.Region, p.regions) {
			return p
		}
	}
	panic("the last partition has all regions")
}
