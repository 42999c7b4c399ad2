package steer

import (
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// shared begins the names of the chains that many devices share, and a number
	// follows; alone those of chains for one device, and its name follows.
	shared = "devices_"
	alone  = "device_"
	// chains is how many share all devices. Each costs every change of anybody's rules
	// some time, as the kernel looks at all chains for each; of 256 that is not to be
	// measured, of 10,000 it is a millisecond. But the kernel tells of a chain with all its
	// devices in one message of about 3.7 kB, and ends the list, without an error, before
	// one that does not fit: some 180 devices with long names. And to add a device to a
	// chain that is there costs a wait as in [Guard.Gather], which a new chain does not.
	chains = 256
)

// chainsOf are the chains that a device may be hooked by.
func chainsOf(device string) []string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(device))
	return []string{shared + strconv.Itoa(int(hash.Sum32()%chains)), alone + device}
}

// chainOf is the one that it is to be hooked by.
func (g *Guard) chainOf(device string) string {
	if *g.shares {
		return chainsOf(device)[0]
	}
	return chainsOf(device)[1]
}

// learnShares finds out, once, whether devices can be added to a chain that is there,
// as since Linux 6.4. One came with the other: a chain that has none.
func (g *Guard) learnShares() error {
	if g.shares != nil {
		return nil
	}
	shares, err := sharing(transact(func(cc *nftables.Conn) error {
		cc.DelChain(cc.AddChain(leading("probe", "")))
		return nil
	}))
	if err == nil {
		g.shares = &shares
	}
	return err
}

// sharing reads the kernel's answer to a chain without a device.
func sharing(err error) (bool, error) {
	if errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	return err == nil, made(err)
}

// hook adds devices to their chains, in one transaction. One that is there already is no
// error.
func (g *Guard) hook(devices []string) error {
	names := map[string]bool{}
	for _, device := range devices {
		names[g.chainOf(device)] = true
	}
	have, err := hookedBy(slices.Collect(maps.Keys(names)))
	if err != nil {
		return err
	}
	return transact(func(cc *nftables.Conn) error {
		for _, device := range devices {
			cc.AddChain(leading(g.chainOf(device), device))
		}
		for name := range names {
			if have[name].rules != 1 {
				addRules(cc, leading(name, ""), []rule{{"whatever the device", jump(refuse)}})
			}
		}
		return nil
	})
}

// unhook takes devices from their chains, in one transaction, and chains away that are
// for nobody any more. A device that was renamed is found in the chain of its old name.
func unhook(devices []string) error {
	less := map[string]bool{}
	var names []string
	for _, device := range devices {
		less[device] = true
		names = append(names, chainsOf(device)...)
	}
	slices.Sort(names)
	have, err := hookedBy(slices.Compact(names))
	if err != nil {
		return err
	}
	var changes []netlink.Message
	for _, h := range have {
		var gone, left []string
		for _, device := range h.devices {
			if less[device] || !slices.Contains(chainsOf(device), h.name) {
				gone = append(gone, device)
			} else {
				left = append(left, device)
			}
		}
		var messages []netlink.Message
		switch {
		case len(left) == 0:
			messages, err = dropChain(h.name)
		case len(gone) > 0:
			messages, err = dropDevices(h.name, gone)
		}
		if err != nil {
			return err
		}
		changes = append(changes, messages...)
	}
	return commit(changes)
}

// leading is a chain that leads to refuse, at a device or, with an empty name, without.
func leading(name, device string) *nftables.Chain {
	accept := nftables.ChainPolicyAccept
	return &nftables.Chain{
		Table: deviceTable(), Name: name, Type: nftables.ChainTypeFilter, Policy: &accept,
		Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter, Device: device,
	}
}
