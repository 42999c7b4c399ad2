package directory

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

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

type profileRecord struct {
	record[InstanceProfileDefinition]
}

// identity is the core's own as the snapshot has it.
type identity struct {
	coreID, home string
	keys         []session.Key
	sealer       *session.Sealer
}

// readCore reads what the core keeps for itself.
func readCore(e *entry) (err error) {
	switch e.Name {
	case keyIdentity:
		e.noun, err = readIdentity(e)
	case keyTokenKeys:
		e.noun, err = readTokenKeys(e)
	case keySite:
		e.noun, err = readSite(e)
	}
	return err
}

// own puts what the core keeps for itself in its place in the snapshot.
func (s *Snapshot) own(e *entry) {
	switch own := e.noun.(type) {
	case *identity:
		s.identity = own
	case []TokenKey:
		s.keys = own
	case []SiteCertificate:
		s.site = own
	}
}

func readIdentity(e *entry) (*identity, error) {
	var r identityRecord
	if err := e.decode(&r); err != nil {
		return nil, err
	}
	own := &identity{coreID: r.CoreID, home: r.HomeAccount}
	for _, k := range r.Keys {
		key := session.Key{ID: k.ID, From: k.From}
		if copy(key.Secret[:], k.Secret) != len(key.Secret) {
			return nil, fmt.Errorf("issuing key %d is too short", k.ID)
		}
		own.keys = append(own.keys, key)
	}
	if len(own.keys) == 0 {
		return nil, errors.New("it holds no issuing key")
	}
	own.sealer = session.NewSealer(own.keys, Partition, own.coreID)
	return own, nil
}

func readAccount(e *entry) error {
	var a accountRecord
	if err := e.decode(&a); err != nil {
		return err
	}
	if e.noun = a; a.Vending {
		e.owners = append(e.owners, issuer(a.IssuerID))
	}
	if a.Alias != "" {
		e.owners = append(e.owners, alias(a.Alias))
	}
	return nil
}

func readProfile(e *entry) error {
	var r profileRecord
	if err := e.decode(&r); err != nil {
		return err
	}
	p := r.profile()
	e.noun, e.arn = p, p.ARN()
	e.owners = []string{nameOf(bucketProfile, p.Account, p.Name), profilesOfRole(p.Account, p.Role) + p.Name}
	return nil
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
