package directory

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

const (
	bucketLease = "lease"

	// maxLeases bounds what a host may claim. An agent serves 10,000 instances; a host
	// in the wrong hands must not fill the core's disk.
	maxLeases = 20_000
)

// ErrLeased is returned for an instance id that another host has.
var ErrLeased = errors.New("the instance is leased to another host")

// ErrTooManyLeases is returned for a host that has as many instances as one may.
var ErrTooManyLeases = fmt.Errorf("the host has leased %d instances, and one may have no more", maxLeases)

// Lease says which host an instance id belongs to. It belongs to one at a time.
type Lease struct {
	InstanceID string `json:"instance_id"`
	// ID is sealed into the sessions that the host is given for the instance. A
	// session of another lease is worth nothing.
	ID string `json:"lease_id"`
	// Host is the id of the host.
	Host string `json:"host"`
	// RoleID is the unique id of the role that was fetched last.
	RoleID string `json:"role_id"`
	// Since is when the host claimed the instance, and Revoked when its sessions were
	// ended last.
	Since   time.Time `json:"since"`
	Revoked time.Time `json:"revoked"`
}

// leases are read with each request that a leased session signs, and there may be
// very many; so they are no part of the snapshot, which a change replaces whole.
type leases struct {
	mu         sync.RWMutex
	byInstance map[string]Lease
	byHost     map[string]map[string]bool // of instance ids
}

func (l *leases) load(file *dbfile.File) error {
	l.byInstance, l.byHost = map[string]Lease{}, map[string]map[string]bool{}
	return file.View(func(tx *Tx) error {
		return EachJSON(tx, bucketLease, func(_ string, lease Lease) error {
			l.put(lease)
			return nil
		})
	})
}

func (l *leases) put(lease Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byInstance[lease.InstanceID] = lease
	if l.byHost[lease.Host] == nil {
		l.byHost[lease.Host] = map[string]bool{}
	}
	l.byHost[lease.Host][lease.InstanceID] = true
}

func (l *leases) count(host string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.byHost[host])
}

func (l *leases) forget(gone []Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lease := range gone {
		delete(l.byInstance, lease.InstanceID)
		delete(l.byHost[lease.Host], lease.InstanceID)
	}
}

// Lease returns the lease of an instance, and whether there is one.
func (d *Directory) Lease(instance string) (Lease, bool) {
	d.leases.mu.RLock()
	defer d.leases.mu.RUnlock()
	l, ok := d.leases.byInstance[instance]
	return l, ok
}

// LeasesOf are the leases of a host, by instance id; of all hosts if host is empty.
func (d *Directory) LeasesOf(host string) []Lease {
	d.leases.mu.RLock()
	defer d.leases.mu.RUnlock()
	ids := slices.Collect(maps.Keys(d.leases.byHost[host]))
	if host == "" {
		ids = slices.Collect(maps.Keys(d.leases.byInstance))
	}
	slices.Sort(ids)
	found := make([]Lease, len(ids))
	for n, id := range ids {
		found[n] = d.leases.byInstance[id]
	}
	return found
}

// Claim gives an instance to a host that asks for a role of it, if no other host has
// it, and returns the lease. It is on the disk when Claim returns; the same once
// more costs no write.
func (d *Directory) Claim(instance, host, roleID string, now time.Time) (Lease, error) {
	if have, ok := d.Lease(instance); ok && have.Host == host && have.RoleID == roleID {
		return have, nil
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	have, ok := d.Lease(instance)
	switch {
	case d.Snapshot().Host(host) == nil:
		return Lease{}, fmt.Errorf("host %s: %w", host, ErrNotFound)
	case ok && have.Host != host:
		return Lease{}, fmt.Errorf("%w: instance %s belongs to host %s since %s", ErrLeased, instance, have.Host, have.Since.Format(time.RFC3339))
	case !ok && d.leases.count(host) >= maxLeases:
		return Lease{}, ErrTooManyLeases
	case !ok:
		have = Lease{InstanceID: instance, Host: host, ID: newLeaseID(), Since: now.UTC()}
	}
	have.RoleID = roleID
	return have, d.store(have)
}

// store writes a lease and shows it; d.writing is held.
func (d *Directory) store(l Lease) error {
	err := d.file.Update(func(tx *Tx) error { return tx.PutJSON(bucketLease, l.InstanceID, l) })
	if err == nil {
		d.leases.put(l)
	}
	return err
}

// Release gives an instance up, with the sessions that were issued for it, and
// returns its lease. If host is not empty, it must be the one that has it.
func (d *Directory) Release(instance, host string) (Lease, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	have, err := d.held(instance, host)
	if err != nil {
		return have, err
	}
	err = d.file.Update(func(tx *Tx) error { return tx.Delete(bucketLease, instance) })
	if err == nil {
		d.leases.forget([]Lease{have})
		d.watches.tell(have.Host, instance)
	}
	return have, err
}

// Revoke ends the sessions that were issued for an instance; its host keeps it. If
// host is not empty, it must be the one that has it.
func (d *Directory) Revoke(instance, host string, now time.Time) (Lease, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	have, err := d.held(instance, host)
	if err != nil {
		return have, err
	}
	have.ID, have.Revoked = newLeaseID(), now.UTC()
	if err := d.store(have); err != nil {
		return have, err
	}
	d.watches.tell(have.Host, instance)
	return have, nil
}

// held returns the lease of an instance that a host, if it is not empty, must have.
func (d *Directory) held(instance, host string) (Lease, error) {
	have, ok := d.Lease(instance)
	if !ok || host != "" && have.Host != host {
		return Lease{}, fmt.Errorf("lease of instance %s: %w", instance, ErrNotFound)
	}
	return have, nil
}

func newLeaseID() string { return rand.Text()[:12] } // 60 bits: it is no secret, only never the same again
