package rolestore

import (
	"fmt"
	"regexp"
)

// Placement is EC2's placement
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Placement.html): where an
// instance runs. All but the first two may be left out.
type Placement struct {
	Region           string `json:"region"`
	AvailabilityZone string `json:"availability_zone"`
	// AvailabilityZoneID is the zone's name in all accounts, such as use1-az4.
	AvailabilityZoneID string `json:"availability_zone_id,omitempty"`
	// GroupName is that of a placement group, and PartitionNumber the instance's part of
	// it, from 1 on; 0 is none.
	GroupName       string `json:"group_name,omitempty"`
	PartitionNumber int    `json:"partition_number,omitempty"`
	// HostID is that of a Dedicated Host.
	HostID string `json:"host_id,omitempty"`
}

// maxPartition is how many partitions a placement group has at most in a zone.
const maxPartition = 7

var (
	zone   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`) // and a region
	zoneID = regexp.MustCompile(`^[a-z0-9-]{1,40}-az[0-9]{1,3}$`)
	hostID = regexp.MustCompile(`^h-[0-9a-f]{8,17}$`)
)

func (p Placement) validate() error {
	switch {
	case p.Region == "" || p.AvailabilityZone == "":
		return fmt.Errorf("placement: want a region and an availability_zone")
	case !zone.MatchString(p.Region):
		return fmt.Errorf("placement.region %q: want letters, digits, dots and hyphens, as in eu-west-1", p.Region)
	case !zone.MatchString(p.AvailabilityZone):
		return fmt.Errorf("placement.availability_zone %q: want letters, digits, dots and hyphens, as in eu-west-1a", p.AvailabilityZone)
	case p.AvailabilityZoneID != "" && !zoneID.MatchString(p.AvailabilityZoneID):
		return fmt.Errorf("placement.availability_zone_id %q: want a zone's id, as in euw1-az2", p.AvailabilityZoneID)
	case p.GroupName != "" && !keyName.MatchString(p.GroupName):
		return fmt.Errorf("placement.group_name %q: want 1 to 255 characters of ASCII", p.GroupName)
	case p.PartitionNumber < 0 || p.PartitionNumber > maxPartition:
		return fmt.Errorf("placement.partition_number %d: want 1 to %d, or leave it out", p.PartitionNumber, maxPartition)
	case p.PartitionNumber > 0 && p.GroupName == "":
		return fmt.Errorf("placement.partition_number %d: want the group_name that it is a partition of", p.PartitionNumber)
	case p.HostID != "" && !hostID.MatchString(p.HostID):
		return fmt.Errorf("placement.host_id %q: want h- and 8 to 17 hexadecimal digits", p.HostID)
	}
	return nil
}
