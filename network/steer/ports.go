package steer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Port is a port of a shared bridge. Both are interface indexes (netdevice(7)),
// which the kernel gives to one device after the other: a device made anew with
// the same name is another port.
type Port struct {
	Index  int
	Bridge int
}

// AddPort puts a port of a shared bridge under our rules, whether it has members or
// not: it sends no frame with a MAC address that is declared on another port of the
// bridge; says by ARP or neighbour discovery nothing of a metadata address nor of
// an address that is declared for another; sends nothing from a metadata address;
// and nothing to one, but as a member, and to this host. A port that was of another
// bridge moves.
//
// A port by which this host reaches another's metadata service must stay out: its
// answers would be dropped. From such a port nothing of the kind goes to the
// others, all the same.
func (g *Guard) AddPort(port Port) error {
	if err := port.check(); err != nil {
		return err
	}
	what := fmt.Sprintf("add port %d of bridge %d", port.Index, port.Bridge)
	err := g.change(what, add, port.elements()...)
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) { // the kernel has used both
		return g.change(what, func(cc *nftables.Conn, elements []element) error {
			return errors.Join(inBatches(elements, cc.SetDeleteElements), add(cc, elements))
		}, port.elements()...)
	}
	return err
}

// DelPort ends [Guard.AddPort] for the port with this index. Its members, if they
// are not expelled, are without effect.
func (g *Guard) DelPort(index int) error {
	return g.drop(fmt.Sprintf("take port %d away", index),
		element{set: ports, key: number(index)}, element{set: bridgeOf, key: number(index)})
}

// Ports returns the ports of shared bridges, by index.
func (g *Guard) Ports() ([]Port, error) {
	elements, err := list(bridgeOf)
	if err != nil {
		return nil, err
	}
	found := make([]Port, 0, len(elements))
	for _, e := range elements {
		found = append(found, Port{Index: fromNumber(e.key), Bridge: fromNumber(e.value)})
	}
	slices.SortFunc(found, func(a, b Port) int { return a.Index - b.Index })
	return found, nil
}

func (p Port) check() error {
	if p.Index <= 0 || p.Bridge <= 0 {
		return fmt.Errorf("port %d of bridge %d: an interface index is above 0", p.Index, p.Bridge)
	}
	return nil
}

func (p Port) elements() []element {
	return []element{
		{set: ports, key: number(p.Index)},
		{set: bridgeOf, key: number(p.Index), value: number(p.Bridge)},
	}
}

// number is an interface index as the kernel compares it.
func number(index int) string {
	return string(binary.NativeEndian.AppendUint32(nil, uint32(index)))
}

func fromNumber(key string) int { return int(binary.NativeEndian.Uint32([]byte(key[:4]))) }

// gone drops the error that says that there is nothing to take away.
func gone(err error) error {
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	return err
}
