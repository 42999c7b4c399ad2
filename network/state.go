package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// Config is what [New] needs.
type Config struct {
	// Logger is told what is changed on the host; nil means silence.
	Logger *slog.Logger
	// Observer may be nil.
	Observer Observer
	// Mode and Port are how requests come to our listeners; the zero values mean Auto
	// and [DefaultPort].
	Mode PortMode
	Port uint16
	// HostWay keeps the host's own way to a metadata service that is not ours, while
	// guests are attached and the host is not.
	HostWay bool
	// Connections is how many connections a second each attachment may open in the long
	// run, and twice as many at once, by the clock Now. 0 is any number, and needs no clock.
	Connections int
	Now         func() time.Time
}

// rate is that of Connections.
func (c Config) rate() rate {
	if c.Connections <= 0 {
		return rate{}
	}
	return rate{pace: time.Second / time.Duration(c.Connections), now: c.Now}
}

// State is what is wanted of the host's network, and what was made of it. It may be
// used by any goroutine.
type State struct {
	config Config
	logger *slog.Logger
	own    *namespace
	hall   *hall
	mends  *mends
	// retirements bounds who leaves a place at the same time.
	retirements chan struct{}

	mu     sync.Mutex         // guards what follows
	wanted map[string]*wanted // by name
	claims map[string]string  // what is claimed, to the name of whose it is
	places map[uint64]*place  // by the namespace's inode
	// retiring are places that are left, and untidy those where something is to be taken
	// away.
	retiring map[uint64]*place
	untidy   map[*place]struct{}
	closed   bool
	// recorded are the host's ends that an earlier process guarded, by the attachment;
	// nil before they are known.
	recorded map[string][]string
	way      *steer.Way // nil while nothing is attached that would decide it
	// because says why Auto did not come to the best.
	because string
	// patient says that somebody waits for the host to be served.
	patient bool
}

// New returns the state of a process that wants nothing yet, in the network
// namespace of the calling thread.
func New(c Config) (*State, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Mode, c.Port = cmp.Or(c.Mode, Auto), cmp.Or(c.Port, DefaultPort)
	own, err := ownNamespace()
	if err != nil {
		return nil, err
	}
	return &State{
		config: c, logger: c.Logger, own: own, hall: newHall(c.rate()), mends: newMends(c.Logger),
		retirements: make(chan struct{}, retireAtOnce),
		wanted:      map[string]*wanted{}, claims: map[string]string{}, places: map[uint64]*place{},
		retiring: map[uint64]*place{}, untidy: map[*place]struct{}{},
	}, nil
}

// Listener accepts the connections of all attachments; each is a [*Conn]. Closing it
// leaves the attachments as they are, with nobody to answer.
func (s *State) Listener() net.Listener { return s.hall }

// Put makes it so that the attachment is there. What is as wanted is not touched. A
// device or namespace that is not there yet is waited for. Otherwise the attachment
// is served when Put returns, or the error names the remedy and all is as it was
// before the call. commit, if not nil, is called when nothing can go wrong any more
// and before the first connection is let in; its error takes everything back.
func (s *State) Put(ctx context.Context, a Attachment, commit func() error) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := s.put(ctx, a, commit); err != nil {
		return err
	}
	s.await(a.Name)
	return nil
}

// await waits, without the lock, until a guest's first packet would reach us.
func (s *State) await(name string) {
	s.mu.Lock()
	w := s.wanted[name]
	if w == nil || w.phase != Attached || !w.guest() {
		s.mu.Unlock()
		return
	}
	p := w.place
	var addrs []netip.Addr
	for _, served := range w.stand.served {
		addrs = append(addrs, served.Addr())
	}
	s.mu.Unlock()
	if err := p.do(func() error { return link.Await(w.Device, addrs...) }); err != nil {
		s.logger.Warn("the kernel is slow to route an address to us", "device", w.Device, "err", err)
	}
}

func (s *State) put(ctx context.Context, a Attachment, commit func() error) error {
	s.mu.Lock()
	defer s.finish()
	if s.closed {
		return net.ErrClosed
	}
	if err := s.unclaimed(a); err != nil {
		return err
	}
	s.patient = true
	defer func() { s.patient = false }()
	if commit == nil {
		commit = func() error { return nil }
	}
	old := s.wanted[a.Name]
	if old != nil && old.phase != Lost && old.sameWay(a) {
		return s.alter(ctx, old, a, commit)
	}
	return s.exchange(ctx, old, a, commit)
}

// Restore is [State.Put] for what was there before this process started: what cannot
// be had now is [Failed] and tried again, with its device guarded meanwhile.
func (s *State) Restore(ctx context.Context, a Attachment) error {
	if err := a.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.finish()
	if err := s.unclaimed(a); err != nil {
		return err
	}
	w := &wanted{Attachment: a, phase: Waiting}
	s.settle(ctx, w)
	s.register(w)
	return nil
}

