package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/rolecall/rolecall/network/link"
)

// unsuitable reports a device whose requests cannot, or must not, be taken.
func (st *stand) unsuitable(d link.Device) error {
	switch {
	case st.device == loopback:
		return nil
	case d.Bypass != "":
		return fmt.Errorf("device %s is %s: what its guest sends does not pass through this host's network; give the guest a tap or a veth pair, or attach the namespace that it lies in, with netns", d.Name, d.Bypass)
	case st.bridge() && d.Kind != "bridge":
		return fmt.Errorf("device %s is no bridge: attach it with {interface: %s}", d.Name, d.Name)
	case st.bridge():
		return nil
	case d.Kind == "bridge":
		return fmt.Errorf("device %s is a bridge, behind which there may be several instances: attach each with {bridge: %s, port: ..., mac: ..., address: ...}", d.Name, d.Name)
	case d.Master != "":
		return fmt.Errorf("device %s is a port of %s, on which its packets arrive: attach the instance with {bridge: %s, port: %s, mac: ..., address: ...}", d.Name, d.Master, d.Master, d.Name)
	case d.Uplink:
		return fmt.Errorf("device %s is this host's way out, by a default route: whoever is out there would get the instance's role; name the device of one guest", d.Name)
	}
	return nil
}

// unheard reports the setting of this host by which the guest on a device of its own does
// not reach us.
func (st *stand) unheard(d link.Device) error {
	if st.bridge() || st.device == loopback {
		return nil
	}
	return link.Obstacle(d, netip.Addr{})
}

// unheardFrom reports why a member of a bridge does not reach us.
func (a Attachment) unheardFrom(bridge link.Device) error {
	for _, addr := range a.Member.Addrs {
		if !a.serves(addr) {
			continue
		}
		owned, err := link.Owned(addr)
		if err != nil {
			return err
		}
		if owned {
			return fmt.Errorf("%s is an address of this host itself, which drops what claims to come from it: give the instance another, or take it from the host (ip address show to %s)", addr, addr)
		}
		if err := link.Obstacle(bridge, addr); err != nil {
			return err
		}
	}
	return nil
}

// Unheard reports what keeps, or will keep when its device is there, the guest of an
// attachment from reaching us by this host's doing, as a [*link.SettingError] if it is a
// setting of the kernel. It is for those who ask beside the agent, in its namespace.
func Unheard(a Attachment) error {
	look := func() error {
		d, err := link.Describe(a.Device)
		absent := errors.Is(err, link.ErrNotFound)
		switch {
		case err != nil && !absent:
			return err
		case a.Member == nil:
			d.Name = a.Device
			return link.Obstacle(d, netip.Addr{})
		case absent:
			return nil // its addresses decide
		}
		return a.unheardFrom(d)
	}
	if !a.guest() {
		return nil
	}
	if a.Netns == "" {
		return look()
	}
	n, err := openNamespace(a.Netns)
	if err != nil {
		return err
	}
	defer n.close()
	return n.do(look)
}

// down reports a device on which nothing can arrive. Those of guests come up with
// the guest; lo has to be up by then.
func (st *stand) down(d link.Device) string {
	if st.device != loopback || d.Up {
		return ""
	}
	if st.place.path == "" {
		return "device lo is down, so that nothing can arrive on it; bring it up: ip link set lo up"
	}
	return fmt.Sprintf("device lo of %s is down, so that nothing can arrive on it; bring it up: nsenter --net=%s ip link set lo up", st.place.path, st.place.path)
}
