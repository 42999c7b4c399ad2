package verdict

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maker tells by the names in a table what program makes it.
func (r *Ruleset) maker(t table) Maker {
	if t.name == "firewalld" {
		return Firewalld
	}
	if t.family != unix.NFPROTO_IPV4 && t.family != unix.NFPROTO_IPV6 ||
		!slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, t.name) {
		return Nft
	}
	maker := Nft
	for id, c := range r.chains {
		switch {
		case id.table != t:
		case strings.HasPrefix(id.name, "ufw-"):
			return Ufw
		case id.name == "DOCKER":
			maker = Docker
		case c.isBase && maker == Nft && slices.Contains([]string{"INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"}, id.name):
			maker = Iptables
		}
	}
	return maker
}
