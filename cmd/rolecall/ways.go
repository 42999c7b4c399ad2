package main

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hold"
)

// way is the attachment of an instance in the words of the network, which knows no
// instances.
func (a *agentHalf) way(r hold.Registration) (network.Attachment, error) {
	i := r.Instance
	ipv6 := i.Options.HTTPProtocolIPv6 == "enabled"
	var way network.Attachment
	switch at := i.Attachment; at.Kind() {
	case "host":
		return a.hostWay(i.ID, ipv6)
	case "interface":
		way = network.Interface(i.ID, at.Netns, at.Interface, ipv6)
	case "netns":
		way = network.Netns(i.ID, at.Netns, ipv6)
	case "bridge":
		member, err := memberOf(at)
		if err != nil {
			return way, err
		}
		way = network.Bridge(i.ID, at.Bridge, member, ipv6)
	}
	way = withContainers(way, i, ipv6)
	way.Follow = r.File || i.Attachment.Reattach == rolestore.ReattachName
	way.Bound = network.Bound{Boot: r.Bound.Boot, Netns: r.Bound.Netns, Index: r.Bound.Index}
	return way, nil
}

// hostWay is how the host's own requests are to arrive.
func (a *agentHalf) hostWay(id string, ipv6 bool) (network.Attachment, error) {
	if a.options.listen == "" {
		return network.Host(id, ipv6), nil
	}
	address, err := netip.ParseAddrPort(a.options.listen)
	if err != nil {
		return network.Attachment{}, fmt.Errorf("--listen %q: want ADDRESS:PORT, as in 127.0.0.1:1338", a.options.listen)
	}
	return network.Loopback(id, address)
}

func memberOf(at rolestore.Attachment) (network.Member, error) {
	mac, err := net.ParseMAC(at.MAC)
	if err != nil {
		return network.Member{}, err
	}
	m := network.Member{Port: at.Port, MAC: mac}
	for _, text := range []string{at.Address, at.IPv6Address} {
		if text == "" {
			continue
		}
		address, err := netip.ParseAddr(text)
		if err != nil {
			return m, err
		}
		m.Addrs = append(m.Addrs, address)
	}
	return m, nil
}

// unheard is what this host does that keeps a guest from reaching us.
func unheard(at rolestore.Attachment) error {
	switch at.Kind() {
	case "interface":
		return network.Unheard(network.Interface("", at.Netns, at.Interface, false))
	case "bridge":
		member, err := memberOf(at)
		if err != nil {
			return err
		}
		return network.Unheard(network.Bridge("", at.Bridge, member, false))
	}
	return nil
}
