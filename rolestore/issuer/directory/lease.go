package directory

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"
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

func readLease(e *entry) error {
	var l Lease
	if err := e.decode(&l); err != nil {
		return err
	}
	e.noun, e.owners = l, []string{leasesOfHost(l.Host) + l.InstanceID}
	return nil
}

// Lease returns the lease of an instance, and whether there is one.
func (s *Snapshot) Lease(instance string) (Lease, bool) {
	e := s.record(bucketLease, instance)
	return noun[Lease](e), e != nil
}

// LeasesOf are the leases of a host, by instance id; of all hosts if host is empty.
func (s *Snapshot) LeasesOf(host string) []Lease {
	entries := s.records.under(bucketLease + "/")
	if host != "" {
		entries = s.owners.under(leasesOfHost(host))
	}
	found := []Lease{}
	for e := range entries {
		found = append(found, noun[Lease](e))
	}
	return found
}

// Lease returns the lease of an instance now, and whether there is one.
func (d *Directory) Lease(instance string) (Lease, bool) { return d.Snapshot().Lease(instance) }

// LeasesOf are the leases of a host now; see [Snapshot.LeasesOf].
func (d *Directory) LeasesOf(host string) []Lease { return d.Snapshot().LeasesOf(host) }

// Claim gives an instance to a host that asks for a role of it, if no other host has
// it, and returns the lease. It is on the disk when Claim returns; the same once
// more costs no write.
func (d *Directory) Claim(instance, host, roleID string, now time.Time) (Lease, error) {
	if have, ok := d.Lease(instance); ok && have.Host == host && have.RoleID == roleID {
		return have, nil
	}
	var lease Lease
	err := d.change(func(tx *Tx) error {
		have, ok := tx.Snapshot().Lease(instance)
		switch {
		case tx.Snapshot().Host(host) == nil:
			return fmt.Errorf("host %s: %w", host, ErrNotFound)
		case ok && have.Host != host:
			return fmt.Errorf("%w: instance %s belongs to host %s since %s", ErrLeased, instance, have.Host, have.Since.Format(time.RFC3339))
		case !ok && tx.Snapshot().leased.get(host) >= maxLeases:
			return ErrTooManyLeases
		case !ok:
			have = Lease{InstanceID: instance, Host: host, ID: newLeaseID(), Since: now.UTC()}
		}
		have.RoleID = roleID
		lease = have
		return tx.PutJSON(bucketLease, instance, have)
	})
	if err != nil {
		return Lease{}, err
	}
	return lease, nil
}

// Release gives an instance up, with the sessions that were issued for it, and
// returns its lease. If host is not empty, it must be the one that has it.
func (d *Directory) Release(instance, host string) (Lease, error) {
	return d.changeLease(instance, host, func(tx *Tx, _ *Lease) error { return tx.Delete(bucketLease, instance) })
}

// Revoke ends the sessions that were issued for an instance; its host keeps it. If
// host is not empty, it must be the one that has it.
func (d *Directory) Revoke(instance, host string, now time.Time) (Lease, error) {
	return d.changeLease(instance, host, func(tx *Tx, l *Lease) error {
		l.ID, l.Revoked = newLeaseID(), now.UTC()
		return tx.PutJSON(bucketLease, instance, l)
	})
}

// changeLease changes the lease of an instance that a host, if it is not empty, must
// have, and returns it.
func (d *Directory) changeLease(instance, host string, edit func(*Tx, *Lease) error) (lease Lease, err error) {
	err = d.change(func(tx *Tx) error {
		have, ok := tx.Snapshot().Lease(instance)
		if !ok || host != "" && have.Host != host {
			return fmt.Errorf("lease of instance %s: %w", instance, ErrNotFound)
		}
		lease = have
		return edit(tx, &lease)
	})
	return lease, err
}

func newLeaseID() string { return rand.Text()[:12] } // 60 bits: it is no secret, only never the same again