// Mourn guards the device of an attachment that was lost before this process
// started. Where another agent looks after the device that is the other's to do.
func (s *State) Mourn(a Attachment, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &wanted{Attachment: a, phase: Lost, reason: why, told: Lost}
	s.wanted[a.Name] = w
	err := s.mourn(w)
	if _, held := errors.AsType[*heldError](err); held {
		s.logger.Error("the device of a lost attachment is not guarded by this agent", "attachment", a.Name, "err", err)
		return nil
	}
	return err
}

func (s *State) mourn(w *wanted) error {
	if err := s.recallEnds(w); err != nil {
		return err
	}
	if err := s.find(w); err != nil || w.elsewhere() {
		if w.Netns == "" {
			return err
		}
		s.quit(w)
		return nil // with the namespace its devices are gone, whatever has its path now
	}
	if err := s.lead(w); err != nil {
		return err
	}
	return s.watchOver(w)
}

// unclaimed reports whose it is what the attachment needs.
func (s *State) unclaimed(a Attachment) error {
	for _, claim := range a.claims() {
		if owner, taken := s.claims[claim]; taken && owner != a.Name {
			return fmt.Errorf("%s %w, %s: remove that one first, or attach this one elsewhere", claim, ErrClaimed, owner)
		}
	}
	return nil
}

// alter changes the endpoints of an attachment that is there. The rest is the same, and
// stays as it is: doors read it without the lock.
func (s *State) alter(ctx context.Context, w *wanted, a Attachment, commit func() error) error {
	served, bound, follow := w.Served, w.Bound, w.Follow
	w.Served, w.Follow = a.Served, a.Follow
	w.connections.dropBut(w.Served) // while their ends still reach the guest
	if a.Bound != (Bound{}) {
		w.Bound = a.Bound
	}
	s.settle(ctx, w)
	err := w.err
	if err == nil {
		err = commit()
	}
	if err != nil {
		w.Served, w.Bound, w.Follow = served, bound, follow
		s.settle(ctx, w)
	}
	s.tell(w)
	return err
}

// exchange puts a new attachment in the place of old, which may be nil.
func (s *State) exchange(ctx context.Context, old *wanted, a Attachment, commit func() error) error {
	w := &wanted{Attachment: a, phase: Waiting}
	w.connections.hold()
	s.settle(ctx, w)
	err := w.err
	if err == nil {
		if old != nil { // or who still came by it would be taken for the new one
			old.connections.hold()
			old.connections.drop()
		}
		err = commit()
	}
	if err != nil {
		s.end(w)
		if old != nil { // both may have shared what is taken back
			s.settle(ctx, old)
			old.connections.release()
		}
		return err
	}
	if old != nil {
		s.end(old)
		s.disclaim(old)
	}
	s.register(w)
	w.connections.release()
	return nil
}

// register makes w the attachment of its name.
func (s *State) register(w *wanted) {
	s.wanted[w.Name] = w
	if w.phase != Lost {
		for _, claim := range w.claims() {
			s.claims[claim] = w.Name
		}
	}
	s.tell(w)
}

// Remove ends an attachment with everything that was made for it: its connections,
// listeners, addresses and what the kernel was told to let pass. An unknown name is
// no error.
func (s *State) Remove(name string) {
	s.mu.Lock()
	defer s.finish()
	if w := s.wanted[name]; w != nil {
		s.end(w)
		s.disclaim(w)
		delete(s.wanted, name)
	}
}

func (s *State) disclaim(w *wanted) {
	for _, claim := range w.claims() {
		if s.claims[claim] == w.Name {
			delete(s.claims, claim)
		}
	}
}

// tell tells the observer what is new.
func (s *State) tell(w *wanted) {
	if s.config.Observer == nil || w.told == w.phase {
		return
	}
	w.told = w.phase
	switch w.phase {
	case Attached:
		s.config.Observer.Attached(w.Name, w.Bound)
	case Lost:
		s.config.Observer.Lost(w.Name, w.reason)
	case Waiting, Failed: // these may pass by themselves
	}
}

// Status returns what became of an attachment, and whether it is wanted at all.
func (s *State) Status(name string) (Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wanted[name]
	if w == nil {
		return Status{}, false
	}
	return w.status(), true
}

// Close closes the listeners, with all connections. Unless keep is set, the host's own
// addresses are removed. What keeps guests from another metadata service stays, with
// the addresses on their devices, until they are removed one by one or by [Cleanup].
func (s *State) Close(keep bool) error {
	s.mu.Lock()
	defer s.finish()
	_ = s.hall.Close()
	if s.closed {
		return nil
	}
	s.closed = true
	s.mends.stop()
	var errs []error
	for _, w := range s.wanted {
		w.connections.end()
		if w.unwatch != nil {
			w.unwatch()
		}
	}
	for _, w := range s.wanted {
		if w.stand != nil {
			w.stand.shut()
		}
	}
	for _, p := range s.places {
		errs = append(errs, p.close(keep))
	}
	s.own.close()
	return errors.Join(errs...)
}
