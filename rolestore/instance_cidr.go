package rolestore

import (
	"fmt"
	"net/netip"
	"slices"
)

// blocks are networks of one kind, in CIDR notation.
type blocks struct {
	name  string
	texts []string
	six   bool
}

func (b blocks) example() string {
	if b.six {
		return "an IPv6 network, as in 2001:db8::/64"
	}
	return "an IPv4 network, as in 10.0.0.0/24"
}

// check reports what is no network, lies outside of others where they are known, or has
// another length than it must, if it is not 0.
func (b blocks) check(outer blocks, length int) error {
	for _, text := range b.texts {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4() == b.six || p.Addr().Is4In6() {
			return fmt.Errorf("%s %q: want %s", b.name, text, b.example())
		}
		if p != p.Masked() {
			return fmt.Errorf("%s %q: want the network itself, %s", b.name, text, p.Masked())
		}
		if length != 0 && p.Bits() != length {
			return fmt.Errorf("%s %q: want a prefix of %d bits, as EC2 delegates them", b.name, text, length)
		}
		if !outer.contain(p) {
			return fmt.Errorf("%s %q: it is not in %s: mend one of them", b.name, text, outer)
		}
	}
	return nil
}

// holds reports what is not the address of one machine, or lies outside.
func (b blocks) holds(name, text string) error {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Is4() == b.six || ip.Is4In6() || ip.Zone() != "" || !ofOneMachine(ip) {
		return fmt.Errorf("%s %q: want the address of one machine, of IPv%s", name, text, map[bool]string{false: "4", true: "6"}[b.six])
	}
	if !b.contain(netip.PrefixFrom(ip, ip.BitLen())) {
		return fmt.Errorf("%s %q: it is not in %s: mend one of them", name, text, b)
	}
	return nil
}

// contain reports whether p lies in one of b, all of which are networks, or b is not known.
func (b blocks) contain(p netip.Prefix) bool {
	return len(b.texts) == 0 || slices.ContainsFunc(b.texts, func(text string) bool {
		outer, err := netip.ParsePrefix(text)
		return err == nil && outer.Bits() <= p.Bits() && outer.Contains(p.Addr())
	})
}

func (b blocks) String() string { return fmt.Sprintf("%s %q", b.name, b.texts) }
