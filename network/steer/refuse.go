package steer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	// refuse is the chain that all devices' chains lead to.
	refuse = "refuse"
	// perDevice begins the names of the devices' own chains. The index follows.
	perDevice = "device_"
	// iifKind is the kind of the device, as ip-link(8) has it (NFT_META_IIFKIND of
	// linux/netfilter/nf_tables.h).
	iifKind expr.MetaKey = 26
)

// Refuse has devices, given by index and name, themselves answer "refused" to what
// their guests send to a metadata address but requests and ICMP. The tables refuse it
// too; but their answer goes by the host's routes, and of two guests with the same
// address only one would get it. A kernel that cannot do so at a device (before Linux
// 5.11) is [ErrKernel]. The kernel takes tens of milliseconds, for one as for many.
func (g *Guard) Refuse(devices map[int]string) error {
	if len(devices) == 0 {
		return nil
	}
	prepared, err := g.way.refuses()
	if err == nil && !prepared {
		err = made(transact(g.way.buildRefuse))
	}
	if err != nil {
		return fmt.Errorf("refuse by devices themselves: %w", err)
	}
	return inOneOrEach(slices.Collect(maps.Keys(devices)), func(cc *nftables.Conn, index int) {
		addChains(cc, deviceTable(), []chain{ofDevice(index)}, devices[index])
	})
}

// Unrefuse ends [Guard.Refuse] for the devices with these indexes, be they there or
// not.
func (g *Guard) Unrefuse(indexes ...int) error {
	return inOneOrEach(indexes, func(cc *nftables.Conn, index int) {
		c := &nftables.Chain{Table: deviceTable(), Name: ofDevice(index).name}
		cc.FlushChain(c)
		cc.DelChain(c)
	})
}

// inOneOrEach makes changes in one transaction, or, if a device that is gone makes
// that fail, each in its own. What is of a device that is gone is gone with it.
func inOneOrEach(indexes []int, change func(*nftables.Conn, int)) error {
	if len(indexes) == 0 {
		return nil
	}
	err := transact(func(cc *nftables.Conn) error {
		for _, index := range indexes {
			change(cc, index)
		}
		return nil
	})
	switch {
	case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV):
		return err
	case len(indexes) == 1:
		return nil
	}
	for i := range indexes {
		if err := inOneOrEach(indexes[i:i+1], change); err != nil {
			return err
		}
	}
	return nil
}

// Refusing returns the indexes of the devices of [Guard.Refuse].
func (g *Guard) Refusing() (map[int]bool, error) {
	cc, done, err := open()
	if err != nil {
		return nil, err
	}
	defer done()
	chains, err := cc.ListChainsOfTableFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return nil, fmt.Errorf("list the devices that refuse: %w", explain(err))
	}
	found := map[int]bool{}
	for _, c := range chains {
		digits, ok := strings.CutPrefix(c.Name, perDevice)
		if index, err := strconv.Atoi(digits); ok && err == nil && c.Table.Name == tableName {
			found[index] = true
		}
	}
	return found, nil
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

// ofDevice is the chain of one device.
func ofDevice(index int) chain {
	return filter(perDevice+strconv.Itoa(index), nftables.ChainHookIngress, nftables.ChainPriorityFilter,
		[]rule{{"whatever the device", jump(refuse)}})
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
	cc.AddObj(&nftables.CounterObj{Table: deviceTable(), Name: closed})
	addChains(cc, deviceTable(), []chain{{name: refuse, rules: w.refuseRules()}}, "")
	return nil
}

func (w Way) refuseRules() []rule {
	var rules []rule
	for _, v := range []ip{device4, device6} {
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
