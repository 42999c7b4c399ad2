package link

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Neighbour is a permanent entry of the neighbour table (ip-neighbour(8)): packets
// for the address go to that MAC, whatever other guests claim by ARP or neighbour
// discovery. It carries [Protocol].
type Neighbour struct {
	// Device is the one the guest is on, commonly a bridge.
	Device string
	Addr   netip.Addr
	MAC    net.HardwareAddr
	// Ours is set by [Neighbours].
	Ours bool
}

// site is where there is one neighbour.
type site struct {
	device string
	addr   netip.Addr
}

// ForeignNeighbourError is returned where somebody else has pinned the address to
// another MAC.
type ForeignNeighbourError struct{ Have, Want Neighbour }

// Error names both.
func (e *ForeignNeighbourError) Error() string {
	return fmt.Sprintf("%s is pinned to %s on %s, not by us: remove it (ip neigh del %s dev %s) or declare that MAC instead of %s",
		e.Have.Addr, e.Have.MAC, e.Have.Device, e.Have.Addr, e.Have.Device, e.Want.MAC)
}

// Neighbours returns the permanent entries for the addresses on a device. The cost
// does not depend on how many others there are. The error wraps [ErrNotFound] where
// there is no such device.
func Neighbours(device string, addrs ...netip.Addr) ([]Thing, error) {
	d, err := Find(device)
	if err != nil {
		return nil, err
	}
	var found []Thing
	for _, addr := range addrs {
		have, err := neighbour(device, d.Index, addr)
		if err != nil {
			return nil, fmt.Errorf("neighbour %s on %s: %w", addr, device, err)
		}
		if have != nil {
			found = append(found, *have)
		}
	}
	return found, nil
}

// neighbour returns the permanent entry for an address, nil if there is none.
func neighbour(device string, index int, addr netip.Addr) (*Neighbour, error) {
	answers, err := request(unix.RTM_GETNEIGH, 0, unix.RTM_NEWNEIGH, unix.SizeofNdMsg,
		&netlink.Ndmsg{Family: familyOf(addr), Index: uint32(index)},
		nl.NewRtAttr(netlink.NDA_DST, addr.AsSlice()))
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	header := ndmsg(answers[0].header)
	if header.State&unix.NUD_PERMANENT == 0 {
		return nil, nil
	}
	return &Neighbour{
		Device: device, Addr: addr,
		MAC:  answers[0].attrs[netlink.NDA_LLADDR],
		Ours: markedNeighbour(answers[0]),
	}, nil
}

func (n Neighbour) what() what {
	return what{place: site{n.Device, n.Addr}, content: n.MAC.String(), ours: n.Ours}
}

// change replaces an entry that was learned, and one of ours. It removes nothing
// but exactly what it would have added.
func (n Neighbour) change(verb Verb) error {
	d, err := Find(n.Device)
	if err != nil {
		return err
	}
	have, err := neighbour(n.Device, d.Index, n.Addr)
	if err != nil {
		return err
	}
	same := have != nil && bytes.Equal(have.MAC, n.MAC)
	entry := &netlink.Ndmsg{Family: familyOf(n.Addr), Index: uint32(d.Index), State: unix.NUD_PERMANENT}
	to := nl.NewRtAttr(netlink.NDA_DST, n.Addr.AsSlice())
	switch {
	case verb == Del && same && have.Ours:
		return ignore(unix.ENOENT, change(unix.RTM_DELNEIGH, 0, entry, to))
	case verb == Del || same:
		return nil
	case have != nil && !have.Ours:
		return &ForeignNeighbourError{Have: *have, Want: n}
	}
	if !n.Addr.Is4() && !IPv6(n.Device) {
		return &IPv6OffError{Device: n.Device}
	}
	return change(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, entry, to,
		nl.NewRtAttr(netlink.NDA_LLADDR, n.MAC),
		nl.NewRtAttr(netlink.NDA_PROTOCOL, nl.Uint8Attr(Protocol)))
}

func (n Neighbour) command(verb Verb) string {
	if verb == Del {
		return fmt.Sprintf("ip neigh del %s dev %s", n.Addr, n.Device)
	}
	return fmt.Sprintf("ip neigh replace %s lladdr %s dev %s nud permanent protocol %d", n.Addr, n.MAC, n.Device, Protocol)
}

// markedNeighbour reports whether a message about a neighbour has our mark.
func markedNeighbour(m message) bool {
	protocol := m.attrs[netlink.NDA_PROTOCOL]
	return len(protocol) == 1 && protocol[0] == Protocol
}

// ndmsg reads the fixed part of a message about a neighbour (struct ndmsg).
func ndmsg(b []byte) unix.NdMsg {
	native := nl.NativeEndian()
	return unix.NdMsg{
		Family: b[0], Ifindex: int32(native.Uint32(b[4:8])),
		State: native.Uint16(b[8:10]), Flags: b[10], Type: b[11],
	}
}

func familyOf(addr netip.Addr) uint8 {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
