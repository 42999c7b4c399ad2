package rolestore

import (
	"reflect"
	"strings"
	"testing"
)

// connected is an instance with two network interfaces.
func connected() Instance {
	i := web()
	i.SecurityGroups = []SecurityGroup{{"sg-11111111", "default"}}
	i.NetworkInterfaces = []NetworkInterface{
		{MAC: "06:00:00:00:00:02", DeviceIndex: 1, OwnerID: "210987654321", SecurityGroups: []SecurityGroup{{"sg-22222222", "db"}}},
		{MAC: "06-00-00-00-00-0A", ID: "eni-11111111", PublicDNSName: "web.example.com",
			PrivateIPAddresses: []PrivateIPAddress{{"10.0.0.5", "198.51.100.5"}, {"10.0.0.6", ""}},
			IPv6Addresses:      []string{"2001:DB8:0::5"}, IPv4Prefixes: []string{"10.0.0.16/28"}, IPv6Prefixes: []string{"2001:db8:0:0:1::/80"},
			SubnetID: "subnet-11111111", SubnetIPv4CIDRBlock: "10.0.0.0/24", SubnetIPv6CIDRBlocks: []string{"2001:db8:0:0::/64"},
			VPCID: "vpc-11111111", VPCIPv4CIDRBlocks: []string{"10.1.0.0/16", "10.0.0.0/16"}, VPCIPv6CIDRBlocks: []string{"2001:db8::/56"}},
	}
	i.Launch = NormalLaunch(i.Launch, i.Attachment)
	return i
}

func TestTheAddressesOfAnInstanceAreThoseOfItsPrimaryInterface(t *testing.T) {
	i := connected()
	if err := i.Validate(); err != nil {
		t.Error(err)
	}
	if i.MAC != "06:00:00:00:00:0a" || i.PrivateIPv4 != "10.0.0.5" {
		t.Errorf("the instance has %s, %s", i.MAC, i.PrivateIPv4)
	}
	all := i.Interfaces()
	if len(all) != 2 || all[0].MAC != i.MAC || all[0].IPv6Addresses[0] != "2001:db8::5" || all[0].SubnetIPv6CIDRBlocks[0] != "2001:db8::/64" {
		t.Errorf("its interfaces are %+v", all)
	}
	if all[0].OwnerID != "123456789012" || all[1].OwnerID != "210987654321" || all[0].SecurityGroups[0].Name != "default" || all[1].SecurityGroups[0].Name != "db" {
		t.Errorf("their owners and groups are %+v", all)
	}
	if again := NormalLaunch(i.Launch, i.Attachment); !reflect.DeepEqual(again, i.Launch) {
		t.Errorf("the normal form of the normal form is %+v", again)
	}
	bridge := Attachment{Bridge: "br0", Port: "veth1", MAC: "02-00-00-00-00-05", Address: "10.0.0.9"}
	for name, test := range map[string]struct {
		given        Launch
		mac, address string
		interfaces   int
	}{
		"nothing":              {Launch{}, "02:00:00:00:00:05", "10.0.0.9", 1},
		"both":                 {Launch{MAC: "06-00-00-00-00-0A", PrivateIPv4: "10.0.0.7"}, "06:00:00:00:00:0a", "10.0.0.7", 1},
		"an interface":         {Launch{NetworkInterfaces: connected().NetworkInterfaces}, "06:00:00:00:00:0a", "10.0.0.5", 2},
		"an interface without": {Launch{NetworkInterfaces: []NetworkInterface{{ID: "eni-11111111"}}}, "02:00:00:00:00:05", "10.0.0.9", 1},
		"that apart":           {Launch{MAC: "06-00-00-00-00-0A", NetworkInterfaces: []NetworkInterface{{ID: "eni-11111111"}}}, "06:00:00:00:00:0a", "10.0.0.9", 1},
	} {
		i := web()
		i.Launch, i.Attachment = NormalLaunch(test.given, bridge), bridge
		if err := i.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all := i.Interfaces()
		if i.MAC != test.mac || i.PrivateIPv4 != test.address || len(all) != test.interfaces ||
			all[0].MAC != test.mac || all[0].PrivateIPAddresses[0].PrivateIPAddress != test.address {
			t.Errorf("%s: %s, %s, %+v", name, i.MAC, i.PrivateIPv4, all)
		}
	}
	i = web()
	if i.Launch = NormalLaunch(Launch{}, i.Attachment); len(i.Interfaces()) != 0 {
		t.Errorf("an instance that is told nothing has %+v", i.Interfaces())
	}
}

