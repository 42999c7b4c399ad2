package hold

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/dbfile"
)

// Buckets of agent.db, and the keys of the first.
const (
	hostBucket      = "host"
	instancesBucket = "instances"
	releasesBucket  = "releases"

	idKey          = "id"
	privateKeyKey  = "key" // PKCS #8 (RFC 5208), DER
	fingerprintKey = "fingerprint"
	tokenKeysKey   = "token_keys"
	enrolmentKey   = "enrolment"
)

type storedTokenKey struct {
	ID  byte   `json:"id"`
	Key []byte `json:"key"`
}

// readState returns nil if the file holds no identity yet.
func readState(tx *dbfile.Tx) (*state, error) {
	id, err := tx.Get(hostBucket, idKey)
	if err != nil || id == nil {
		return nil, err
	}
	s := &state{hostID: string(id)}
	if s.hostKey, err = readHostKey(tx); err != nil {
		return nil, err
	}
	if s.tokenKeys, err = readTokenKeys(tx); err != nil {
		return nil, err
	}
	if err := tx.GetJSON(hostBucket, fingerprintKey, &s.fingerprint); err != nil {
		return nil, err
	}
	if err := tx.GetJSON(hostBucket, enrolmentKey, &s.enrolment); err != nil {
		return nil, err
	}
	return s, nil
}

// readRegistrations returns them by instance id.
func readRegistrations(tx *dbfile.Tx) (map[string]Registration, error) {
	all := make(map[string]Registration)
	return all, dbfile.EachJSON(tx, instancesBucket, func(id string, r storedRegistration) error {
		if r.ID != id {
			return tx.Damaged(fmt.Errorf("the record of instance %s is of %q", id, r.ID))
		}
		all[id] = Registration{Instance: r.Instance, File: r.File, Bound: r.Bound, Ended: r.Ended, Node: r.Node}
		return nil
	})
}

// writeIdentity writes what [Agent.begin] makes.
func writeIdentity(tx *dbfile.Tx, s *state) error {
	der, err := x509.MarshalPKCS8PrivateKey(s.hostKey)
	if err != nil {
		return err
	}
	return errors.Join(
		tx.Put(hostBucket, idKey, []byte(s.hostID)),
		tx.Put(hostBucket, privateKeyKey, der),
		putTokenKeys(tx, s.tokenKeys),
		tx.PutJSON(hostBucket, fingerprintKey, s.fingerprint),
	)
}

func readHostKey(tx *dbfile.Tx) (*ecdsa.PrivateKey, error) {
	der, err := tx.Get(hostBucket, privateKeyKey)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, tx.Damaged(errors.New("the host's key is no P-256 key"))
	}
	return key, nil
}

func readTokenKeys(tx *dbfile.Tx) ([]TokenKey, error) {
	var stored []storedTokenKey
	if err := tx.GetJSON(hostBucket, tokenKeysKey, &stored); err != nil {
		return nil, err
	}
	var keys []TokenKey
	for _, s := range stored {
		if len(s.Key) != tokenKeySize {
			return nil, tx.Damaged(fmt.Errorf("token key %d has %d bytes", s.ID, len(s.Key)))
		}
		keys = append(keys, TokenKey{ID: s.ID, Key: rolestore.NewSecret(string(s.Key))})
	}
	if len(keys) == 0 {
		return nil, tx.Damaged(errors.New("no token key"))
	}
	return keys, nil
}

func putTokenKeys(tx *dbfile.Tx, keys []TokenKey) error {
	var stored []storedTokenKey
	for _, k := range keys {
		stored = append(stored, storedTokenKey{ID: k.ID, Key: []byte(k.Key.Reveal())})
	}
	return tx.PutJSON(hostBucket, tokenKeysKey, stored)
}
