package link

import (
	"fmt"
	"math"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The addresses at which EC2 serves instance metadata
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
var (
	MetadataIPv4 = netip.AddrFrom4([4]byte{169, 254, 169, 254})
	MetadataIPv6 = netip.MustParseAddr("fd00:ec2::254")
)

const (
	// loopback is the device that the host's own programs reach.
	loopback = "lo"

	// label marks an IPv4 address of ours on lo. The kernel takes at most 15 bytes,
	// and iproute2 wants the name of the device in front, so that other devices'
	// names leave no room.
	label = loopback + ":rolecall"

	// forever is the lifetime that never ends: the kernel takes the low 32 bits, and
	// all ones mean infinity. (Where int has 32 bits it comes out as 68 years.)
	forever = math.MaxInt
)

// Addr is an address on a device.
type Addr struct {
	// Device is the device's name.
	Device string
	// Prefix is the address with its prefix length; /32 or /128 where we add it.
	Prefix netip.Prefix
	// Ours is set by [List] if we added the address; without meaning in what is
	// wanted.
	Ours bool
}

// Metadata returns a metadata address as it is wanted on a device. For an IPv6
// address other than [MetadataIPv6] there is no mark, so it must not be asked.
func Metadata(device string, addr netip.Addr) Addr {
	return Addr{Device: device, Prefix: netip.PrefixFrom(addr, addr.BitLen())}
}

// what makes no difference by the prefix length: packets for the address arrive
// all the same.
func (a Addr) what() what {
	return what{place: Metadata(a.Device, a.Prefix.Addr()), ours: a.Ours}
}

func (a Addr) change(verb Verb) error {
	d, err := Find(a.Device)
	if err != nil {
		return err
	}
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: d.Index, Name: d.Name}}
	if verb == Del {
		remove := func() error { return ignore(unix.EADDRNOTAVAIL, netlink.AddrDel(link, a.marked())) }
		if a.Prefix.Addr().Is6() || a.Device == loopback {
			return remove()
		}
		return keepRoutes(d, remove)
	}
	if err := a.takes(); err != nil {
		return err
	}
	return ignore(unix.EEXIST, netlink.AddrAdd(link, a.marked()))
}

// takes reports a device that takes no address of the family.
func (a Addr) takes() error {
	if a.Prefix.Addr().Is6() && !IPv6(a.Device) {
		return &IPv6OffError{Device: a.Device}
	}
	return nil
}

func (a Addr) command(verb Verb) string {
	text := fmt.Sprintf("ip addr %s %s dev %s", verb, a.Prefix, a.Device)
	marked := a.marked()
	switch {
	case a.Prefix.Addr().Is6() && verb == Add:
		return text + " nodad preferred_lft 0"
	case a.Prefix.Addr().Is6():
		return text
	}
	if verb == Add {
		text += " scope host"
	}
	if marked.Label != "" {
		text += " label " + marked.Label
	}
	return text
}

// marked is the address as the kernel shall hold it. Scope host keeps IPv4 from
// choosing it as a source even for a neighbour. Without nodad even lo holds an
// IPv6 address back as tentative for a moment, and a bind to it fails.
func (a Addr) marked() *netlink.Addr {
	ip := a.Prefix.Addr()
	marked := &netlink.Addr{IPNet: &net.IPNet{
		IP:   ip.AsSlice(),
		Mask: net.CIDRMask(a.Prefix.Bits(), ip.BitLen()),
	}}
	if ip.Is6() {
		marked.Flags, marked.ValidLft, marked.PreferedLft = unix.IFA_F_NODAD, forever, 0
		return marked
	}
	marked.Scope = unix.RT_SCOPE_HOST
	if a.Device == loopback {
		marked.Label = label
	}
	return marked
}
