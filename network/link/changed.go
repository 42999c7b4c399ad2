package link

import (
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of RTM_NEWNETCONF (linux/netconf.h), and the size of its fixed part, one
// byte for the family, as it is padded.
const (
	netconfIndex  = 1  // NETCONFA_IFINDEX
	netconfFilter = 3  // NETCONFA_RP_FILTER
	netconfAll    = -1 // NETCONFA_IFINDEX_ALL
	netconfHeader = 4
)

// note adds what a message tells, if it concerns us. Others' routes and neighbours do
// not: on a busy host they change all the time.
func (c *Changed) note(kind uint16, data []byte) {
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if m, err := parse(data, unix.SizeofIfInfomsg); err == nil {
			header := nl.DeserializeIfInfomsg(m.header)
			// A port that leaves its bridge is told of as a link that went, of the bridge's family.
			gone := kind == unix.RTM_DELLINK && header.Family == unix.AF_UNSPEC
			c.link(int(header.Index), m.text(unix.IFLA_IFNAME), gone)
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if m, err := parse(data, unix.SizeofIfAddrmsg); err == nil {
			c.addr(int(nl.DeserializeIfAddrmsg(m.header).Index))
		}
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		if m, err := parse(data, unix.SizeofNdMsg); err == nil && markedNeighbour(m) {
			c.entry(Entry{int(ndmsg(m.header).Ifindex), m.addr(netlink.NDA_DST)})
		}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		if m, err := parse(data, unix.SizeofRtMsg); err == nil {
			c.route(m)
		}
	case unix.RTM_NEWNETCONF:
		if m, err := parse(data, netconfHeader); err == nil && m.attrs[netconfFilter] != nil {
			c.setting(int(int32(m.number(netconfIndex))))
		}
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		c.Rules = true
	}
}

func (c *Changed) link(index int, name string, gone bool) {
	if c.Links == nil {
		c.Links, c.Gone = map[int]string{}, map[int]bool{}
	}
	c.Links[index] = name
	if gone {
		c.Gone[index] = true
	}
	if len(c.Links) > maxChanged {
		c.Links, c.Gone, c.Lost = nil, nil, true
	}
}

// setting goes by rp_filter of a device or of all. Of other settings the kernel tells
// nothing. What is the default for new devices is not for those that have an address.
func (c *Changed) setting(index int) {
	c.Settings = c.Settings || index == netconfAll
	c.addr(index)
}

// addr leaves out what stands for no device.
func (c *Changed) addr(index int) {
	if index <= 0 {
		return
	}
	if c.Addrs == nil {
		c.Addrs = map[int]bool{}
	}
	c.Addrs[index] = true
	if len(c.Addrs) > maxChanged {
		c.Addrs, c.Lost = nil, true
	}
}

func (c *Changed) entry(e Entry) {
	if c.Entries == nil {
		c.Entries = map[Entry]bool{}
	}
	c.Entries[e] = true
	if len(c.Entries) > maxChanged {
		c.Entries, c.Lost = nil, true
	}
}

func (c *Changed) route(m message) {
	r := routeOf(m)
	limit := defaultBitsIPv4
	if m.header[0] == unix.AF_INET6 {
		limit = defaultBitsIPv6
	}
	if r.protocol == Protocol || r.bits <= limit && !r.from || slices.Contains(Served(), m.addr(unix.RTA_DST)) {
		for _, index := range ways(m) {
			c.addr(index)
		}
	}
}
