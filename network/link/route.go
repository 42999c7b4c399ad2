package link

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Addresses to ask the kernel's routes about. IANA has assigned neither, so that no
// more specific route is likely; the second is in the global unicast space 2000::/3,
// which some hosts route instead of everything.
var (
	unassigned       = netip.MustParseAddr("4000::")
	unassignedGlobal = netip.MustParseAddr("3ffe:1::")
)

// dummy is an address that nobody has (RFC 7600), and only a default route leads to.
var dummy = netip.MustParseAddr("192.0.0.8")

// Bits of what counts as a default route: VPNs halve the IPv4 space, and see
// [unassignedGlobal].
const (
	defaultBitsIPv4 = 1
	defaultBitsIPv6 = 3
)

// route is what we need to know of one.
type route struct {
	bits     int   // the length of the destination's prefix
	from     bool  // that it holds for certain sources only
	kind     uint8 // RTN_UNICAST and so on
	protocol uint8
	device   int // of multipath, 0
}

// routeOf reads a message about a route.
func routeOf(m message) route {
	header := nl.DeserializeRtMsg(m.header)
	return route{
		bits:     int(header.Dst_len),
		from:     header.Src_len > 0,
		kind:     header.Type,
		protocol: header.Protocol,
		device:   int(m.number(unix.RTA_OIF)),
	}
}

// lookup returns the route that the kernel takes for what is sent to an address by a
// device (0 for any), from an address if that is valid. Without a route it is one of
// kind RTN_UNSPEC. It costs next to nothing, where a list of all routes takes the kernel
// 6 ms with 20,000 of them.
func lookup(to, from netip.Addr, index int) (route, error) {
	m, found, err := match(to, from, index)
	if !found {
		return route{}, err
	}
	return routeOf(m), err
}

// leads says what way there is to an address beyond this host, and whether it is by the
// device.
func leads(to netip.Addr, index int) (way, error) {
	m, found, err := match(to, netip.Addr{}, 0)
	if !found || routeOf(m).kind != unix.RTN_UNICAST {
		return way{}, err
	}
	by := ways(m)
	here := slices.Contains(by, index)
	return way{known: true, here: here, sole: here && len(by) == 1}, nil
}

// match returns the kernel's entry for a destination, and whether there is one.
func match(to, from netip.Addr, index int) (message, bool, error) {
	bits := uint8(to.BitLen())
	header := &nl.RtMsg{RtMsg: unix.RtMsg{Family: familyOf(to), Dst_len: bits, Flags: unix.RTM_F_FIB_MATCH}}
	parts := []nl.NetlinkRequestData{header, nl.NewRtAttr(unix.RTA_DST, to.AsSlice())}
	if from.IsValid() {
		header.Src_len = bits
		parts = append(parts, nl.NewRtAttr(unix.RTA_SRC, from.AsSlice()))
	}
	if index != 0 {
		parts = append(parts, oif(index))
	}
	answers, err := request(unix.RTM_GETROUTE, 0, unix.RTM_NEWROUTE, unix.SizeofRtMsg, parts...)
	if noRoute(err) {
		return message{}, false, nil
	}
	if err != nil || len(answers) == 0 {
		return message{}, false, err
	}
	return answers[0], true, nil
}

// noRoute reports whether the kernel says by an error that there is no route, be it
// that one says so: unreachable, prohibited or a black hole; or that it has no IPv6.
func noRoute(err error) bool {
	for _, none := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.EAFNOSUPPORT, unix.EOPNOTSUPP} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}

// oif names a device in a message about routes.
func oif(index int) *nl.RtAttr { return nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index))) }

// uplink reports whether the host's own packets leave by the device: a default route
// does, be it one of several ways.
func uplink(index int) (bool, error) {
	six, err := lookup(unassignedGlobal, netip.Addr{}, index)
	if err != nil {
		return false, err
	}
	if six.kind == unix.RTN_UNICAST && six.bits <= defaultBitsIPv6 {
		return true, nil
	}
	routes, err := routesBy(index)
	return slices.ContainsFunc(routes, func(m message) bool { return routeOf(m).bits <= defaultBitsIPv4 }), err
}

// routesBy returns the IPv4 routes of the table main that lead by a device, be it one of
// several ways.
func routesBy(index int) ([]message, error) {
	filter := &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET, Table: unix.RT_TABLE_MAIN}}
	messages, err := dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, unix.SizeofRtMsg, filter, oif(index))
	return slices.DeleteFunc(messages, func(m message) bool {
		return m.number(unix.RTA_TABLE) != unix.RT_TABLE_MAIN || routeOf(m).kind != unix.RTN_UNICAST || !slices.Contains(ways(m), index)
	}), err
}

// ways returns the devices by which a route leads.
func ways(m message) []int {
	if _, one := m.attrs[unix.RTA_OIF]; one {
		return []int{int(m.number(unix.RTA_OIF))}
	}
	var indexes []int
	left := m.attrs[unix.RTA_MULTIPATH]
	for len(left) >= unix.SizeofRtNexthop {
		way := nl.DeserializeRtNexthop(left)
		size := (int(way.RtNexthop.Len) + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1)
		if size < unix.SizeofRtNexthop || size > len(left) {
			break
		}
		indexes = append(indexes, int(way.Ifindex))
		left = left[size:]
	}
	return indexes
}
