package cni

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"

	"github.com/rolecall/rolecall/rolestore"
)

// The addresses at which EC2's instances find the metadata service:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
var (
	metadataIPv4 = netip.MustParseAddr("169.254.169.254")
	metadataIPv6 = netip.MustParseAddr("fd00:ec2::254")
)

// sources are the addresses that a container's requests come from, of the families
// over which it is served. They are zero for others, and where it does not matter.
type sources struct{ ipv4, ipv6 netip.Addr }

// sources looks them up. IPv6 is served if the options say so; to a container without
// any IPv4 address it is, and then they say so.
func (s *sandbox) sources(w way, options *rolestore.MetadataOptions) (from sources, err error) {
	if w.host == nil {
		return from, nil
	}
	if from.ipv4, err = s.source(w.device, metadataIPv4); err != nil {
		return from, err
	}
	if options.HTTPProtocolIPv6 != "enabled" && from.ipv4.IsValid() {
		return from, nil
	}
	if from.ipv6, err = s.source(w.device, metadataIPv6); from.ipv6.IsValid() {
		options.HTTPProtocolIPv6 = "enabled"
	}
	return from, err
}

// reach lets the container send to the metadata addresses at which it is served. What
// is served inside of the namespace needs no route.
func (s *sandbox) reach(w way, from sources) error {
	if from.ipv4.IsValid() {
		if err := s.reachOne(w, metadataIPv4); err != nil {
			return err
		}
	}
	if from.ipv6.IsValid() {
		return s.reachOne(w, metadataIPv6)
	}
	return nil
}

// reachOne adds a route to that one address on the link, where the container has no
// route there, as on an internal network without a default route, or one by a gateway
// on the bridge that is another machine. Every other route is left alone, also one by
// another of the container's interfaces, and one that blocks the address on purpose.
// The route goes with the interface.
func (s *sandbox) reachOne(w way, to netip.Addr) error {
	index := w.device.Attrs().Index
	routes, err := s.inside.RouteGet(to.AsSlice())
	switch {
	case errors.Is(err, syscall.ENETUNREACH):
	case err != nil: // the kernel refuses to send there, as it was told to
		return nil //nolint:nilerr // the reason is in the comment above
	case len(routes) == 0 || routes[0].LinkIndex != index || routes[0].Gw == nil || w.bridge == nil:
		return nil
	default:
		here, err := s.isHosts(routes[0].Gw)
		if err != nil || here {
			return err
		}
	}
	err = s.inside.RouteReplace(&netlink.Route{
		LinkIndex: index,
		Scope:     netlink.SCOPE_LINK,
		Dst:       &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(to.BitLen(), to.BitLen())},
	})
	if err != nil {
		return fmt.Errorf("route to %s by %s: %w", to, w.device.Attrs().Name, err)
	}
	return nil
}

// isHosts reports whether an address is one of this host's.
func (s *sandbox) isHosts(ip net.IP) (bool, error) {
	addrs, err := s.outside.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return false, fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if a.IP.Equal(ip) {
			return true, nil
		}
	}
	return false, nil
}

// source is the address that the container's requests come from: that which the
// kernel takes on this interface, or the one with the widest scope. It is the zero
// address if there is none of the family.
func (s *sandbox) source(device netlink.Link, to netip.Addr) (netip.Addr, error) {
	family := netlink.FAMILY_V6
	if to.Is4() {
		family = netlink.FAMILY_V4
	}
	addrs, err := s.inside.AddrList(device, family)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list the addresses of %s: %w", device.Attrs().Name, err)
	}
	var chosen net.IP
	routes, err := s.inside.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{OifIndex: device.Attrs().Index})
	if err == nil && len(routes) > 0 {
		chosen = routes[0].Src
	}
	var best *netlink.Addr
	for _, a := range addrs {
		if best == nil || a.IP.Equal(chosen) || !best.IP.Equal(chosen) && a.Scope < best.Scope {
			best = &a
		}
	}
	if best == nil {
		return netip.Addr{}, nil
	}
	ip, _ := netip.AddrFromSlice(best.IP)
	return ip.Unmap(), nil
}
