package directory

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const (
	bucketCore    = "core"
	bucketAccount = "account"
	bucketRole    = "role"
	bucketProfile = "instance_profile"
	bucketHost    = "host"

	keyIdentity = "identity"
)

// identityRecord is the core's own identity.
type identityRecord struct {
	CoreID string      `json:"core_id"`
	Keys   []keyRecord `json:"issuing_keys"`
}

type keyRecord struct {
	ID     byte   `json:"id"`
	Secret []byte `json:"secret"`
}

type accountRecord struct{}

type roleRecord struct {
	UniqueID   string         `json:"role_id"`
	Account    string         `json:"account"`
	ManagedBy  string         `json:"managed_by"`
	Definition RoleDefinition `json:"definition"`
}

type profileRecord struct {
	UniqueID   string                    `json:"instance_profile_id"`
	Account    string                    `json:"account"`
	ManagedBy  string                    `json:"managed_by"`
	Definition InstanceProfileDefinition `json:"definition"`
}

type hostRecord struct {
	Account   string `json:"account"`
	PublicKey []byte `json:"public_key"` // PKIX, DER
	Grant     Grant  `json:"grant"`
}

// load reads the whole file. A file without an identity is new.
func load(tx *dbfile.Tx) (*Snapshot, error) {
	var identity identityRecord
	if err := get(tx, bucketCore, keyIdentity, &identity); err != nil {
		return nil, err
	}
	var keys []session.Key
	for _, k := range identity.Keys {
		key := session.Key{ID: k.ID}
		copy(key.Secret[:], k.Secret)
		keys = append(keys, key)
	}
	s := newSnapshot(identity.CoreID, keys)
	return s, errors.Join(
		each(tx, bucketAccount, func(id string, _ accountRecord) error {
			s.accounts[id] = true
			return nil
		}),
		each(tx, bucketRole, func(_ string, r roleRecord) error {
			role, err := r.role()
			if err == nil {
				s.addRole(role)
			}
			return err
		}),
		each(tx, bucketProfile, func(_ string, r profileRecord) error {
			s.addProfile(r.profile())
			return nil
		}),
		each(tx, bucketHost, func(id string, r hostRecord) error {
			host, err := r.host(id)
			if err == nil {
				s.hosts[id] = host
			}
			return err
		}))
}

func (r roleRecord) role() (*Role, error) {
	role, err := r.Definition.parse()
	if err != nil {
		return nil, err
	}
	role.UniqueID, role.Account, role.ManagedBy = r.UniqueID, r.Account, r.ManagedBy
	return role, nil
}

func (r profileRecord) profile() *InstanceProfile {
	p := &InstanceProfile{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: r.Definition.Name, Path: r.Definition.Path, Role: r.Definition.Role}
	if p.Path == "" {
		p.Path = "/"
	}
	return p
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
	return &Host{ID: id, Account: r.Account, Key: key, Grant: r.Grant}, nil
}

// equal reports whether two definitions say the same.
func (r RoleDefinition) equal(o RoleDefinition) bool {
	return r.Name == o.Name && r.Path == o.Path && r.MaxSessionDuration == o.MaxSessionDuration &&
		string(r.AssumeRolePolicyDocument) == string(o.AssumeRolePolicyDocument) &&
		maps.EqualFunc(r.Policies, o.Policies, func(a, b []byte) bool { return string(a) == string(b) })
}

// newUniqueID returns an id of 21 characters, as IAM's are
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
func newUniqueID(prefix string) string {
	var b [11]byte
	_, _ = rand.Read(b[:])
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}

func get(tx *dbfile.Tx, bucket, key string, into any) error {
	value, err := tx.Get(bucket, key)
	if err != nil || value == nil {
		return err
	}
	return decode(bucket, key, value, into)
}

func put(tx *dbfile.Tx, bucket, key string, record any) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", bucket, key, err)
	}
	return tx.Put(bucket, key, value)
}

func each[R any](tx *dbfile.Tx, bucket string, visit func(key string, record R) error) error {
	return tx.ForEach(bucket, func(key string, value []byte) error {
		var record R
		if err := decode(bucket, key, value, &record); err != nil {
			return err
		}
		if err := visit(key, record); err != nil {
			return fmt.Errorf("%s %s: %w", bucket, key, err)
		}
		return nil
	})
}

func decode(bucket, key string, value []byte, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("decode %s %s: %w", bucket, key, err)
	}
	return nil
}
