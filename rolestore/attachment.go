package rolestore

import (
	"encoding/hex"
	"net/netip"
	"path/filepath"
)

// Attachment is the way by which an instance's requests arrive. It is one of four
// kinds:
//
//	host       the machine that the agent itself runs on
//	interface  a device, such as a tap or the host's end of a veth pair, behind
//	           which there is this instance alone; with netns, it lies in there
//	netns      a network namespace that is the instance's own: a container
//	bridge     one of several instances behind a bridge, known by the port that it
//	           is plugged into, its MAC address and its IP addresses
type Attachment struct {
	// Host is the machine itself.
	Host bool `json:"host,omitempty"`
	// Interface is a device's name.
	Interface string `json:"interface,omitempty"`
	// Netns is the absolute path of a network namespace, such as /run/netns/web or
	// /proc/4711/ns/net.
	Netns string `json:"netns,omitempty"`
	// Bridge is a bridge's name.
	Bridge string `json:"bridge,omitempty"`
	// Port is the bridge's port behind which the instance is.
	Port string `json:"port,omitempty"`
	// Address is the IPv4 address that the instance has on the bridge; optional if
	// IPv6Address is given.
	Address string `json:"address,omitempty"`
	// IPv6Address is the instance's IPv6 address; a link-local one will do.
	IPv6Address string `json:"ipv6_address,omitempty"`
	// MAC is the instance's Ethernet address on the bridge.
	MAC string `json:"mac,omitempty"`
	// Reattach is empty or [ReattachName].
	Reattach string `json:"reattach,omitempty"`
}

// ReattachName says that a device's name, or a namespace's path, is enough to know
// the instance by: when it goes away and comes back, by whoever's hand, it is the
// same instance. Without it the instance ends with its device.
const ReattachName = "name"

// Bound is what an [Attachment] was when it was first seen. Names are given again,
// and so are the numbers, but not all three of them together.
type Bound struct {
	// Boot is the kernel's /proc/sys/kernel/random/boot_id (random(4)).
	Boot string `json:"boot,omitempty"`
	// Netns is the inode of the network namespace (namespaces(7)).
	Netns uint64 `json:"netns,omitempty"`
	// Index is the device's number in it (netdevice(7)); 0 for a whole namespace.
	Index int `json:"index,omitempty"`
}

// Kind is host, interface, netns or bridge.
func (a Attachment) Kind() string {
	switch {
	case a.Host:
		return "host"
	case a.Bridge != "":
		return "bridge"
	case a.Interface != "":
		return "interface"
	}
	return "netns"
}

// String is how people are told of an attachment: tap0, veth1@br0, /run/netns/web,
// tap0 in /run/netns/vm1 or host.
func (a Attachment) String() string {
	switch {
	case a.Host:
		return "host"
	case a.Bridge != "":
		return a.Port + "@" + a.Bridge
	case a.Interface != "" && a.Netns != "":
		return a.Interface + " in " + a.Netns
	case a.Interface != "":
		return a.Interface
	}
	return a.Netns
}

// Normal returns a in the one form in which two that mean the same are equal. It
// changes spelling alone: what [Attachment.Validate] says of a, it says of that
// too. An IPv4 address has one spelling ([netip.ParseAddr]).
func (a Attachment) Normal() Attachment {
	a.MAC = NormalMAC(a.MAC)
	if ip, err := netip.ParseAddr(a.IPv6Address); err == nil {
		a.IPv6Address = ip.String()
	}
	if a.Netns != "" {
		a.Netns = filepath.Clean(a.Netns)
	}
	return a
}

// Same reports whether a and b are one place. Reattach does not count: it says what
// happens when the place goes away.
func (a Attachment) Same(b Attachment) bool {
	a.Reattach, b.Reattach = "", ""
	return a.Normal() == b.Normal()
}

// mac is an Ethernet address.
type mac [6]byte

// parseMAC takes 02:00:00:00:00:05 and 02-00-00-00-00-05, in either case.
func parseMAC(text string) (m mac, ok bool) {
	if len(text) != 3*len(m)-1 || text[2] != ':' && text[2] != '-' {
		return mac{}, false
	}
	for n := range m {
		if n > 0 && text[3*n-1] != text[2] {
			return mac{}, false
		}
		if _, err := hex.Decode(m[n:n+1], []byte(text[3*n:3*n+2])); err != nil {
			return mac{}, false
		}
	}
	return m, true
}

// String is lower case, with colons.
func (m mac) String() string {
	text := hex.AppendEncode(nil, m[:1])
	for _, b := range m[1:] {
		text = hex.AppendEncode(append(text, ':'), []byte{b})
	}
	return string(text)
}

// ofOneDevice reports whether m can be the address of one device: neither a group's
// nor all zeros (is_valid_ether_addr, include/linux/etherdevice.h).
func (m mac) ofOneDevice() bool { return m[0]&1 == 0 && m != mac{} }
