package directory

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

const (
	bucketCore    = "core"
	bucketAccount = "account"
	bucketRole    = "role"
	bucketProfile = "instance_profile"
	bucketPolicy  = "policy"
	bucketGroup   = "group"
	bucketUser    = "user"
	bucketMFA     = "mfa_device"

	keyIdentity = "identity"
)

// identityRecord is the core's own identity.
type identityRecord struct {
	CoreID      string      `json:"core_id"`
	Keys        []keyRecord `json:"issuing_keys"`
	HomeAccount string      `json:"home_account"`
}

type accountRecord struct {
	ManagedBy string `json:"managed_by"`
	Vending   bool   `json:"jwt_vending_enabled,omitempty"`
	// VendingBy is who decided that; nobody if nobody did.
	VendingBy string `json:"jwt_vending_by,omitempty"`
	Inactive  string `json:"inactive_regions,omitempty"` // with spaces between them
	IssuerID  string `json:"issuer_id,omitempty"`
	Alias     string `json:"alias,omitempty"`
	// TokenVersion is that of SetSecurityTokenServicePreferences; 0 if it was never asked.
	TokenVersion int `json:"global_endpoint_token_version,omitempty"`
	// OnPremises are the hosts where OIDC providers that the API makes may be though they
	// are not public.
	OnPremises []string `json:"on_premises_identity_providers,omitempty"`
}

// record is what the records of nouns have in common.
type record[D any] struct {
	UniqueID   string `json:"unique_id"`
	Account    string `json:"account"`
	Path       string `json:"path"`
	ManagedBy  string `json:"managed_by"`
	Definition D      `json:"definition"`
	// Created is zero of what was made before it was noted.
	Created time.Time `json:"create_date,omitzero"`
}

type roleRecord struct {
	record[RoleDefinition]
	// Trust is the trust policy of the definition with the unique ids of whom it names.
	Trust []byte `json:"trust"`
	// LastUsed is when a session of the role last asked for something.
	LastUsed LastUse `json:"last_used,omitzero"`
}

type profileRecord struct {
	record[InstanceProfileDefinition]
}

// load reads the whole file. A file without an identity is new.
func load(tx *Tx, logger *slog.Logger) (*Snapshot, error) {
	var identity identityRecord
	if err := tx.GetJSON(bucketCore, keyIdentity, &identity); err != nil {
		return nil, err
	}
	var keys []session.Key
	for _, k := range identity.Keys {
		key := session.Key{ID: k.ID, From: k.From}
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
	report := func(kind, name string, err error) {
		logger.Error("something is of no use until its policies are written anew", "kind", kind, "name", name, "err", err)
	}
	return s, errors.Join(
		EachJSON(tx, bucketAccount, func(id string, a accountRecord) error {
			s.accounts[id] = true
			if a.Alias != "" {
				s.aliases[id] = a.Alias
			}
			s.onPremises[id], s.tokenVersions[id] = a.OnPremises, a.TokenVersion
			s.inactive[id] = strings.Fields(a.Inactive)
			if a.Vending {
				s.tokenIssuers[id] = a.IssuerID
			}
			return nil
		}),
		s.loadPolicies(tx, report),
		s.loadGroups(tx, report),
		s.loadUsers(tx, report),
		s.loadMFADevices(tx),
		s.loadOIDCProviders(tx),
		s.loadSAMLProviders(tx, report),
		s.loadTokenKeys(tx),
		s.loadSite(tx),
		EachJSON(tx, bucketRole, func(k string, r roleRecord) error {
			role, err := r.role(s)
			if err != nil {
				report("role", k, err)
			}
			s.addRole(role)
			return nil
		}),
		EachJSON(tx, bucketProfile, func(_ string, r profileRecord) error {
			s.addProfile(r.profile())
			return nil
		}),
		loadHosts(tx, s))
}

// role returns the role of a record. One with a policy that this version does not
// understand, written by another, may do nothing and be assumed by nobody.
func (r roleRecord) role(s *Snapshot) (*Role, error) {
	d := r.Definition
	role := &Role{Principal: Principal{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: d.Name, Path: orRoot(d.Path), Tags: d.Tags}, MaxSessionDuration: cmp.Or(d.MaxSessionDuration, minSession),
		Created: r.Created, LastUsed: r.LastUsed, Definition: &d, frozen: r.Trust}
	err := role.fill(r, s)
	if err != nil {
		role.Trust, role.Policies = ours(policy.Trust, trustNobody), policy.Set{{Name: "unreadable", Document: ours(policy.Identity, denyAll)}}
	}
	return role, err
}

func (r *Role) fill(from roleRecord, s *Snapshot) (err error) {
	d := from.Definition
	if r.Trust, err = policy.Parse(policy.Trust, from.Trust); err != nil {
		return fmt.Errorf("assume_role_policy_document: %w", err)
	}
	r.Policies, r.Boundary, err = permissions{d.Policies, d.ManagedPolicies, d.PermissionsBoundary}.resolve(s)
	return err
}

func (r profileRecord) profile() *InstanceProfile {
	return &InstanceProfile{UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy,
		Name: r.Definition.Name, Path: orRoot(r.Definition.Path), Role: r.Definition.Role, Tags: r.Definition.Tags, Created: r.Created}
}

// newUniqueID returns an id of 21 characters, as IAM's are
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
func newUniqueID(prefix string) string {
	var b [11]byte
	_, _ = rand.Read(b[:])
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}
