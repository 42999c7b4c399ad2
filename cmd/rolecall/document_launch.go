package main

import "github.com/rolecall/rolecall/rolestore"

// What an instance's file says of the instance itself: [rolestore.Launch], by the same
// names.
type (
	fileLaunch struct {
		ImageID           string              `yaml:"image_id"`
		AncestorAMIIDs    []string            `yaml:"ancestor_ami_ids"`
		AMILaunchIndex    int                 `yaml:"ami_launch_index"`
		ReservationID     string              `yaml:"reservation_id"`
		KernelID          string              `yaml:"kernel_id"`
		RamdiskID         string              `yaml:"ramdisk_id"`
		InstanceType      string              `yaml:"instance_type"`
		InstanceLifecycle string              `yaml:"instance_lifecycle"`
		Architecture      string              `yaml:"architecture"`
		Hypervisor        string              `yaml:"hypervisor"`
		Monitoring        string              `yaml:"monitoring"`
		Hostname          string              `yaml:"hostname"`
		PrivateIPv4       string              `yaml:"private_ipv4"`
		MAC               string              `yaml:"mac"`
		SecurityGroups    []fileSecurityGroup `yaml:"security_groups"`
		Interfaces        []fileInterface     `yaml:"network_interfaces"`
		BlockDevices      map[string]string   `yaml:"block_devices"`
		ProductCodes      []fileProductCode   `yaml:"product_codes"`
		PublicKeys        []filePublicKey     `yaml:"public_keys"`
		Tags              map[string]string   `yaml:"tags"`
	}
	filePublicKey struct {
		Name string `yaml:"key_name"`
		Key  string `yaml:"public_key"`
	}
	fileProductCode struct {
		ID   string `yaml:"product_code_id"`
		Type string `yaml:"product_code_type"`
	}
	fileSecurityGroup struct {
		ID   string `yaml:"group_id"`
		Name string `yaml:"group_name"`
	}
	filePrivateIPAddress struct {
		PrivateIPAddress string `yaml:"private_ip_address"`
		PublicIP         string `yaml:"public_ip"`
	}
	fileInterface struct {
		MAC                  string                 `yaml:"mac"`
		DeviceIndex          int                    `yaml:"device_index"`
		NetworkCardIndex     int                    `yaml:"network_card_index"`
		ID                   string                 `yaml:"network_interface_id"`
		OwnerID              string                 `yaml:"owner_id"`
		PrivateIPAddresses   []filePrivateIPAddress `yaml:"private_ip_addresses"`
		PublicDNSName        string                 `yaml:"public_dns_name"`
		IPv6Addresses        []string               `yaml:"ipv6_addresses"`
		IPv4Prefixes         []string               `yaml:"ipv4_prefixes"`
		IPv6Prefixes         []string               `yaml:"ipv6_prefixes"`
		SecurityGroups       []fileSecurityGroup    `yaml:"security_groups"`
		SubnetID             string                 `yaml:"subnet_id"`
		SubnetIPv4CIDRBlock  string                 `yaml:"subnet_ipv4_cidr_block"`
		SubnetIPv6CIDRBlocks []string               `yaml:"subnet_ipv6_cidr_blocks"`
		VPCID                string                 `yaml:"vpc_id"`
		VPCIPv4CIDRBlocks    []string               `yaml:"vpc_ipv4_cidr_blocks"`
		VPCIPv6CIDRBlocks    []string               `yaml:"vpc_ipv6_cidr_blocks"`
	}
)

func (f fileLaunch) launch() rolestore.Launch {
	return rolestore.Launch{
		ImageID: f.ImageID, AncestorAMIIDs: someOf(f.AncestorAMIIDs), AMILaunchIndex: f.AMILaunchIndex, ReservationID: f.ReservationID,
		KernelID: f.KernelID, RamdiskID: f.RamdiskID, InstanceType: f.InstanceType, InstanceLifecycle: f.InstanceLifecycle,
		Architecture: f.Architecture, Hypervisor: f.Hypervisor, Monitoring: f.Monitoring,
		Hostname: f.Hostname, PrivateIPv4: f.PrivateIPv4, MAC: f.MAC,
		SecurityGroups:    listOf(f.SecurityGroups, groupOf),
		NetworkInterfaces: listOf(f.Interfaces, fileInterface.networkInterface),
		BlockDevices:      someIn(f.BlockDevices),
		ProductCodes:      listOf(f.ProductCodes, func(c fileProductCode) rolestore.ProductCode { return rolestore.ProductCode(c) }),
		PublicKeys:        listOf(f.PublicKeys, func(k filePublicKey) rolestore.PublicKey { return rolestore.PublicKey(k) }),
		Tags:              someIn(f.Tags),
	}
}

func (f fileInterface) networkInterface() rolestore.NetworkInterface {
	return rolestore.NetworkInterface{
		MAC: f.MAC, DeviceIndex: f.DeviceIndex, NetworkCardIndex: f.NetworkCardIndex, ID: f.ID, OwnerID: f.OwnerID,
		PrivateIPAddresses: listOf(f.PrivateIPAddresses, func(a filePrivateIPAddress) rolestore.PrivateIPAddress { return rolestore.PrivateIPAddress(a) }),
		PublicDNSName:      f.PublicDNSName, IPv6Addresses: someOf(f.IPv6Addresses), IPv4Prefixes: someOf(f.IPv4Prefixes), IPv6Prefixes: someOf(f.IPv6Prefixes),
		SecurityGroups: listOf(f.SecurityGroups, groupOf),
		SubnetID:       f.SubnetID, SubnetIPv4CIDRBlock: f.SubnetIPv4CIDRBlock, SubnetIPv6CIDRBlocks: someOf(f.SubnetIPv6CIDRBlocks),
		VPCID: f.VPCID, VPCIPv4CIDRBlocks: someOf(f.VPCIPv4CIDRBlocks), VPCIPv6CIDRBlocks: someOf(f.VPCIPv6CIDRBlocks),
	}
}

func groupOf(g fileSecurityGroup) rolestore.SecurityGroup { return rolestore.SecurityGroup(g) }

// listOf, someOf and someIn have no list that is empty: in a file that says the same as
// to leave it out.
func listOf[F, T any](list []F, of func(F) T) []T {
	var all []T
	for _, f := range list {
		all = append(all, of(f))
	}
	return all
}

func someOf(list []string) []string { return append([]string(nil), list...) }

func someIn(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}