func TestNetworkInterfacesThatCannotBe(t *testing.T) {
	const first, second = "network_interfaces[1]", "network_interfaces[0]"
	for _, test := range []struct {
		name   string
		change func(i *Instance, first, second *NetworkInterface)
		want   string
	}{
		{"no MAC address", func(_ *Instance, _, b *NetworkInterface) { b.MAC = "" }, second + ".mac"},
		{"the MAC address of a group", func(_ *Instance, _, b *NetworkInterface) { b.MAC = "ff:ff:ff:ff:ff:ff" }, second + ".mac"},
		{"a MAC address twice", func(_ *Instance, a, b *NetworkInterface) { b.MAC = a.MAC }, first + ".mac: 06:00:00:00:00:0a is that of " + second + ".mac too"},
		{"no primary one", func(_ *Instance, a, _ *NetworkInterface) { a.DeviceIndex = 2 }, "network_interfaces: want one of device_index 0"},
		{"a device number twice", func(_ *Instance, _, b *NetworkInterface) { b.DeviceIndex = 0 }, "network_interfaces[1].device_index: number 0 on network card 0 is that of network_interfaces[0].device_index too"},
		{"a device number below the first", func(_ *Instance, _, b *NetworkInterface) { b.DeviceIndex = -1 }, second + ".device_index"},
		{"a network card below the first", func(_ *Instance, _, b *NetworkInterface) { b.NetworkCardIndex = -1 }, second + ".network_card_index"},
		{"an id of another kind", func(_ *Instance, a, _ *NetworkInterface) { a.ID = "vpc-11111111" }, first + ".network_interface_id"},
		{"an id twice", func(_ *Instance, a, b *NetworkInterface) { b.ID = a.ID }, first + ".network_interface_id: eni-11111111 is that of"},
		{"an owner by name", func(_ *Instance, a, _ *NetworkInterface) { a.OwnerID = "aws" }, first + ".owner_id"},
		{"a subnet by name", func(_ *Instance, a, _ *NetworkInterface) { a.SubnetID = "lan" }, first + ".subnet_id"},
		{"a VPC by name", func(_ *Instance, a, _ *NetworkInterface) { a.VPCID = "net" }, first + ".vpc_id"},
		{"a public name with a space", func(_ *Instance, a, _ *NetworkInterface) { a.PublicDNSName = "a b" }, first + ".public_dns_name"},
		{"a public name of nothing", func(_ *Instance, _, b *NetworkInterface) { b.PublicDNSName = "a" }, second + ".public_dns_name \"a\": want the public_ip"},
		{"a group without a name", func(_ *Instance, _, b *NetworkInterface) { b.SecurityGroups[0].Name = "" }, second + ".security_groups: group_name"},
		{"no address", func(_ *Instance, a, _ *NetworkInterface) { a.PrivateIPAddresses[1].PrivateIPAddress = "10.0.0" }, first + ".private_ip_addresses: private_ip_address"},
		{"no IPv4 address", func(_ *Instance, a, _ *NetworkInterface) { a.PrivateIPAddresses[1].PrivateIPAddress = "fd00::5" }, first + ".private_ip_addresses: private_ip_address"},
		{"an address out of the subnet", func(_ *Instance, a, _ *NetworkInterface) { a.PrivateIPAddresses[1].PrivateIPAddress = "10.0.1.6" },
			first + ".private_ip_addresses: private_ip_address \"10.0.1.6\": it is not in " + first + ".subnet_ipv4_cidr_block [\"10.0.0.0/24\"]"},
		{"an address twice", func(_ *Instance, _, b *NetworkInterface) { b.PrivateIPAddresses = []PrivateIPAddress{{"10.0.0.6", ""}} }, "10.0.0.6 is that of"},
		{"a public address twice", func(_ *Instance, a, _ *NetworkInterface) { a.PrivateIPAddresses[1].PublicIP = "198.51.100.5" }, "public address 198.51.100.5 is that of"},
		{"no public address", func(_ *Instance, a, _ *NetworkInterface) { a.PrivateIPAddresses[1].PublicIP = "web" }, first + ".private_ip_addresses: public_ip"},
		{"the service's own address", func(_ *Instance, _, b *NetworkInterface) {
			b.PrivateIPAddresses = []PrivateIPAddress{{"169.254.169.254", ""}}
		}, second + ".private_ip_addresses"},
		{"no IPv6 address", func(_ *Instance, a, _ *NetworkInterface) { a.IPv6Addresses = []string{"10.0.0.5"} }, first + ".ipv6_addresses"},
		{"an IPv6 address with a zone", func(_ *Instance, _, b *NetworkInterface) { b.IPv6Addresses = []string{"fe80::5%eth0"} }, second + ".ipv6_addresses"},
		{"an IPv6 address out of the subnet", func(_ *Instance, a, _ *NetworkInterface) { a.IPv6Addresses = []string{"2001:db8:1::5"} }, first + ".ipv6_addresses \"2001:db8:1::5\": it is not in"},
		{"an IPv6 address twice", func(_ *Instance, a, b *NetworkInterface) { b.IPv6Addresses = a.IPv6Addresses }, "2001:db8::5 is that of"},
		{"a prefix of another length", func(_ *Instance, a, _ *NetworkInterface) { a.IPv4Prefixes = []string{"10.0.0.16/29"} }, first + ".ipv4_prefixes \"10.0.0.16/29\": want a prefix of 28 bits"},
		{"a prefix out of the subnet", func(_ *Instance, a, _ *NetworkInterface) { a.IPv6Prefixes = []string{"2001:db8:1::/80"} }, first + ".ipv6_prefixes"},
		{"a subnet that is an address", func(_ *Instance, a, _ *NetworkInterface) { a.SubnetIPv4CIDRBlock = "10.0.0.5/24" }, first + ".subnet_ipv4_cidr_block \"10.0.0.5/24\": want the network itself, 10.0.0.0/24"},
		{"a subnet without a length", func(_ *Instance, a, _ *NetworkInterface) { a.SubnetIPv4CIDRBlock = "10.0.0.0" }, first + ".subnet_ipv4_cidr_block"},
		{"a subnet out of the VPC", func(_ *Instance, a, _ *NetworkInterface) { a.VPCIPv4CIDRBlocks = []string{"10.1.0.0/16"} }, first + ".subnet_ipv4_cidr_block \"10.0.0.0/24\": it is not in"},
		{"a subnet greater than the VPC", func(_ *Instance, a, _ *NetworkInterface) { a.VPCIPv4CIDRBlocks = []string{"10.0.0.0/25"} }, first + ".subnet_ipv4_cidr_block"},
		{"an IPv4 network among IPv6", func(_ *Instance, a, _ *NetworkInterface) { a.VPCIPv6CIDRBlocks = []string{"10.0.0.0/16"} }, first + ".vpc_ipv6_cidr_blocks"},
		{"another MAC address", func(i *Instance, _, _ *NetworkInterface) { i.MAC = "06:00:00:00:00:0b" }, "mac \"06:00:00:00:00:0b\": the primary one of network_interfaces has"},
		{"another address", func(i *Instance, _, _ *NetworkInterface) { i.PrivateIPv4 = "10.0.0.6" }, "private_ipv4 \"10.0.0.6\": the first address"},
	} {
		i := connected()
		test.change(&i, &i.NetworkInterfaces[1], &i.NetworkInterfaces[0])
		if err := i.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}
