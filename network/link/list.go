package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// listAttempts is how often a list is asked for that came out incomplete, as
// addresses changed meanwhile. Each attempt takes under a millisecond; a host
// that starts containers changes a few addresses a second.
const listAttempts = 5

// List returns all addresses of a device, and says which are ours. It needs no
// capability.
func List(device string) ([]Addr, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", device, err)
	}
	var found []netlink.Addr
	for range listAttempts {
		found, err = netlink.AddrList(link, netlink.FAMILY_ALL)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", device, err)
	}
	addrs := make([]Addr, 0, len(found))
	for _, f := range found {
		ip, _ := netip.AddrFromSlice(f.IP)
		ones, _ := f.Mask.Size()
		prefix := netip.PrefixFrom(ip.Unmap(), ones)
		addrs = append(addrs, Addr{Device: device, Prefix: prefix, Ours: ours(prefix, f)})
	}
	return addrs, nil
}

// ours reports whether the address carries our mark.
func ours(prefix netip.Prefix, addr netlink.Addr) bool {
	if prefix.Addr().Is4() {
		return addr.Label == label
	}
	return prefix == netip.PrefixFrom(MetadataIPv6, MetadataIPv6.BitLen()) &&
		addr.Flags&unix.IFA_F_DEPRECATED != 0
}

// IPv6 reports whether a device takes IPv6 addresses: the kernel has IPv6, and
// the sysctl disable_ipv6 of the device is 0.
func IPv6(device string) bool {
	disabled, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv6/conf", device, "disable_ipv6"))
	return err == nil && strings.TrimSpace(string(disabled)) == "0"
}
