package network

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/network/link"
)

const (
	// mendPause is the time from one look at the addresses to the next, so that
	// somebody who keeps removing them does not keep us busy.
	mendPause = 100 * time.Millisecond

	// resyncEvery is how often everything is looked at although nobody told of a
	// change.
	resyncEvery = time.Minute
)

// Watch puts addresses back that others remove, such as a network manager that
// does not know them, until ctx ends. Start it after [State.Apply], and let it end
// before [State.Close].
func (s *State) Watch(ctx context.Context) error {
	resync := time.NewTicker(resyncEvery)
	defer resync.Stop()
	for ctx.Err() == nil {
		subscription, cancel := context.WithCancel(ctx)
		changes, err := link.Changes(subscription)
		if err != nil {
			cancel()
			return err
		}
		s.follow(ctx, changes, resync.C)
		cancel()
	}
	return nil
}

// follow mends at once and after every change, until ctx ends or changes were lost.
func (s *State) follow(ctx context.Context, changes <-chan struct{}, resync <-chan time.Time) {
	for told := true; told; {
		s.mend()
		select {
		case <-ctx.Done():
			return
		case <-time.After(mendPause):
		}
		select {
		case <-ctx.Done():
			return
		case <-resync:
		case _, told = <-changes:
		}
	}
}

// mend gives the listeners their addresses back.
func (s *State) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.manages || len(s.listeners) == 0 { // closed, with or without its addresses
		return
	}
	var want []link.Addr
	for _, l := range s.listeners {
		if addr := l.at.served; addr.IsValid() && (addr.Is4() || link.IPv6(l.at.device)) {
			want = append(want, link.Metadata(l.at.device, addr))
		}
	}
	have, err := link.List(loopback)
	if err != nil {
		s.logger.Error("the addresses cannot be looked at, and it is tried again", "err", err)
		return
	}
	ops := link.Plan(have, want)
	if err := link.Mend(ops); err != nil {
		s.logger.Error("an address that others removed is not back yet, and it is tried again", "err", err)
	}
	for _, op := range ops {
		s.logger.Warn("others changed the addresses, and they are mended", "change", op.String())
	}
}
