package steer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// refuse is the chain that all chains of devices lead to.
	refuse = "refuse"
	// iifKind is the kind of the device, as ip-link(8) has it (NFT_META_IIFKIND of
	// linux/netfilter/nf_tables.h).
	iifKind expr.MetaKey = 26
)

// Refuse has devices themselves answer "refused" to what their guests send to a
// metadata address but requests and ICMP. The tables refuse it too; but their answer
// goes by the host's routes, and of two guests with the same address only one would
// get it. What comes up by a device on top of one is refused from then on, unless that is
// guarded or served itself. Since Linux 6.16 it holds for whatever has that name, now or
// later; before, a device that is made anew has to be told of again. A kernel that cannot
// do so at a device (before Linux 5.11) is [ErrKernel].
func (g *Guard) Refuse(devices ...string) error {
	if len(devices) == 0 {
		return nil
	}
	prepared, err := g.way.refuses()
	if err == nil && !prepared {
		err = made(transact(g.way.buildRefuse))
	}
	if err == nil {
		err = g.learnShares()
	}
	if err == nil {
		err = inOneOrEach(devices, g.hook)
	}
	if err != nil {
		return fmt.Errorf("refuse by devices themselves: %w", err)
	}
	return nil
}

// Unrefuse ends [Guard.Refuse] for devices, be they there or not.
func (g *Guard) Unrefuse(devices ...string) error {
	if err := inOneOrEach(devices, unhook); err != nil {
		return fmt.Errorf("refuse no more by devices themselves: %w", err)
	}
	return nil
}

// Refusing returns the devices of [Guard.Refuse]; none where what they have in common is
// not whole.
func (g *Guard) Refusing() (map[string]bool, error) {
	found := map[string]bool{}
	if prepared, err := g.way.refuses(); err != nil || !prepared {
		return found, err
	}
	chains, err := allHooked()
	for _, h := range chains {
		for _, device := range h.devices {
			if h.rules == 1 && slices.Contains(chainsOf(device), h.name) {
				found[device] = true
			}
		}
	}
	return found, err
}

// inOneOrEach makes changes in one transaction, or, if a device that is gone makes
// that fail, each in its own. What is of a device that is gone is gone with it.
func inOneOrEach(devices []string, change func([]string) error) error {
	if len(devices) == 0 {
		return nil
	}
	err := change(devices)
	switch {
	case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV):
		return err
	case len(devices) == 1:
		return nil
	}
	for i := range devices {
		if err := inOneOrEach(devices[i:i+1], change); err != nil {
			return err
		}
	}
	return nil
}

// refuses reports whether what all devices have in common is there. To make it anew
// would cost a wait each time; see [Guard.Gather].
func (w Way) refuses() (bool, error) {
	have, err := list(deviceAddresses4, deviceAddresses6)
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	if err != nil || len(without(w.elements(nftables.TableFamilyNetdev), have)) > 0 {
		return false, err
	}
	cc, done, err := open()
	if err != nil {
		return false, err
	}
	defer done()
	return chain{name: refuse, rules: w.refuseRules()}.present(cc, deviceTable())
}

// buildRefuse adds to a transaction what all devices have in common.
func (w Way) buildRefuse(cc *nftables.Conn) error {
	cc.AddTable(deviceTable())
	for _, set := range sets() {
		if set.Table.Family == nftables.TableFamilyNetdev {
			if err := cc.AddSet(set, nil); err != nil {
				return fmt.Errorf("set %s: %w", set.Name, err)
			}
		}
	}
	if err := add(cc, w.elements(nftables.TableFamilyNetdev)); err != nil {
		return err
	}
	for _, counter := range []string{closed, forwarded} {
		cc.AddObj(&nftables.CounterObj{Table: deviceTable(), Name: counter})
	}
	addChains(cc, deviceTable(), []chain{{name: refuse, rules: w.refuseRules()}})
	return nil
}

func (w Way) refuseRules() []rule {
	var rules []rule
	for _, v := range []ip{device4, device6} {
		// What is not for the device's own MAC address is for a switch or a macvlan on top
		// of it, in whichever namespace. What comes up from a bridge may have passed the
		// hook prerouting before (br_netfilter), and nobody would take the mark off.
		rules = append(rules,
			rule{"for another station", all(v.to(), meta(expr.MetaKeyPKTTYPE, 0), differs([]byte{unix.PACKET_HOST}), dropped(forwarded))},
			rule{"from a guest", all(v.to(), meta(iifKind, 0), differs([]byte(ifname("bridge"))), replaceMark(fromGuest))})
		if w.Mode == NAT {
			// Where bridged packets pass the inet family (br_netfilter), they come up
			// from the bridge readdressed. Others are refused by the hook input.
			rules = append(rules, rule{w.says("readdressed"), all(meta(iifKind, 0), equal([]byte(ifname("bridge"))),
				v.to(), tcp(dstPort, w.Port), verdict(expr.VerdictReturn))})
		}
		unreachable := &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}
		rules = append(rules,
			rule{"a request", all(v.to(), tcp(dstPort, metadataPort), verdict(expr.VerdictReturn))},
			rule{"another port", all(v.to(), transport(unix.IPPROTO_TCP), counted(closed), reset())},
			rule{"ICMP", all(v.ping(), verdict(expr.VerdictReturn))},
			rule{"no TCP", all(v.to(), counted(closed), exprs{unreachable})})
	}
	return rules
}
