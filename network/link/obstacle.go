package link

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// SettingError is returned where the kernel keeps guests of a device from reaching us by
// a setting that is not ours to change.
type SettingError struct {
	// Device is "all" or the device's name.
	Device string
	Name   string
	Value  int
	// Good is a value that lets them.
	Good int
	// Does is what it does, Remedy what helps.
	Does, Remedy string
}

// Setting is the sysctl's full name.
func (e *SettingError) Setting() string {
	if slices.Contains([]byte(e.Device), '.') { // as sysctl(8) wants it
		return "net/ipv4/conf/" + e.Device + "/" + e.Name
	}
	return "net.ipv4.conf." + e.Device + "." + e.Name
}

// Command sets it to what is good.
func (e *SettingError) Command() string { return fmt.Sprintf("sysctl -w %s=%d", e.Setting(), e.Good) }

// Error names the setting.
func (e *SettingError) Error() string {
	return fmt.Sprintf("%s=%d %s: %s", e.Setting(), e.Value, e.Does, e.Remedy)
}

// Obstacle reports the setting by which a guest on a device is not heard, once
// [HearGuests] has been done for a device of its own; a [*SettingError], nil if there is
// none. The guest's address is known on a bridge, and is not valid otherwise. Settings
// are for IPv4 alone. A device that is not there yet has a name alone, and may come with
// the route that is missed.
func Obstacle(d Device, guest netip.Addr) error {
	all, err := SettingsOfAll()
	if err != nil || guest.Is6() {
		return err
	}
	s := scene{device: d, all: all, own: d.Settings, guest: guest}
	if !guest.IsValid() {
		s.own = s.own.cured(all)
	}
	if err := s.filter(); err != nil {
		return err
	}
	return s.arp()
}

// scene is what an obstacle is looked for in.
type scene struct {
	device   Device
	all, own Settings
	guest    netip.Addr
}

// filter looks at rp_filter. One that is loose is content with any route to the guest.
func (s scene) filter() error {
	if max(s.all.RPFilter, s.own.RPFilter) <= 0 {
		return nil
	}
	strict := max(s.all.RPFilter, s.own.RPFilter) == 1
	w, err := s.way()
	if err != nil || w.here || w.known && !strict {
		return err
	}
	e := s.larger("rp_filter", s.all.RPFilter, s.own.RPFilter)
	e.Does = "drops what a guest sends that this host has no route to"
	e.Remedy = fmt.Sprintf("set it to %d (%s), or give this host a default route", e.Good, e.Command())
	if strict {
		e.Good = 2
		e.Does = fmt.Sprintf("drops what %s sends, as no route to it leads by %s", s.guest, s.device.Name)
		e.Remedy = fmt.Sprintf("set it to %d (%s), or add the route (ip route add %s dev %s)", e.Good, e.Command(), s.guest, s.device.Name)
	}
	return e
}

// arp looks at what keeps this host from answering ARP. Who is on a bridge asks for the
// host's own address there, which is his gateway.
func (s scene) arp() error {
	if s.all.ARPFilter != 0 || s.own.ARPFilter != 0 {
		w, err := s.way()
		if err != nil {
			return err
		}
		if !w.sole {
			e := s.larger("arp_filter", s.all.ARPFilter, s.own.ARPFilter)
			e.Does = fmt.Sprintf("keeps this host from answering ARP on %s, as the route to the guest does not lead by it", s.device.Name)
			e.Remedy = fmt.Sprintf("set it to %d (%s)", e.Good, e.Command())
			return e
		}
	}
	ignore := max(s.all.ARPIgnore, s.own.ARPIgnore)
	if !silent(ignore) {
		return nil
	}
	if s.guest.IsValid() && ignore != 8 {
		gateways, err := ownAddresses(s.device)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(gateways, func(p netip.Prefix) bool { return ignore == 3 || p.Contains(s.guest) }) {
			return nil
		}
	}
	e := s.larger("arp_ignore", s.all.ARPIgnore, s.own.ARPIgnore)
	e.Does = fmt.Sprintf("keeps this host from answering ARP for %s on %s", MetadataIPv4, s.device.Name)
	e.Good = 1
	e.Remedy = fmt.Sprintf("set it to 0 or 1 (%s)", e.Command())
	return e
}

// larger names the setting that is in force. What a guest's own device has was made to
// fit that of all.
func (s scene) larger(name string, all, own int) *SettingError {
	if all >= own || !s.guest.IsValid() {
		return &SettingError{Device: "all", Name: name, Value: all}
	}
	return &SettingError{Device: s.device.Name, Name: name, Value: own}
}

// way is what the host knows of how to reach a guest.
type way struct {
	known bool // it has a route
	here  bool // which leads by the guest's device
	sole  bool // and by no other
}

// way takes a guest whose address is not known to have one of those that are routed by
// its device.
func (s scene) way() (way, error) {
	if s.guest.IsValid() {
		return leads(s.guest, s.device.Index)
	}
	best, err := leads(dummy, s.device.Index)
	if err != nil || s.device.Index == 0 {
		return best, err
	}
	routes, err := routesBy(s.device.Index)
	for _, m := range routes {
		to := m.addr(unix.RTA_DST)
		subnet := netip.PrefixFrom(to, routeOf(m).bits)
		// The first addresses of a subnet are its name and often this host's own.
		for tries := 0; tries < 4 && to.IsValid() && subnet.Contains(to); tries++ {
			w, err := leads(to, s.device.Index)
			if err != nil || w.sole {
				return w, err
			}
			best.known, best.here = best.known || w.known, best.here || w.here
			to = to.Next()
		}
	}
	return best, err
}

// ownAddresses are the IPv4 addresses of a device that we did not put there.
func ownAddresses(d Device) ([]netip.Prefix, error) {
	things, err := addresses(d.Name, d.Index, unix.AF_INET, true)
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", d.Name, err)
	}
	var own []netip.Prefix
	for _, thing := range things {
		if a, ok := thing.(Addr); ok && !a.Ours {
			own = append(own, a.Prefix)
		}
	}
	return own, nil
}

// NeedsAddress reports whether a bridge has to have [MetadataIPv4] for its guests to be
// heard: where it has no address at all, rp_filter drops everything in any mode but 0,
// and arp_ignore has nothing to answer for. One that has an address does without ours.
func NeedsAddress(bridge Device) (bool, error) {
	all, err := SettingsOfAll()
	if err != nil || max(all.RPFilter, bridge.Settings.RPFilter) <= 0 && max(all.ARPIgnore, bridge.Settings.ARPIgnore) <= 0 {
		return false, err
	}
	own, err := ownAddresses(bridge)
	return len(own) == 0, err
}

// Owned reports whether an address is this host's own: the kernel drops whatever claims
// to come from it.
func Owned(addr netip.Addr) (bool, error) {
	r, err := lookup(addr, netip.Addr{}, 0)
	return r.kind == unix.RTN_LOCAL, err
}
