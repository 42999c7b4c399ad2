package link

import "net/netip"

// The addresses at which EC2 serves instance metadata
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
var (
	MetadataIPv4 = netip.AddrFrom4([4]byte{169, 254, 169, 254})
	MetadataIPv6 = netip.MustParseAddr("fd00:ec2::254")
)

// label marks an IPv4 address of ours. The kernel takes at most 15 bytes, and
// iproute2 wants the name of the device in front.
const label = "lo:rolecall"

// Addr is an address on a device.
type Addr struct {
	// Device is the device's name.
	Device string
	// Prefix is the address with its prefix length; /32 or /128 where we add it.
	Prefix netip.Prefix
	// Ours is set by [List] if the address carries our mark; without meaning in
	// what is wanted.
	Ours bool
}

// Metadata returns a metadata address as it is wanted on a device. For an IPv6
// address other than [MetadataIPv6] there is no mark, so it must not be asked.
func Metadata(device string, addr netip.Addr) Addr {
	return Addr{Device: device, Prefix: netip.PrefixFrom(addr, addr.BitLen())}
}

// same reports whether both stand for one address of one device. A different
// prefix length makes no other address: packets for it arrive all the same.
func (a Addr) same(b Addr) bool {
	return a.Device == b.Device && a.Prefix.Addr() == b.Prefix.Addr()
}
