package link

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Precede has the host's own packets for an IPv4 address of ours reach who is bound to lo, when
// guests' devices have the address too: of several local routes the kernel takes the
// first for the way that they came, and that is the oldest. On puts one by lo in
// front, with [Protocol], where it is not, and says so; off takes ours away. Both may be
// called again at any time. IPv6 has no way to put a route in front: there the oldest
// stays.
//
// With alone set the route is there even if nobody has the address, which makes it one
// of this host's: guests on any device may then be answered at it. That is for bridges,
// whose keepers (the bridge plugin of CNI, for one) take offence at an address that is
// not theirs.
func Precede(addr netip.Addr, on, alone bool) (added bool, err error) {
	address := &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_LOCAL, Dst: address},
		netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST)
	if err != nil {
		return false, fmt.Errorf("list the routes to %s: %w", addr, err)
	}
	lo, err := Find(loopback)
	if err != nil {
		return false, err
	}
	if on && (len(routes) == 0 && !alone || len(routes) > 0 && routes[0].LinkIndex == lo.Index && (routes[0].Protocol == Protocol || !alone)) {
		return false, nil
	}
	for _, r := range routes {
		if r.Protocol == Protocol {
			if err := netlink.RouteDel(&r); err != nil {
				return false, fmt.Errorf("remove the host's route to %s: %w", addr, Denied(NetAdmin, err))
			}
		}
	}
	if !on {
		return false, nil
	}
	message := nl.NewRtMsg()
	message.Family, message.Dst_len, message.Table = unix.AF_INET, 32, unix.RT_TABLE_LOCAL
	message.Type, message.Scope, message.Protocol = unix.RTN_LOCAL, unix.RT_SCOPE_HOST, Protocol
	// Neither NLM_F_APPEND nor NLM_F_EXCL: in front of those that are there.
	err = change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, message, nl.NewRtAttr(unix.RTA_DST, addr.AsSlice()), oif(lo.Index))
	if err != nil {
		return false, fmt.Errorf("ip route prepend local %s dev lo table local proto %d: %w", addr, Protocol, Denied(NetAdmin, err))
	}
	return true, nil
}
