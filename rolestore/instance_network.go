package rolestore

import (
	"cmp"
	"net/netip"
	"slices"
)

// NetworkInterface is one of an instance's, as EC2's DescribeNetworkInterfaces
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html) has
// it. Like the rest of [Launch] it is told to the instance alone: nothing is configured by
// it.
type NetworkInterface struct {
	// MAC is its Ethernet address.
	MAC string `json:"mac,omitempty"`
	// DeviceIndex is its number on its network card. The one of index 0 on card 0 is the
	// primary one: eth0.
	DeviceIndex      int `json:"device_index,omitempty"`
	NetworkCardIndex int `json:"network_card_index,omitempty"`
	// ID is eni- and hexadecimal digits.
	ID string `json:"network_interface_id,omitempty"`
	// OwnerID is an account; by default that of the instance's role.
	OwnerID string `json:"owner_id,omitempty"`
	// PrivateIPAddresses are its IPv4 addresses, the primary one first.
	PrivateIPAddresses []PrivateIPAddress `json:"private_ip_addresses,omitzero"`
	// PublicDNSName is the name of its public address.
	PublicDNSName string   `json:"public_dns_name,omitempty"`
	IPv6Addresses []string `json:"ipv6_addresses,omitzero"`
	// IPv4Prefixes and IPv6Prefixes are delegated to it.
	IPv4Prefixes []string `json:"ipv4_prefixes,omitzero"`
	IPv6Prefixes []string `json:"ipv6_prefixes,omitzero"`
	// SecurityGroups are by default those of the instance.
	SecurityGroups       []SecurityGroup `json:"security_groups,omitzero"`
	SubnetID             string          `json:"subnet_id,omitempty"`
	SubnetIPv4CIDRBlock  string          `json:"subnet_ipv4_cidr_block,omitempty"`
	SubnetIPv6CIDRBlocks []string        `json:"subnet_ipv6_cidr_blocks,omitzero"`
	VPCID                string          `json:"vpc_id,omitempty"`
	// VPCIPv4CIDRBlocks begin with the one that the VPC was made with.
	VPCIPv4CIDRBlocks []string `json:"vpc_ipv4_cidr_blocks,omitzero"`
	VPCIPv6CIDRBlocks []string `json:"vpc_ipv6_cidr_blocks,omitzero"`
}

// PrivateIPAddress is an IPv4 address of a network interface, and the public one that is
// associated with it, if there is one.
type PrivateIPAddress struct {
	PrivateIPAddress string `json:"private_ip_address"`
	PublicIP         string `json:"public_ip,omitempty"`
}

// SecurityGroup is EC2's GroupIdentifier.
type SecurityGroup struct {
	ID   string `json:"group_id"`
	Name string `json:"group_name"`
}

func (i NetworkInterface) isPrimary() bool { return i.DeviceIndex == 0 && i.NetworkCardIndex == 0 }

// PublicIPs are the public addresses, in the order of the private ones.
func (i NetworkInterface) PublicIPs() []string {
	var all []string
	for _, a := range i.PrivateIPAddresses {
		if a.PublicIP != "" {
			all = append(all, a.PublicIP)
		}
	}
	return all
}

// NormalLaunch returns l in the one form in which two that mean the same are equal: MAC
// and PrivateIPv4 are those of the primary network interface, wherever they were given,
// and where they were not they are those by which the instance is attached. It changes
// nothing that contradicts itself: see [Instance.Validate].
func NormalLaunch(l Launch, a Attachment) Launch {
	l.NetworkInterfaces = slices.Clone(l.NetworkInterfaces)
	primary := &NetworkInterface{} // nobody's, unless there is one
	for n := range l.NetworkInterfaces {
		i := &l.NetworkInterfaces[n]
		i.MAC = NormalMAC(i.MAC)
		for _, list := range []*[]string{&i.IPv6Addresses, &i.IPv6Prefixes, &i.SubnetIPv6CIDRBlocks, &i.VPCIPv6CIDRBlocks} {
			*list = normalIPv6(*list)
		}
		if i.isPrimary() {
			primary = i
		}
	}
	l.MAC = NormalMAC(cmp.Or(l.MAC, primary.MAC, a.MAC))
	primary.MAC = cmp.Or(primary.MAC, l.MAC)
	if len(primary.PrivateIPAddresses) > 0 {
		l.PrivateIPv4 = cmp.Or(l.PrivateIPv4, primary.PrivateIPAddresses[0].PrivateIPAddress)
	}
	if l.PrivateIPv4 = cmp.Or(l.PrivateIPv4, a.Address); l.PrivateIPv4 != "" && len(primary.PrivateIPAddresses) == 0 {
		primary.PrivateIPAddresses = []PrivateIPAddress{{PrivateIPAddress: l.PrivateIPv4}}
	}
	return l
}

// normalIPv6 returns addresses and prefixes in the spelling of RFC 5952, and what is none
// as it is.
func normalIPv6(texts []string) []string {
	texts = slices.Clone(texts)
	for n, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			texts[n] = ip.String()
		}
		if prefix, err := netip.ParsePrefix(text); err == nil {
			texts[n] = prefix.String()
		}
	}
	return texts
}

// Interfaces returns the network interfaces of a valid instance, the primary one first,
// with their defaults. One that was given no interfaces but an Ethernet address has one.
func (i Instance) Interfaces() []NetworkInterface {
	all := slices.Clone(i.NetworkInterfaces)
	if len(all) == 0 && i.MAC != "" {
		all = []NetworkInterface{{MAC: i.MAC}}
		if i.PrivateIPv4 != "" {
			all[0].PrivateIPAddresses = []PrivateIPAddress{{PrivateIPAddress: i.PrivateIPv4}}
		}
	}
	for n := range all {
		all[n].OwnerID = cmp.Or(all[n].OwnerID, i.Profile.AccountID())
		if len(all[n].SecurityGroups) == 0 {
			all[n].SecurityGroups = i.SecurityGroups
		}
	}
	slices.SortFunc(all, func(a, b NetworkInterface) int {
		return cmp.Or(cmp.Compare(a.NetworkCardIndex, b.NetworkCardIndex), cmp.Compare(a.DeviceIndex, b.DeviceIndex))
	})
	return all
}
