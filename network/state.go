package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/network/link"
)

// State is what this process has made of the host's network: addresses that it
// looks after and listeners that it has open. It may be used by any goroutine.
type State struct {
	logger *slog.Logger

	mu sync.Mutex // guards what follows
	// manages says that the addresses on lo are ours to look after. The first
	// wish for one sets it: a process that wants none (Loopback) needs no
	// privilege and takes nothing from another that serves beside it.
	manages   bool
	listeners []*Listener
}

// New returns the state of a process that has done nothing yet. A nil logger
// means silence.
func New(logger *slog.Logger) *State {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &State{logger: logger}
}

// Apply makes it so that the wanted attachments are there and no others, and
// returns the listeners that it opened. The caller accepts on them until they
// are closed, and leaves the closing to State. What is as wanted is not touched:
// a second call opens nothing. Addresses that others removed come back. After an
// error, which names the remedy, all is as it was before the call.
func (s *State) Apply(ctx context.Context, want []Attachment) ([]*Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sites, addrs, err := resolve(want)
	if err != nil {
		return nil, err
	}
	ops, err := s.place(addrs)
	if err != nil {
		return nil, withRemedy(err)
	}
	opened, err := s.open(ctx, sites)
	if err != nil {
		return nil, errors.Join(withRemedy(err), link.Undo(ops))
	}
	s.manages = s.manages || len(addrs) > 0
	s.log(ops, opened)
	s.closeExcept(sites)
	s.listeners = append(s.listeners, opened...)
	return opened, nil
}

// Close closes the listeners and, unless keepAddresses is set, removes the
// addresses. A service that will start again keeps them. Connections that were
// accepted live on. Closing twice is no error.
func (s *State) Close(keepAddresses bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeExcept(nil)
	if keepAddresses {
		return nil
	}
	ops, err := s.place(nil)
	s.log(ops, nil)
	s.manages = s.manages && err != nil
	return err
}

// Cleanup removes the addresses that a process left which did not get to
// [State.Close], and returns them. Addresses that others added stay. It cannot
// tell whether such a process still serves, so the caller has to know.
func Cleanup() ([]netip.Addr, error) {
	ops, err := converge(nil)
	var removed []netip.Addr
	for _, op := range ops {
		removed = append(removed, op.Addr.Prefix.Addr())
	}
	return removed, err
}

// resolve returns what is wanted as the sites of listeners and as addresses.
func resolve(want []Attachment) ([]site, []link.Addr, error) {
	var sites []site
	var addrs []link.Addr
	names := map[string]bool{}
	for _, a := range want {
		if err := a.check(); err != nil {
			return nil, nil, err
		}
		if names[a.Name] {
			return nil, nil, fmt.Errorf("attachment %s: wanted twice", a.Name)
		}
		names[a.Name] = true
		for _, e := range a.available() {
			at := site{attachment: a.Name, device: a.Device, listen: e.Listen}
			if e.placed() {
				at.served = e.Served.Addr()
				addrs = append(addrs, link.Metadata(a.Device, e.Served.Addr()))
			}
			sites = append(sites, at)
		}
	}
	return sites, addrs, nil
}

// place converges, if there is anything to look after.
func (s *State) place(addrs []link.Addr) ([]link.Op, error) {
	if !s.manages && len(addrs) == 0 {
		return nil, nil
	}
	return converge(addrs)
}

// converge gives lo the addresses, and takes from it all others that are ours.
// It returns what it did.
func converge(addrs []link.Addr) ([]link.Op, error) {
	have, err := link.List(loopback)
	if err != nil {
		return nil, err
	}
	ops := link.Plan(have, addrs)
	if err := link.Apply(ops); err != nil {
		return nil, err
	}
	return ops, nil
}

// open opens the listeners that are missing: all of them, or none.
func (s *State) open(ctx context.Context, sites []site) ([]*Listener, error) {
	var opened []*Listener
	for _, at := range sites {
		if slices.ContainsFunc(s.listeners, func(l *Listener) bool { return l.at == at }) {
			continue
		}
		listener, err := listenAt(ctx, at)
		if err != nil {
			for _, o := range opened {
				_ = o.Close()
			}
			return nil, fmt.Errorf("attachment %s: %w", at.attachment, err)
		}
		opened = append(opened, listener)
	}
	return opened, nil
}

// closeExcept closes the listeners that are at none of the sites.
func (s *State) closeExcept(sites []site) {
	s.listeners = slices.DeleteFunc(s.listeners, func(l *Listener) bool {
		if slices.Contains(sites, l.at) {
			return false
		}
		_ = l.Close() // closed already by a server that was shut down
		s.logger.Info("listener closed", "attachment", l.at.attachment, "listen", l.at.listen)
		return true
	})
}

func (s *State) log(ops []link.Op, opened []*Listener) {
	for _, op := range ops {
		s.logger.Info("address changed", "change", op.String())
	}
	for _, l := range opened {
		s.logger.Info("listener opened", "attachment", l.at.attachment, "device", l.at.device, "listen", l.Addr())
	}
}
