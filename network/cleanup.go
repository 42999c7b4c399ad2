package network

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// Cleanup removes what a process left in the network namespace of the calling thread,
// and in those whose paths match one of the patterns (see [filepath.Match]), and says
// in words what it was. What others added stays.
// Where such a process still runs nothing is removed: it is an error in the thread's
// namespace, and nothing is removed elsewhere either; others are spared, as words that name
// the process.
func Cleanup(patterns ...string) (removed, spared []string, err error) {
	own, err := ownNamespace()
	if err != nil {
		return nil, nil, err
	}
	defer own.close()
	removed, err = own.cleanUp()
	if held, ok := errors.AsType[*heldError](err); ok { // which may look after others too
		return nil, nil, held
	}
	errs := []error{err}
	seen := map[uint64]bool{own.inode: true}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		errs = append(errs, err)
		for _, path := range paths {
			if inode, err := inodeOf(path); err != nil || seen[inode] {
				continue
			}
			n, err := openNamespace(path)
			if errors.Is(err, errAbsent) || errors.Is(err, os.ErrPermission) {
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			seen[n.inode] = true
			more, err := n.cleanUp()
			n.close()
			if held, ok := errors.AsType[*heldError](err); ok {
				spared = append(spared, held.Error())
				continue
			}
			for _, what := range more {
				removed = append(removed, what+" in "+path)
			}
			errs = append(errs, err)
		}
	}
	return removed, spared, errors.Join(errs...)
}

// cleanUp removes what is ours from one namespace.
func (n *namespace) cleanUp() (removed []string, err error) {
	return removed, n.do(func() error {
		lock, err := n.takeLock(slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer lock.release()
		guard := steer.New()
		placed, err := guard.Placed()
		if err != nil {
			return err
		}
		members, err := guard.Members()
		if err != nil {
			return err
		}
		for _, device := range append(slices.Sorted(maps.Keys(placed)), loopback) {
			before, err := beforeUs(placed, device)
			if err != nil {
				return err
			}
			have, err := link.List(device, before)
			if errors.Is(err, link.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			ops := link.Plan(have, nil)
			if err := link.Apply(ops); err != nil {
				return err
			}
			for _, op := range ops {
				removed = append(removed, op.String())
			}
		}
		for _, m := range members {
			bridge, err := link.Named(m.Port.Bridge)
			if errors.Is(err, link.ErrNotFound) {
				continue
			}
			if err == nil {
				err = link.Apply([]link.Op{{Verb: link.Del, Thing: link.Neighbour{Device: bridge, Addr: m.Addr, MAC: m.MAC}}})
			}
			if err != nil {
				return fmt.Errorf("neighbour %s: %w", m.Addr, err)
			}
		}
		for _, addr := range slices.DeleteFunc(link.Served(), netip.Addr.Is6) {
			if _, err := link.Precede(addr, false, false); err != nil {
				return err
			}
		}
		bypassed, err := link.Bypassed()
		if err == nil && bypassed {
			_, err = link.Bypass(false)
			removed = append(removed, "the rules that kept the host's own way to "+netip.AddrPortFrom(link.MetadataIPv4, metadataPort).String())
		}
		if err != nil {
			return err
		}
		tables, err := guard.Remains()
		if tables {
			removed = append(removed, "the nftables tables named rolecall")
		}
		return errors.Join(err, guard.Remove()) // of what is not whole too
	})
}

// beforeUs is what a device's settings were, by the notes on record; nil for one that we
// did not come to.
func beforeUs(notes map[string]string, device string) (*link.Settings, error) {
	note, ok := notes[device]
	if !ok {
		return nil, nil
	}
	before, err := link.ParseSettings(note)
	if err != nil {
		return nil, fmt.Errorf("what was noted of device %s, in set placed of nftables table inet rolecall, is not as we note it: %w: "+
			"take it out by `nft delete element inet rolecall placed '{ \"%s\" }'`, which leaves our addresses on the device", device, err, device)
	}
	return &before, nil
}
