package rolestore

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDevice is the longest name of a device, in bytes (IFNAMSIZ, netdevice(7)).
const maxDevice = 15

// services are EC2's addresses of the metadata service, which no instance can have.
var services = [2]netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}

// Validate reports what is missing, contradicts itself or has no meaning. What is
// there on this host is not looked at.
func (a Attachment) Validate() error {
	kinds := 0
	for _, given := range []bool{a.Host, a.Interface != "", a.Bridge != "", a.Netns != "" && a.Interface == ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("attachment: want one of host, interface, netns and bridge; interface may have a netns")
	case a.Reattach != "" && a.Reattach != ReattachName:
		return fmt.Errorf("attachment.reattach %q: want %s, or leave it out", a.Reattach, ReattachName)
	case a.Host && a.Reattach != "":
		return errors.New("attachment: the host does not go away, so leave out reattach")
	case a.Netns != "" && !isPath(a.Netns):
		return fmt.Errorf("attachment.netns %q: want an absolute path, such as /run/netns/web", a.Netns)
	case a.Bridge == "" && (a.Port != "" || a.Address != "" || a.IPv6Address != "" || a.MAC != ""):
		return errors.New("attachment: port, address, ipv6_address and mac belong to a bridge")
	}
	for _, device := range []struct{ member, name string }{{"interface", a.Interface}, {"bridge", a.Bridge}, {"port", a.Port}} {
		if device.name != "" && !isDevice(device.name) {
			return fmt.Errorf("attachment.%s %q: want a device's name, without spaces, / and : and of at most %d bytes", device.member, device.name, maxDevice)
		}
	}
	if a.Bridge != "" {
		return a.validateMember()
	}
	return nil
}

func (a Attachment) validateMember() error {
	if a.Port == "" || a.MAC == "" || a.Address == "" && a.IPv6Address == "" {
		return fmt.Errorf("attachment: an instance on bridge %s is known by its port, its mac and its address or ipv6_address: give them", a.Bridge)
	}
	if m, ok := parseMAC(a.MAC); !ok || !m.ofOneDevice() {
		return fmt.Errorf("attachment.mac %q: want six bytes of one Ethernet device, such as 02:00:00:00:00:05", a.MAC)
	}
	if a.Address != "" {
		if ip, err := netip.ParseAddr(a.Address); err != nil || !ip.Is4() || !ofOneMachine(ip) {
			return fmt.Errorf("attachment.address %q: want the instance's IPv4 address, such as 10.0.0.5", a.Address)
		}
	}
	if a.IPv6Address != "" {
		if ip, err := netip.ParseAddr(a.IPv6Address); err != nil || !ip.Is6() || ip.Is4In6() || ip.Zone() != "" || !ofOneMachine(ip) {
			return fmt.Errorf("attachment.ipv6_address %q: want the instance's IPv6 address, such as fd00::5 or fe80::5", a.IPv6Address)
		}
	}
	return nil
}

// isDevice reports whether the kernel takes the name (dev_valid_name in
// net/core/dev.c). It refuses bytes that its isspace counts as spaces, some above
// ASCII among them, so only ASCII is taken.
func isDevice(name string) bool {
	return len(name) <= maxDevice && name != "." && name != ".." &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' || r == ':' })
}

// isPath leaves out what would not come back from a file of JSON as it was, and what
// would disorder a terminal.
func isPath(path string) bool {
	return filepath.IsAbs(path) && utf8.ValidString(path) && !strings.ContainsFunc(path, unicode.IsControl)
}

// ofOneMachine reports whether ip can be an instance's.
func ofOneMachine(ip netip.Addr) bool {
	return !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLoopback() &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255}) && ip != services[0] && ip != services[1]
}
