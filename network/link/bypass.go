package link

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Priorities of the rules, see [Bypass].
const (
	wayPriority   = 50
	localPriority = 100
)

// ForeignRuleError is returned where a rule of another program is before the one for
// the table local, or would be.
type ForeignRuleError struct{ Rule netlink.Rule }

// Error names the rule.
func (e *ForeignRuleError) Error() string {
	return fmt.Sprintf("the host's own way to another metadata service cannot be kept, as somebody has a rule at priority %d that looks up table %d (ip rule show): give it a priority above %d, after the one for the table local at priority 0",
		e.Rule.Priority, e.Rule.Table, localPriority)
}

// rules are those of IPv4. Where the metadata address is on a guest's device, the
// host's own packets for it would be delivered here as well, by the table local,
// which the rule of priority 0 looks up before all others. So:
//
//	50:   from all to 169.254.169.254 iif lo lookup main proto 84    way
//	100:  from all lookup local proto 84                             late
//	0:    from all lookup local                                      first, removed
type rules struct {
	way, late, first bool          // which are there
	foreign          *netlink.Rule // one of others that is in the way
}

// Bypass keeps (or ends to keep) the host's own way to a metadata service that is
// not ours: packets for 169.254.169.254 that are made on this host go by the table
// main, those of guests stay here (ip-rule(8)). It refuses with a
// [*ForeignRuleError], before it changes anything, where that would reorder somebody
// else's rules. There is a rule for the table local at every moment, and after a
// process that was killed between two steps the next call does the rest. It says whether
// there was anything to do.
//
// IPv6 has no such way. Whatever route the host's packets took, their source would
// be fd00:ec2::254 too, as an address of this host that equals the destination is
// preferred to all others (RFC 6724 section 5, rule 1). So where a guest is served
// over IPv6, the host itself is refused there, and has to ask over IPv4.
func Bypass(on bool) (changed bool, err error) {
	r, err := currentRules()
	if err != nil {
		return false, err
	}
	step, changed := r.off, r.way || r.late
	if on {
		if r.foreign != nil {
			return false, &ForeignRuleError{Rule: *r.foreign}
		}
		step, changed = r.on, !r.way || !r.late || r.first
	}
	if err := step(); err != nil {
		return false, fmt.Errorf("change the rules for %s: %w", MetadataIPv4, Denied(NetAdmin, err))
	}
	return changed, nil
}

// Bypassed reports whether anything of [Bypass] is there, be it half done.
func Bypassed() (bool, error) {
	r, err := currentRules()
	return r.way || r.late, err
}

func (r rules) on() error {
	if !r.way {
		if err := ignore(unix.EEXIST, netlink.RuleAdd(wayRule())); err != nil {
			return err
		}
	}
	if !r.late {
		if err := ignore(unix.EEXIST, netlink.RuleAdd(localRule(localPriority, Protocol))); err != nil {
			return err
		}
	}
	if !r.first {
		return nil
	}
	return ignore(unix.ENOENT, netlink.RuleDel(localRule(0, 0)))
}

func (r rules) off() error {
	if !r.way && !r.late {
		return nil
	}
	if !r.first {
		if err := ignore(unix.EEXIST, netlink.RuleAdd(localRule(0, unix.RTPROT_KERNEL))); err != nil {
			return err
		}
	}
	if r.late {
		if err := ignore(unix.ENOENT, netlink.RuleDel(localRule(localPriority, Protocol))); err != nil {
			return err
		}
	}
	if !r.way {
		return nil
	}
	return ignore(unix.ENOENT, netlink.RuleDel(wayRule()))
}

func currentRules() (rules, error) {
	var found []netlink.Rule
	var err error
	for range dumpAttempts {
		if found, err = netlink.RuleList(unix.AF_INET); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return rules{}, fmt.Errorf("list the rules for routes: %w", err)
	}
	var r rules
	for i, f := range found {
		switch {
		case f.Protocol == Protocol && f.Priority == wayPriority:
			r.way = true
		case f.Protocol == Protocol && f.Priority == localPriority:
			r.late = true
		case f.Priority == 0 && f.Table == unix.RT_TABLE_LOCAL && all(f):
			r.first = true
		case f.Priority <= localPriority && r.foreign == nil:
			r.foreign = &found[i]
		}
	}
	if r.foreign == nil && !r.first && !r.late {
		r.foreign = moved(found)
	}
	return r, nil
}

// all reports whether a rule is for all packets.
func all(r netlink.Rule) bool {
	return r.Src == nil && r.Dst == nil && r.IifName == "" && r.OifName == "" && r.Mark == 0 && r.Mask == nil &&
		r.Tos == 0 && r.TunID == 0 && r.IPProto == 0 && r.Sport == nil && r.Dport == nil && r.UIDRange == nil && !r.Invert
}

// moved returns the rule by which somebody else looks up the table local, nil if there
// is none.
func moved(found []netlink.Rule) *netlink.Rule {
	for i, f := range found {
		if f.Table == unix.RT_TABLE_LOCAL {
			return &found[i]
		}
	}
	return nil
}

// wayRule says lo: that is where the kernel has packets come from that are made here.
func wayRule() *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Priority, rule.Table, rule.Protocol = unix.AF_INET, wayPriority, unix.RT_TABLE_MAIN, Protocol
	rule.IifName, rule.Dst = loopback, &net.IPNet{IP: MetadataIPv4.AsSlice(), Mask: net.CIDRMask(32, 32)}
	return rule
}

// localRule looks up the table local. Without a protocol any matches.
func localRule(priority int, protocol uint8) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Priority, rule.Table, rule.Protocol = unix.AF_INET, priority, unix.RT_TABLE_LOCAL, protocol
	return rule
}
