package network

import (
	"log/slog"
	"maps"
	"sync"
	"time"
)

// fight is how long, after somebody undid what we need, that he does so again is no
// news: it is counted, and told once at the end.
const fight = time.Minute

// mends counts what others undid and we did again.
type mends struct {
	logger *slog.Logger

	mu     sync.Mutex
	counts map[string]uint64 // by kind
	untold uint64
	told   *time.Timer // runs while a fight goes on
}

func newMends(logger *slog.Logger) *mends {
	return &mends{logger: logger, counts: map[string]uint64{}}
}

// add counts one of a kind. change says in words or as a command what was done again.
func (m *mends) add(kind, netns, change string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[kind]++
	if m.told != nil {
		m.untold++
		return
	}
	m.logger.Warn("others undid what we need of the network, and it is mended", "kind", kind, "change", change, "netns", netns)
	m.told = time.AfterFunc(fight, m.tell)
}

// count counts one of a kind that somebody else tells of.
func (m *mends) count(kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[kind]++
}

// tell says how it went on.
func (m *mends) tell() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.untold == 0 || m.told == nil {
		m.told = nil
		return
	}
	m.logger.Warn("others keep undoing what we need of the network; find out who does", "mended_again", m.untold, "within", fight)
	m.untold = 0
	m.told = time.AfterFunc(fight, m.tell)
}

// stop says nothing more.
func (m *mends) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told != nil {
		m.told.Stop()
	}
}

// Mended counts what others undid and was done again since this process started, by
// kind: addresses, routes, rules, neighbours, settings, tables; and watches, the sockets by
// which the kernel tells of changes, that failed and were opened anew. What never was has no entry.
func (s *State) Mended() map[string]uint64 {
	s.mends.mu.Lock()
	defer s.mends.mu.Unlock()
	return maps.Clone(s.mends.counts)
}
