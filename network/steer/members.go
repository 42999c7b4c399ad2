package steer

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/rolecall/rolecall/network/link"
)

// Member is one address of an instance on a shared bridge. Who sends with this MAC
// address and this IP address from this port may ask; an instance with two
// addresses is two members. Two bridges may have members that are equal but for
// the port.
type Member struct {
	Port Port
	MAC  net.HardwareAddr // 6 bytes, of one station
	Addr netip.Addr       // IPv4 or IPv6, without zone
}

// String is as in a log or an error.
func (m Member) String() string {
	return fmt.Sprintf("%s with %s on port %d of bridge %d", m.Addr, m.MAC, m.Port.Index, m.Port.Bridge)
}

// Admit lets members ask: all, or none. It is without effect until their ports are
// added.
func (g *Guard) Admit(members ...Member) error {
	elements, err := elementsOf(members)
	if err != nil {
		return err
	}
	return g.change(fmt.Sprintf("admit %v", members), add, elements...)
}

// Expel ends [Guard.Admit]. stay are other members that have a MAC address or an IP
// address in common with one of those, which stay declared; more than these do no
// harm.
func (g *Guard) Expel(stay []Member, members ...Member) error {
	elements, err := elementsOf(members)
	if err != nil {
		return err
	}
	leave := map[element]bool{}
	for _, m := range members {
		leave[m.elements()[0]] = true
	}
	kept := map[element]bool{}
	for _, m := range stay {
		if !leave[m.elements()[0]] {
			for _, e := range m.elements() {
				kept[e] = true
			}
		}
	}
	elements = slices.DeleteFunc(elements, func(e element) bool { return kept[e] })
	return g.drop(fmt.Sprintf("expel %v", members), elements...)
}

// Members returns who may ask, by port.
func (g *Guard) Members() ([]Member, error) {
	elements, err := list(members4, members6)
	if err != nil {
		return nil, err
	}
	members := make([]Member, 0, len(elements))
	for _, e := range elements {
		addr, _ := netip.AddrFromSlice([]byte(e.key[16:]))
		members = append(members, Member{
			Port: Port{Bridge: fromNumber(e.key), Index: fromNumber(e.key[4:])},
			MAC:  net.HardwareAddr(e.key[8:14]),
			Addr: addr,
		})
	}
	slices.SortFunc(members, func(a, b Member) int {
		if a.Port.Index != b.Port.Index {
			return a.Port.Index - b.Port.Index
		}
		return a.Addr.Compare(b.Addr)
	})
	return members, nil
}

// elementsOf is all that the kernel must know of members, each thing once.
func elementsOf(members []Member) ([]element, error) {
	var elements []element
	seen := map[element]bool{}
	for _, m := range members {
		if err := m.check(); err != nil {
			return nil, err
		}
		for _, e := range m.elements() {
			if !seen[e] {
				seen[e] = true
				elements = append(elements, e)
			}
		}
	}
	return elements, nil
}

// elements are the member itself and what may not be claimed by others. The parts
// of a key begin at multiples of 4 bytes.
func (m Member) elements() []element {
	addr := m.Addr.Unmap()
	bridge, port := number(m.Port.Bridge), number(m.Port.Index)
	mac, ip := string(m.MAC)+"\x00\x00", string(addr.AsSlice())
	member, owned := members4, owned4
	if addr.Is6() {
		member, owned = members6, owned6
	}
	return []element{
		{set: member, key: bridge + port + mac + ip},
		{set: owned, key: bridge + ip},
		{set: macs, key: bridge + mac},
		{set: owners, key: port + mac},
	}
}

func (m Member) check() error {
	if err := m.Port.check(); err != nil {
		return fmt.Errorf("member %v: %w", m, err)
	}
	if len(m.MAC) != 6 || m.MAC[0]&1 != 0 {
		return fmt.Errorf("member %v: the MAC address is not that of one Ethernet station", m)
	}
	addr := m.Addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() ||
		slices.Contains(link.Served(), addr) {
		return fmt.Errorf("member %v: the IP address is not one that an instance can have", m)
	}
	return nil
}
