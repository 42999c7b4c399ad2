package steer

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Guard is our tables in the network namespace of the calling thread, whichever
// that is at the call. It keeps no socket and, unless it gathers, no state: all is in
// the kernel.
// It needs CAP_NET_ADMIN; without it errors are a [*link.CapabilityError].
type Guard struct {
	way     Way
	gathers bool      // see [Guard.Gather]
	waiting []element // to be taken away
	shares  *bool     // that devices share chains; see [Guard.Refuse]
	// inherited are what an earlier process put, and this one has not; see [Guard.Inherit].
	inherited map[key]element
}

// New returns our tables, for listeners at port 80; it makes nothing yet.
func New() *Guard { return Via(Way{Mode: Direct}) }

// Via is [New] for listeners that sit elsewhere.
func Via(w Way) *Guard { return &Guard{way: w} }

// Guard lets nothing for the metadata addresses be forwarded from a device, named
// with 1 to 15 bytes, from now on: also when the device is made anew, and when no
// process of ours is left. TCP is refused with a reset, all else with "ICMP
// administratively prohibited". What a bridge gets from a device of that name is
// dropped, be it to be switched or routed, but what a member asks ([Guard.Admit]);
// behind a second tag of a VLAN too, and whatever has three or hides behind VLAN 0.
// IPv4 source routes from the device are dropped wherever they lead.
//
// This and all changes of one element: again is no error; [ErrAbsent] without our
// tables, but taking an element away succeeds then.
func (g *Guard) Guard(device string) error {
	e, err := named(guarded, device)
	if err != nil {
		return err
	}
	return g.change(fmt.Sprintf("guard %s", device), add, guards(e)...)
}

// Unguard ends [Guard.Guard].
func (g *Guard) Unguard(device string) error {
	e, err := named(guarded, device)
	if err != nil {
		return err
	}
	return g.drop(fmt.Sprintf("guard %s no more", device), guards(e)...)
}

// GuardFor is [Guard.Guard] with a note of at most 128 bytes on whom it is for, for a later
// process. The first note stays.
func (g *Guard) GuardFor(device, owner string) error {
	e, err := named(guarded, device)
	if err != nil {
		return err
	}
	e.comment = owner
	return g.change(fmt.Sprintf("guard %s", device), add, guards(e)...)
}

// GuardedFor returns the notes of [Guard.GuardFor] by device; none without our tables.
func (g *Guard) GuardedFor() (map[string]string, error) {
	elements, err := list(guarded)
	if err != nil {
		return nil, err
	}
	notes := map[string]string{}
	for _, e := range elements {
		if e.comment != "" {
			notes[fromIfname(e.key)] = e.comment
		}
	}
	return notes, nil
}

// Guarded returns the guarded devices, sorted; none without our tables.
func (g *Guard) Guarded() ([]string, error) { return g.names(guarded) }

// Serve says that requests are expected on a device, which may be lo: they are led to
// the listener, and all else for a metadata address is refused but ICMP, as for a port
// where nobody listens. What arrives elsewhere is refused as stray, whatever the port,
// but on lo.
func (g *Guard) Serve(device string) error { return g.put(served, device) }

// Unserve ends [Guard.Serve].
func (g *Guard) Unserve(device string) error { return g.take(served, device) }

// Served returns the devices on which requests are expected, sorted.
func (g *Guard) Served() ([]string, error) { return g.names(served) }

// Place records that we came to a device and put a metadata address on it, for a later
// process that tidies up, with a note of at most 128 bytes on what was there before. The
// first note stays. No rule uses it.
func (g *Guard) Place(device, note string) error {
	e, err := named(placed, device)
	if err != nil {
		return err
	}
	e.comment = note
	return g.change(fmt.Sprintf("add %s to the %s devices", device, placed), add, e)
}

// Unplace ends [Guard.Place].
func (g *Guard) Unplace(device string) error { return g.take(placed, device) }

// Placed returns the devices that hold a metadata address of ours, with their notes;
// none without our tables.
func (g *Guard) Placed() (map[string]string, error) {
	elements, err := list(placed)
	if err != nil {
		return nil, err
	}
	notes := make(map[string]string, len(elements))
	for _, e := range elements {
		notes[fromIfname(e.key)] = e.comment
	}
	return notes, nil
}

// Share says that several instances share a bridge: from now on only members
// ([Guard.Admit]) reach the metadata addresses through it, and only they get
// answers. It must come before a listener on the bridge.
func (g *Guard) Share(bridge string) error { return g.put(bridges, bridge) }

// Unshare ends [Guard.Share].
func (g *Guard) Unshare(bridge string) error { return g.take(bridges, bridge) }

// Shared returns the bridges that instances share, sorted.
func (g *Guard) Shared() ([]string, error) { return g.names(bridges) }

func (g *Guard) put(set, device string) error {
	e, err := named(set, device)
	if err != nil {
		return err
	}
	return g.change(fmt.Sprintf("add %s to the %s devices", device, set), add, e)
}

func (g *Guard) take(set, device string) error {
	e, err := named(set, device)
	if err != nil {
		return err
	}
	return g.drop(fmt.Sprintf("take %s from the %s devices", device, set), e)
}

func (g *Guard) names(set string) ([]string, error) {
	elements, err := list(set)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(elements))
	for _, e := range elements {
		names = append(names, fromIfname(e.key))
	}
	slices.Sort(names)
	return names, nil
}

// named is the element of a set of devices.
func named(set, device string) (element, error) {
	if len(device) == 0 || len(device) >= unix.IFNAMSIZ {
		return element{}, fmt.Errorf("device %q: a name has 1 to %d bytes", device, unix.IFNAMSIZ-1)
	}
	return element{set: set, key: ifname(device)}, nil
}
