package hold

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// registry is the registrations in memory. Its lock is held for moments, never
// while the disk is written.
type registry struct {
	mu   sync.RWMutex
	byID map[string]Registration
}

func (g *registry) get(id string) (Registration, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	r, ok := g.byID[id]
	return r, ok
}

// store writes the registrations in one transaction and lets them be read once they
// are on the disk. a.mu is held.
func (a *Agent) store(changed map[string]Registration) error {
	if len(changed) == 0 {
		return nil
	}
	err := a.file.Update(func(tx *dbfile.Tx) error {
		for id, r := range changed {
			err := errors.Join(
				tx.PutJSON(instancesBucket, id, storedRegistration{r.Instance, r.File, r.Bound, r.Ended, r.Node}),
				tx.Delete(releasesBucket, id)) // it is this host's again
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	maps.Copy(a.registry.byID, changed)
	return nil
}

// Instance returns the instance that is served under the id: false if there is
// none, or if it has ended.
func (a *Agent) Instance(id string) (rolestore.Instance, bool) {
	r, ok := a.registry.get(id)
	if !ok || r.Ended != "" {
		return rolestore.Instance{}, false
	}
	return r.Instance, true
}

// Registration returns the record of the id, ended or not, and whether there is one.
func (a *Agent) Registration(id string) (Registration, bool) { return a.registry.get(id) }

// Registrations returns all records, ended or not, in the order of their ids.
func (a *Agent) Registrations() []Registration {
	a.registry.mu.RLock()
	all := slices.Collect(maps.Values(a.registry.byID))
	a.registry.mu.RUnlock()
	slices.SortFunc(all, func(x, y Registration) int { return cmp.Compare(x.Instance.ID, y.Instance.ID) })
	return all
}
