package tree

import (
	"slices"
	"strconv"

	"github.com/rolecall/rolecall/rolestore"
)

// macs is where each network interface has a directory of its MAC address.
const macs = "meta-data/network/interfaces/macs/"

// networkRows is what instances are told of each of their network interfaces. A list is
// one leaf, with a line for each of its elements.
var networkRows = []row{
	{macs + each + "/device-number", "2011-01-01", Text, nics(func(_ rolestore.Instance, n rolestore.NetworkInterface) string { return strconv.Itoa(n.DeviceIndex) })},
	{macs + each + "/interface-id", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.ID })},
	{macs + each, "2011-01-01", Text, associations},
	// EC2 began to delegate prefixes after the last version that it lists.
	{macs + each + "/ipv4-prefix", Latest, Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.IPv4Prefixes) })},
	{macs + each + "/ipv6-prefix", Latest, Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.IPv6Prefixes) })},
	{macs + each + "/ipv6s", "2016-06-30", Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.IPv6Addresses) })},
	{macs + each + "/local-hostname", "2011-01-01", Text, nics(localHostname)},
	{macs + each + "/local-ipv4s", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return lines(privateIPs(n)) })},
	{macs + each + "/mac", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.MAC })},
	// EC2 documents the second name, and cloud-init asks for the first.
	{macs + each + "/network-card", "2020-11-01", Text, nics(networkCard)},
	{macs + each + "/network-card-index", "2020-11-01", Text, nics(networkCard)},
	{macs + each + "/owner-id", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.OwnerID })},
	{macs + each + "/public-hostname", "2011-01-01", Text, nic(publicHostname)},
	{macs + each + "/public-ipv4s", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.PublicIPs()) })},
	{macs + each + "/security-group-ids", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return lines(groupIDs(n.SecurityGroups)) })},
	{macs + each + "/security-groups", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return lines(groupNames(n.SecurityGroups)) })},
	{macs + each + "/subnet-id", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.SubnetID })},
	{macs + each + "/subnet-ipv4-cidr-block", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.SubnetIPv4CIDRBlock })},
	{macs + each + "/subnet-ipv6-cidr-blocks", "2016-06-30", Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.SubnetIPv6CIDRBlocks) })},
	{macs + each + "/vpc-id", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return n.VPCID })},
	{macs + each + "/vpc-ipv4-cidr-block", "2011-01-01", Text, nic(func(n rolestore.NetworkInterface) string { return first(n.VPCIPv4CIDRBlocks) })},
	{macs + each + "/vpc-ipv4-cidr-blocks", "2016-06-30", Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.VPCIPv4CIDRBlocks) })},
	{macs + each + "/vpc-ipv6-cidr-blocks", "2016-06-30", Text, nic(func(n rolestore.NetworkInterface) string { return lines(n.VPCIPv6CIDRBlocks) })},
}

// nics is a leaf of each network interface; "" says that it has none.
func nics(text func(rolestore.Instance, rolestore.NetworkInterface) string) func(rolestore.Instance) []item {
	return func(i rolestore.Instance) []item {
		var items []item
		for _, n := range i.NetworkInterfaces {
			if t := text(i, n); t != "" {
				items = append(items, item{name: n.MAC, text: t})
			}
		}
		return items
	}
}

// nic is [nics] of what an interface knows by itself.
func nic(text func(rolestore.NetworkInterface) string) func(rolestore.Instance) []item {
	return nics(func(_ rolestore.Instance, n rolestore.NetworkInterface) string { return text(n) })
}

// primary is the text of the first network interface.
func primary(text func(rolestore.NetworkInterface) string) func(rolestore.Instance) string {
	return func(i rolestore.Instance) string {
		if len(i.NetworkInterfaces) > 0 {
			return text(i.NetworkInterfaces[0])
		}
		return ""
	}
}

// associations are, for each public address, the private one behind it.
func associations(i rolestore.Instance) []item {
	var items []item
	for _, n := range i.NetworkInterfaces {
		for _, a := range n.PrivateIPAddresses {
			if a.PublicIP != "" {
				items = append(items, item{name: n.MAC + "/ipv4-associations/" + a.PublicIP, text: a.PrivateIPAddress})
			}
		}
	}
	return items
}

// networkCard is told where there are several.
func networkCard(i rolestore.Instance, n rolestore.NetworkInterface) string {
	if !slices.ContainsFunc(i.NetworkInterfaces, func(n rolestore.NetworkInterface) bool { return n.NetworkCardIndex > 0 }) {
		return ""
	}
	return strconv.Itoa(n.NetworkCardIndex)
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

func firstIPv6(n rolestore.NetworkInterface) string       { return first(n.IPv6Addresses) }
func firstPublicIPv4(n rolestore.NetworkInterface) string { return first(n.PublicIPs()) }
func publicHostname(n rolestore.NetworkInterface) string  { return n.PublicDNSName }

func privateIPs(n rolestore.NetworkInterface) []string {
	var all []string
	for _, a := range n.PrivateIPAddresses {
		all = append(all, a.PrivateIPAddress)
	}
	return all
}

func groupNames(groups []rolestore.SecurityGroup) []string {
	var all []string
	for _, g := range groups {
		all = append(all, g.Name)
	}
	return all
}

func groupIDs(groups []rolestore.SecurityGroup) []string {
	var all []string
	for _, g := range groups {
		all = append(all, g.ID)
	}
	return all
}
