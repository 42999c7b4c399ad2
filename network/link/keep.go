package link

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// keepRoutes calls remove, which takes an IPv4 address from a device. With the last one
// the kernel takes all IPv4 routes by the device away, whoever made them (it "disables
// IP" there). Others get theirs back: the device of a guest often has no address of its
// own, and a route to the guest.
func keepRoutes(d Device, remove func() error) error {
	addrs, err := addresses(d.Name, d.Index, unix.AF_INET, false)
	if err != nil || len(addrs) != 1 {
		return errors.Join(err, remove())
	}
	routes, err := dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, unix.SizeofRtMsg, &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET}}, oif(d.Index))
	if err := errors.Join(err, remove()); err != nil {
		return err
	}
	// Routes by a gateway need those on the link.
	slices.SortStableFunc(routes, func(a, b message) int { return int(scope(b)) - int(scope(a)) })
	var errs []error
	for _, m := range routes {
		if _, several := m.attrs[unix.RTA_MULTIPATH]; several || routeOf(m).protocol == unix.RTPROT_KERNEL || !slices.Contains(ways(m), d.Index) {
			continue // the kernel's own went with the address
		}
		header := nl.DeserializeRtMsg(m.header)
		header.Flags &= unix.RTNH_F_ONLINK | unix.RTNH_F_PERVASIVE // others are what the kernel tells
		parts := []nl.NetlinkRequestData{header}
		for attr, value := range m.attrs {
			parts = append(parts, nl.NewRtAttr(int(attr), value))
		}
		if err := ignore(unix.EEXIST, change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, parts...)); err != nil {
			errs = append(errs, fmt.Errorf("bring back somebody's route to %s by %s: %w", m.addr(unix.RTA_DST), d.Name, err))
		}
	}
	return errors.Join(errs...)
}

func scope(m message) uint8 { return nl.DeserializeRtMsg(m.header).Scope }
