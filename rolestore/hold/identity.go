package hold

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// Fingerprint tells a machine from a copy of its image. Its members are hashes
// made by the caller, each empty if its source cannot be read.
type Fingerprint struct {
	// MachineID is of /etc/machine-id (machine-id(5)).
	MachineID string `json:"machine_id"`
	// ProductUUID is of the firmware's /sys/class/dmi/id/product_uuid.
	ProductUUID string `json:"product_uuid"`
}

// contradicts names the member that both have and that differs, empty if none.
func (f Fingerprint) contradicts(now Fingerprint) string {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	switch {
	case differ(f.MachineID, now.MachineID):
		return "machine id differs"
	case differ(f.ProductUUID, now.ProductUUID):
		return "product UUID differs"
	}
	return ""
}

// with adds what f does not know yet.
func (f Fingerprint) with(now Fingerprint) Fingerprint {
	if f.MachineID == "" {
		f.MachineID = now.MachineID
	}
	if f.ProductUUID == "" {
		f.ProductUUID = now.ProductUUID
	}
	return f
}

// begin drops all identities and makes new ones, in one transaction.
func (a *Agent) begin(f Fingerprint) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the host's key: %w", err)
	}
	s := &state{
		hostID:      newHostID(),
		hostKey:     key,
		fingerprint: f,
		tokenKeys:   []TokenKey{newTokenKey(1)},
	}
	err = a.file.Update(func(tx *dbfile.Tx) error {
		for _, bucket := range []string{hostBucket, instancesBucket, releasesBucket} {
			err := tx.ForEach(bucket, func(key string, _ []byte) error { return tx.Delete(bucket, key) })
			if err != nil {
				return err
			}
		}
		return writeIdentity(tx, s)
	})
	if err != nil {
		return err
	}
	a.state.Store(s)
	a.registry.byID = make(map[string]Registration)
	a.fresh = true
	return nil
}

// learn keeps what of the fingerprint could not be read when it was stored.
func (a *Agent) learn(now Fingerprint) error {
	known := a.state.Load().fingerprint
	if known.with(now) == known {
		return nil
	}
	return a.change(func(tx *dbfile.Tx, s *state) error {
		s.fingerprint = known.with(now)
		return tx.PutJSON(hostBucket, fingerprintKey, s.fingerprint)
	})
}

func newHostID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return "h-" + hex.EncodeToString(b[:])[:17]
}

// Enrolment says which core this host has joined.
type Enrolment struct {
	// CoreID is the core's id, the audience of the host's tokens.
	CoreID string `json:"core_id"`
	// Issuer is the URL of the core's STS endpoint.
	Issuer string `json:"issuer"`
	// Account is the one that this host belongs to.
	Account string `json:"account,omitempty"`
	// Authority is the certificate authority by which the core is known, as PEM; empty
	// means the system's. Pinned says that it is the core's own, whose certificate has
	// the core's id for a name.
	Authority string `json:"authority,omitempty"`
	Pinned    bool   `json:"pinned,omitempty"`
}

// Enrolment returns the record of [Agent.PutEnrolment], and whether there is one.
func (a *Agent) Enrolment() (Enrolment, bool) {
	e := a.state.Load().enrolment
	return e, e != Enrolment{}
}

// PutEnrolment replaces the record, on the disk when it returns. The same record
// once more costs no write.
func (a *Agent) PutEnrolment(e Enrolment) error {
	if a.state.Load().enrolment == e {
		return nil
	}
	return a.change(func(tx *dbfile.Tx, s *state) error {
		s.enrolment = e
		return tx.PutJSON(hostBucket, enrolmentKey, e)
	})
}
