package link

import "net/netip"

// The addresses at which containers find their credentials: those of ECS's task
// metadata
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html)
// and of EKS's pod identities
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
var (
	TaskIPv4 = netip.AddrFrom4([4]byte{169, 254, 170, 2})
	PodIPv4  = netip.AddrFrom4([4]byte{169, 254, 170, 23})
	PodIPv6  = netip.MustParseAddr("fd00:ec2::23")
)

// Served are all addresses that are ours to serve, and to keep from others.
func Served() []netip.Addr {
	return []netip.Addr{MetadataIPv4, TaskIPv4, PodIPv4, MetadataIPv6, PodIPv6}
}
