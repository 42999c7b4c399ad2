package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

const bucketHost = "host"

// ErrNotFound is returned for an object that the directory does not have. The
// wrapping error names it.
var ErrNotFound = errors.New("not found")

// ErrInvalid is returned for an object that could not be. The wrapping error says why.
var ErrInvalid = errors.New("invalid")

// Host is a machine that runs an agent. That it is registered gives it nothing:
// what it may ask for is in its grants.
type Host struct {
	// ID is what the host calls itself: h- and 17 hexadecimal digits.
	ID string
	// Account is the one account that the host belongs to.
	Account string
	// Key verifies the host's tokens; on the curve P-256.
	Key *ecdsa.PublicKey
	// Joined is when the host was first registered.
	Joined time.Time
}

// Fingerprint is the SHA-256 of the host's public key, by which people compare it.
func (h *Host) Fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(h.Key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

type hostRecord struct {
	Account   string    `json:"account"`
	PublicKey []byte    `json:"public_key"` // PKIX, DER
	Joined    time.Time `json:"joined"`
}

func (r hostRecord) host(id string) (*Host, error) {
	parsed, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("the host's key is no ECDSA key")
	}
	return &Host{ID: id, Account: r.Account, Key: key, Joined: r.Joined}, nil
}

// registered is a host, and the fingerprint of its key, which takes its time.
type registered struct {
	*Host
	fingerprint string
}

func readHost(e *entry) error {
	var r hostRecord
	if err := e.decode(&r); err != nil {
		return err
	}
	host, err := r.host(e.Name)
	if err != nil {
		return err
	}
	e.noun = registered{host, host.Fingerprint()}
	return nil
}

// Host returns the host of that id, or nil.
func (s *Snapshot) Host(id string) *Host { return noun[registered](s.record(bucketHost, id)).Host }

// Hosts are all hosts, by id.
func (s *Snapshot) Hosts() []*Host {
	var hosts []*Host
	for e := range s.records.under(bucketHost + "/") {
		hosts = append(hosts, noun[registered](e).Host)
	}
	return hosts
}

var hostID = regexp.MustCompile(`^h-[0-9a-f]{17}$`)

// ValidHost reports whether a host of this id and key could be registered.
func ValidHost(id string, key *ecdsa.PublicKey) bool {
	return hostID.MatchString(id) && key != nil && key.Curve == elliptic.P256()
}

// check reports a host that could not be registered.
func (s *Snapshot) check(h Host) error {
	switch {
	case !hostID.MatchString(h.ID):
		return fmt.Errorf("host %q: want h- and 17 hexadecimal digits", h.ID)
	case !s.HasAccount(h.Account):
		return fmt.Errorf("host %s: there is no account %s", h.ID, h.Account)
	case h.Key == nil || h.Key.Curve != elliptic.P256():
		return fmt.Errorf("host %s: its key must be on the curve P-256", h.ID)
	}
	return nil
}

// PutHost registers a host, or replaces its key and account. One that is new, or
// comes to another account, is granted nothing.
func (d *Directory) PutHost(h Host) error {
	if err := d.Snapshot().check(h); err != nil {
		return err
	}
	if have := d.Snapshot().Host(h.ID); have != nil && have.Account == h.Account && have.Key.Equal(h.Key) {
		return nil // as at every start but the first
	}
	return d.change(func(tx *Tx) error { return d.register(tx, h) })
}

// register writes a host; d.writing is held.
func (d *Directory) register(tx *Tx, h Host) error {
	if have := d.Snapshot().Host(h.ID); have != nil {
		h.Joined = have.Joined
	}
	return errors.Join(putHost(tx, h), dropGrants(tx, h.ID, func(g *Grant) bool { return g.Account != h.Account }))
}

func putHost(tx *Tx, h Host) error {
	key, err := x509.MarshalPKIXPublicKey(h.Key)
	if err != nil {
		return fmt.Errorf("host %s: %w", h.ID, err)
	}
	return tx.PutJSON(bucketHost, h.ID, hostRecord{Account: h.Account, PublicKey: key, Joined: h.Joined})
}

// RemoveHost forgets a host, its grants and its leases: its tokens and the sessions
// of its instances are worth nothing any more.
func (d *Directory) RemoveHost(id string) error {
	return d.change(func(tx *Tx) error {
		if tx.Snapshot().Host(id) == nil {
			return fmt.Errorf("host %s: %w", id, ErrNotFound)
		}
		return errors.Join(deleteHost(tx, id, tx.Snapshot().LeasesOf(id)), dropGrants(tx, id, func(*Grant) bool { return true }))
	})
}

func deleteHost(tx *Tx, id string, held []Lease) error {
	err := tx.Delete(bucketHost, id)
	for _, l := range held {
		err = errors.Join(err, tx.Delete(bucketLease, l.InstanceID))
	}
	return err
}
