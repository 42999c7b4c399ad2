package link

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// IPv6OffError is returned where a device takes no IPv6 addresses.
type IPv6OffError struct{ Device string }

// Error names the setting.
func (e *IPv6OffError) Error() string {
	return fmt.Sprintf("IPv6 is off for device %s: set net.ipv6.conf.%s.disable_ipv6=0, or attach it without IPv6", e.Device, e.Device)
}

// List returns what a device has: all its addresses, and what is ours of the rest,
// but for neighbours. On lo a mark says which addresses are ours. Elsewhere the kernel
// has none: before, if not nil, is what the caller put on record when it came to the
// device, and says what the settings were. Then metadata addresses that look like ours
// are taken to be, and settings that are as we make them. List needs no capability. Its
// cost does not depend on how many other devices there are. The error wraps
// [ErrNotFound] where there is no such device.
func List(device string, before *Settings) ([]Thing, error) {
	d, err := Find(device)
	if err != nil {
		return nil, err
	}
	var things []Thing
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		addrs, err := addresses(device, d.Index, family, before != nil)
		if err != nil {
			return nil, fmt.Errorf("list the addresses of %s: %w", device, err)
		}
		things = append(things, addrs...)
	}
	if device == loopback {
		return things, nil
	}
	reply, err := replyBy(d.Index)
	if err != nil {
		return nil, fmt.Errorf("look for a route from %s by %s: %w", MetadataIPv6, device, err)
	}
	if reply {
		things = append(things, Reply{Device: device})
	}
	if d.Kind == kindBridge {
		return things, nil
	}
	own, err := settings(d, before)
	if err != nil {
		return nil, fmt.Errorf("list the settings of %s: %w", device, err)
	}
	return append(things, own...), nil
}

// addresses lists those of one device and family.
func addresses(device string, index int, family uint8, ours bool) ([]Thing, error) {
	filter := &nl.IfAddrmsg{IfAddrmsg: unix.IfAddrmsg{Family: family, Index: uint32(index)}}
	messages, err := dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, unix.SizeofIfAddrmsg, filter)
	if err != nil {
		return nil, err
	}
	var addrs []Thing
	for _, m := range messages {
		header := nl.DeserializeIfAddrmsg(m.header)
		if header.Family != family || int(header.Index) != index {
			continue // a kernel without IPv6, or without strict checks, lists more
		}
		ip := m.addr(unix.IFA_LOCAL) // of two ends, ours
		if !ip.IsValid() {
			ip = m.addr(unix.IFA_ADDRESS)
		}
		addr := Addr{Device: device, Prefix: netip.PrefixFrom(ip, int(header.Prefixlen))}
		flags := uint32(header.Flags)
		if _, wide := m.attrs[unix.IFA_FLAGS]; wide {
			flags = m.number(unix.IFA_FLAGS)
		}
		addr.Ours = addr.looksOurs(header.Scope, flags, m.text(unix.IFA_LABEL)) && (ours || device == loopback)
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

// looksOurs reports whether an address is as we add it.
func (a Addr) looksOurs(scope uint8, flags uint32, text string) bool {
	ip := a.Prefix.Addr()
	if ip.Is6() {
		return slices.Contains(Served(), ip) && a.Prefix.IsSingleIP() && flags&unix.IFA_F_DEPRECATED != 0
	}
	if a.Device == loopback {
		return text == label
	}
	return slices.Contains(Served(), ip) && a.Prefix.IsSingleIP() && scope == unix.RT_SCOPE_HOST
}

// IPv6 reports whether a device takes IPv6 addresses: the kernel has IPv6, and
// the sysctl disable_ipv6 of the device is 0.
func IPv6(device string) bool {
	disabled, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv6/conf", device, "disable_ipv6"))
	return err == nil && strings.TrimSpace(string(disabled)) == "0"
}
