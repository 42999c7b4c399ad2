package directory

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/rolecall/rolecall/rolestore/dbfile"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const (
	bucketCore    = "core"
	bucketAccount = "account"
	bucketRole    = "role"
	bucketProfile = "instance_profile"

	keyIdentity = "identity"
)

// identityRecord is the core's own identity.
type identityRecord struct {
	CoreID      string      `json:"core_id"`
	Keys        []keyRecord `json:"issuing_keys"`
	HomeAccount string      `json:"home_account"`
}

type keyRecord struct {
	ID     byte   `json:"id"`
	Secret []byte `json:"secret"`
}

type accountRecord struct {
	ManagedBy string `json:"managed_by"`
}

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

// load reads the whole file. A file without an identity is new.
func load(tx *dbfile.Tx, logger *slog.Logger) (*Snapshot, error) {
	var identity identityRecord
	if err := tx.GetJSON(bucketCore, keyIdentity, &identity); err != nil {
		return nil, err
	}
	var keys []session.Key
	for _, k := range identity.Keys {
		key := session.Key{ID: k.ID}
		if copy(key.Secret[:], k.Secret) != len(key.Secret) {
			return nil, tx.Damaged(fmt.Errorf("issuing key %d is too short", k.ID))
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, tx.Damaged(errors.New("it holds no issuing key"))
	}
	s := newSnapshot(identity.CoreID, keys)
	s.home = identity.HomeAccount
	return s, errors.Join(
		dbfile.EachJSON(tx, bucketAccount, func(id string, _ accountRecord) error {
			s.accounts[id] = true
			return nil
		}),
		dbfile.EachJSON(tx, bucketRole, func(_ string, r roleRecord) error {
			s.addRole(r.role(logger))
			return nil
		}),
		dbfile.EachJSON(tx, bucketProfile, func(_ string, r profileRecord) error {
			s.addProfile(r.profile())
			return nil
		}),
		loadHosts(tx, s))
}

// role returns the role of a record. One with a policy that this version does not
// understand, written by another, may do nothing and be assumed by nobody.
func (r roleRecord) role(logger *slog.Logger) *Role {
	role, err := r.Definition.parse()
	if err != nil {
		logger.Error("a role is of no use until its policies are written anew", "role", key(r.Account, r.Definition.Name), "err", err)
		role = &Role{Name: r.Definition.Name, Path: orRoot(r.Definition.Path), MaxSessionDuration: minSession,
			Trust: denied(policy.Trust, trustNobody), Policies: []*policy.Document{denied(policy.Identity, denyAll)}}
	}
	role.UniqueID, role.Account, role.ManagedBy = r.UniqueID, r.Account, r.ManagedBy
	return role
}

// denied is one of the package's own documents, which parse.
func denied(kind policy.Kind, text string) *policy.Document {
	document, err := policy.Parse(kind, []byte(text))
	if err != nil {
		panic(err)
	}
	return document
}

func (r profileRecord) profile() *InstanceProfile {
	return &InstanceProfile{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: r.Definition.Name, Path: orRoot(r.Definition.Path), Role: r.Definition.Role}
}

// equal reports whether two definitions say the same.
func (r RoleDefinition) equal(o RoleDefinition) bool {
	return r.Name == o.Name && orRoot(r.Path) == orRoot(o.Path) && r.MaxSessionDuration == o.MaxSessionDuration &&
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
