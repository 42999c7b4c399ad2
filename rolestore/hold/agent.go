package hold

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/seal"
)

// AgentConfig is what [OpenAgent] needs.
type AgentConfig struct {
	// Path is the file, by custom agent.db. It is made if it does not exist.
	Path string
	// Keyring seals the file.
	Keyring *seal.Keyring
	// Fingerprint is this machine's.
	Fingerprint Fingerprint
	// Logger is told when the machine is a copy of another; nil discards.
	Logger *slog.Logger
}

// Agent is the identity of the host and of its instances. Its methods may be
// called by many goroutines; those that read do not wait for the disk.
type Agent struct {
	file     *dbfile.File
	fresh    bool
	mu       sync.Mutex // held while the file is changed; taken before the registry's
	state    atomic.Pointer[state]
	registry registry
}

// state is what agent.db says of the host. It never changes, and neither does what
// it points to.
type state struct {
	hostID      string
	hostKey     *ecdsa.PrivateKey
	fingerprint Fingerprint
	tokenKeys   []TokenKey
	enrolment   Enrolment
}

// OpenAgent reads the file, or makes it with new identities at the first start
// and on a machine that is a copy of another. A damaged file is a
// [*dbfile.DamagedError] that says what to do; other errors are [dbfile.Open]'s.
func OpenAgent(c AgentConfig) (*Agent, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := dbfile.Open(dbfile.Options{Path: c.Path, Keyring: c.Keyring, Kind: "agent"})
	if err != nil {
		return nil, stopped(c.Path, err)
	}
	a := &Agent{file: file}
	if err := a.load(c); err != nil {
		_ = file.Close() // the first error says more
		return nil, stopped(c.Path, err)
	}
	return a, nil
}

// stopped tells an operator what to do about damage.
func stopped(path string, err error) error {
	var damaged *dbfile.DamagedError
	if errors.As(err, &damaged) {
		return fmt.Errorf("%w: restore it from a backup, or move %s away, which makes this host a new machine that must join again", err, path)
	}
	return fmt.Errorf("agent's identity: %w", err)
}

func (a *Agent) load(c AgentConfig) error {
	var s *state
	err := a.file.View(func(tx *dbfile.Tx) (err error) {
		if s, err = readState(tx); err != nil || s == nil {
			return err
		}
		a.registry.byID, err = readRegistrations(tx)
		return err
	})
	if err != nil {
		return err
	}
	if s == nil {
		return a.begin(c.Fingerprint)
	}
	if reason := s.fingerprint.contradicts(c.Fingerprint); reason != "" {
		if err := a.begin(c.Fingerprint); err != nil {
			return err
		}
		c.Logger.Warn("this machine is a copy of another, all identities are made anew",
			"reason", reason, "old_host_id", s.hostID, "host_id", a.HostID())
		return nil
	}
	a.state.Store(s)
	return a.learn(c.Fingerprint)
}

// change applies fn to a copy of the state, which is served once it is on the
// disk. fn must replace maps and slices, not change them.
func (a *Agent) change(fn func(*dbfile.Tx, *state) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := *a.state.Load()
	if err := a.file.Update(func(tx *dbfile.Tx) error { return fn(tx, &next) }); err != nil {
		return err
	}
	a.state.Store(&next)
	return nil
}

// Fresh reports whether OpenAgent made new identities. No credentials of an
// earlier life fit them: the caller removes cache.db before it opens the cache.
func (a *Agent) Fresh() bool { return a.fresh }

// HostID is h- and 17 hexadecimal digits, the name of this host at its core.
func (a *Agent) HostID() string { return a.state.Load().hostID }

// HostKey is the host's ECDSA P-256 key, which signs its tokens.
func (a *Agent) HostKey() *ecdsa.PrivateKey { return a.state.Load().hostKey }

// Close closes the file. What was changed is on the disk already.
func (a *Agent) Close() error { return a.file.Close() }
