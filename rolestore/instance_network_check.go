package rolestore

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

var (
	interfaceID = regexp.MustCompile(`^eni-[0-9a-f]{8,17}$`)
	subnetID    = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	vpcID       = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)
	groupID     = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
)

// The lengths of prefixes that EC2 delegates
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html).
const (
	delegatedIPv4 = 28
	delegatedIPv6 = 80
)

// network is what the interfaces of one instance have among them.
type network struct {
	taken map[string]string // what only one may have, and who has it
}

// take gives something to one interface, or says whose it is.
func (w network) take(member, text string) error {
	if other, ok := w.taken[text]; ok {
		return fmt.Errorf("%s: %s is that of %s too: give each its own", member, text, other)
	}
	w.taken[text] = member
	return nil
}

// checkNetwork checks the network interfaces of an instance, by themselves and as a whole.
func checkNetwork(l Launch) error {
	w := network{taken: map[string]string{}}
	primary := slices.IndexFunc(l.NetworkInterfaces, NetworkInterface.isPrimary)
	if len(l.NetworkInterfaces) > 0 && primary < 0 {
		return errors.New("network_interfaces: want one of device_index 0, the primary network interface")
	}
	for n, i := range l.NetworkInterfaces {
		name := fmt.Sprintf("network_interfaces[%d]", n)
		if err := cmp.Or(i.checkNames(name), checkGroups(name+".security_groups", i.SecurityGroups), i.checkAddresses(name), w.add(name, i)); err != nil {
			return err
		}
	}
	if primary < 0 {
		return nil
	}
	switch p := l.NetworkInterfaces[primary]; {
	case l.MAC != p.MAC:
		return fmt.Errorf("mac %q: the primary one of network_interfaces has %q: leave one of them out", l.MAC, p.MAC)
	case len(p.PrivateIPAddresses) > 0 && l.PrivateIPv4 != p.PrivateIPAddresses[0].PrivateIPAddress:
		return fmt.Errorf("private_ipv4 %q: the first address of the primary one of network_interfaces is %q: leave one of them out",
			l.PrivateIPv4, p.PrivateIPAddresses[0].PrivateIPAddress)
	}
	return nil
}

// add looks for what another interface of the instance has.
func (w network) add(name string, i NetworkInterface) error {
	errs := []error{
		w.take(name+".mac", i.MAC),
		w.take(name+".device_index", fmt.Sprintf("number %d on network card %d", i.DeviceIndex, i.NetworkCardIndex)),
	}
	if i.ID != "" {
		errs = append(errs, w.take(name+".network_interface_id", i.ID))
	}
	for _, a := range i.PrivateIPAddresses {
		errs = append(errs, w.take(name+".private_ip_addresses: private_ip_address", a.PrivateIPAddress))
		if a.PublicIP != "" {
			errs = append(errs, w.take(name+".private_ip_addresses: public_ip", "public address "+a.PublicIP))
		}
	}
	for _, a := range slices.Concat(i.IPv6Addresses, i.IPv4Prefixes, i.IPv6Prefixes) {
		errs = append(errs, w.take(name, a))
	}
	return cmp.Or(errs...)
}

// checkNames checks what is no address but that of Ethernet.
func (i NetworkInterface) checkNames(name string) error {
	if m, ok := parseMAC(i.MAC); !ok || !m.ofOneDevice() {
		return fmt.Errorf("%s.mac %q: want the Ethernet address of one device, as in 02:00:00:00:00:05", name, i.MAC)
	}
	switch {
	case i.DeviceIndex < 0:
		return fmt.Errorf("%s.device_index %d: want 0 for the primary network interface, 1 for the next", name, i.DeviceIndex)
	case i.NetworkCardIndex < 0:
		return fmt.Errorf("%s.network_card_index %d: want 0 for the first network card, 1 for the next", name, i.NetworkCardIndex)
	case i.OwnerID != "" && !accountID.MatchString(i.OwnerID):
		return fmt.Errorf("%s.owner_id %q: want the twelve digits of an account", name, i.OwnerID)
	case i.PublicDNSName != "" && !isHostname(i.PublicDNSName):
		return fmt.Errorf("%s.public_dns_name %q: want a name as in DNS, of letters, digits, hyphens and dots", name, i.PublicDNSName)
	case i.PublicDNSName != "" && len(i.PublicIPs()) == 0:
		return fmt.Errorf("%s.public_dns_name %q: want the public_ip that has this name", name, i.PublicDNSName)
	}
	return cmp.Or(
		wantID(name+".network_interface_id", i.ID, interfaceID, "eni"),
		wantID(name+".subnet_id", i.SubnetID, subnetID, "subnet"),
		wantID(name+".vpc_id", i.VPCID, vpcID, "vpc"),
	)
}

func checkGroups(name string, groups []SecurityGroup) error {
	for _, g := range groups {
		if !keyName.MatchString(g.Name) {
			return fmt.Errorf("%s: group_name %q: want 1 to 255 characters of ASCII, and no space at an end", name, g.Name)
		}
		if !groupID.MatchString(g.ID) {
			return fmt.Errorf("%s: group_id %q of %s: want sg- and 8 to 17 hexadecimal digits", name, g.ID, g.Name)
		}
	}
	return nil
}

// checkAddresses checks the IP addresses and what they lie in.
func (i NetworkInterface) checkAddresses(name string) error {
	subnet4 := blocks{name: name + ".subnet_ipv4_cidr_block"}
	if i.SubnetIPv4CIDRBlock != "" {
		subnet4.texts = []string{i.SubnetIPv4CIDRBlock}
	}
	subnet6 := blocks{name: name + ".subnet_ipv6_cidr_blocks", texts: i.SubnetIPv6CIDRBlocks, six: true}
	vpc4 := blocks{name: name + ".vpc_ipv4_cidr_blocks", texts: i.VPCIPv4CIDRBlocks}
	vpc6 := blocks{name: name + ".vpc_ipv6_cidr_blocks", texts: i.VPCIPv6CIDRBlocks, six: true}
	if err := cmp.Or(vpc4.check(blocks{}, 0), vpc6.check(blocks{}, 0), subnet4.check(vpc4, 0), subnet6.check(vpc6, 0)); err != nil {
		return err
	}
	for _, a := range i.PrivateIPAddresses {
		if err := subnet4.holds(name+".private_ip_addresses: private_ip_address", a.PrivateIPAddress); err != nil {
			return err
		}
		if err := (blocks{}).holds(name+".private_ip_addresses: public_ip", a.PublicIP); a.PublicIP != "" && err != nil {
			return err
		}
	}
	for _, a := range i.IPv6Addresses {
		if err := subnet6.holds(name+".ipv6_addresses", a); err != nil {
			return err
		}
	}
	prefixes4 := blocks{name: name + ".ipv4_prefixes", texts: i.IPv4Prefixes}
	prefixes6 := blocks{name: name + ".ipv6_prefixes", texts: i.IPv6Prefixes, six: true}
	return cmp.Or(prefixes4.check(subnet4, delegatedIPv4), prefixes6.check(subnet6, delegatedIPv6))
}
