package directory

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/saml"
)

const bucketSAML = "saml_provider"

// The modes of AssertionEncryptionMode
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html).
const (
	EncryptionRequired = "Required"
	EncryptionAllowed  = "Allowed"
)

const (
	// maxPrivateKeys is one that is in use and the next, as at AWS.
	maxPrivateKeys = 2

	maxSAMLNames = 16 // recipients or audiences of a provider
	maxSAMLName  = 1024
)

var samlName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

// SAMLProviderDefinition is a SAML provider as CreateSAMLProvider takes it.
type SAMLProviderDefinition struct {
	Name string
	// MetadataDocument is what the identity provider says of itself, XML.
	MetadataDocument string
	Tags             map[string]string
	// AssertionEncryptionMode is EncryptionRequired or EncryptionAllowed; empty where
	// there are no private keys.
	AssertionEncryptionMode string
	// PrivateKeys decrypt assertions, PEM.
	PrivateKeys []rolestore.Secret `json:"-"` // the record keeps them by itself

	// What AWS has no parameters for.

	// Recipients and Audiences are what the provider's responses must name in the place of
	// this core.
	Recipients, Audiences []string
	// SHA1 takes signatures with SHA-1.
	SHA1 bool
}

// SAMLProvider is a SAML identity provider of an account.
type SAMLProvider struct {
	SAMLProviderDefinition
	// Verifier verifies the provider's responses.
	Verifier *saml.Provider
	// UniqueID is SAMLProviderUUID; its assertions may be sent to a URL that ends in it.
	UniqueID  string
	Account   string
	ManagedBy string
	Created   time.Time
}

// ARN is arn:aws:iam::<account>:saml-provider/<name>.
func (p *SAMLProvider) ARN() string { return arn(p.Account, "saml-provider", "/", p.Name) }

type samlRecord struct {
	record[SAMLProviderDefinition]
	PrivateKeys []string `json:"private_keys,omitempty"` // PEM
}

func (p SAMLProviderDefinition) validate() error {
	if !samlName.MatchString(p.Name) {
		return errors.New("name: want 1 to 128 characters of A-Z a-z 0-9 _.-")
	}
	for _, list := range []struct {
		field  string
		values []string
	}{{"recipients", p.Recipients}, {"audiences", p.Audiences}} {
		if len(list.values) > maxSAMLNames {
			return fmt.Errorf("%s: at most %d", list.field, maxSAMLNames)
		}
		for _, v := range list.values {
			if v == "" || len(v) > maxSAMLName {
				return fmt.Errorf("%s: want a URI of at most %d characters, as it is in the provider's responses", list.field, maxSAMLName)
			}
		}
	}
	if err := validateTags(p.Tags); err != nil {
		return err
	}
	_, err := p.compile()
	return err
}

// compile returns what responses are verified by.
func (p SAMLProviderDefinition) compile() (*saml.Provider, error) {
	out := &saml.Provider{SHA1: p.SHA1, EncryptionRequired: p.AssertionEncryptionMode == EncryptionRequired}
	switch mode := p.AssertionEncryptionMode; {
	case len(p.PrivateKeys) > maxPrivateKeys:
		return nil, fmt.Errorf("private_key_files: at most %d", maxPrivateKeys)
	case mode != "" && mode != EncryptionRequired && mode != EncryptionAllowed:
		return nil, fmt.Errorf("assertion_encryption_mode %q: want %s or %s", mode, EncryptionRequired, EncryptionAllowed)
	case mode != "" && len(p.PrivateKeys) == 0:
		return nil, errors.New("private_key_files: assertion_encryption_mode needs one, to decrypt by")
	}
	for _, secret := range p.PrivateKeys {
		key, err := saml.ParsePrivateKey([]byte(secret.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("private_key_files: %w", err)
		}
		out.Keys = append(out.Keys, key)
	}
	var err error
	if out.Metadata, err = saml.ParseMetadata([]byte(p.MetadataDocument)); err != nil {
		return nil, fmt.Errorf("saml_metadata_document: %w", err)
	}
	return out, nil
}

func (a AccountDefinition) validateSAMLProviders() error {
	seen := map[string]bool{}
	for _, p := range a.SAMLProviders {
		if seen[p.Name] {
			return in(nouns[bucketSAML], p.Name, errTwice)
		}
		seen[p.Name] = true
		if err := p.validate(); err != nil {
			return in(nouns[bucketSAML], p.Name, err)
		}
	}
	return nil
}

func (p SAMLProviderDefinition) changes(o SAMLProviderDefinition) []string {
	return changes(
		field{"saml_metadata_document", p.MetadataDocument == o.MetadataDocument},
		field{"tags", maps.Equal(p.Tags, o.Tags)},
		field{"assertion_encryption_mode", p.AssertionEncryptionMode == o.AssertionEncryptionMode},
		field{"private_key_files", slices.EqualFunc(p.PrivateKeys, o.PrivateKeys, func(a, b rolestore.Secret) bool { return a.Reveal() == b.Reveal() })},
		field{"recipients", slices.Equal(p.Recipients, o.Recipients)},
		field{"audiences", slices.Equal(p.Audiences, o.Audiences)},
		field{"sha1_signatures", p.SHA1 == o.SHA1})
}

func (r *reconciliation) samlProvider(account string, want SAMLProviderDefinition) error {
	k := key(account, want.Name)
	next, err := readSAML(r.tx, k)
	if err != nil || r.givesWay(r.by, next.ManagedBy) {
		return err
	}
	if settle(r, object{bucketSAML, "SAML", account, want.Name, "", r.by}, &next.record, want, SAMLProviderDefinition.changes) {
		return next.write(r.tx, k)
	}
	return nil
}

// readSAML reads a record, with the private keys where a definition has them.
func readSAML(tx *Tx, k string) (r samlRecord, err error) {
	err = tx.GetJSON(bucketSAML, k, &r)
	r.reveal()
	return r, err
}

func (r *samlRecord) reveal() {
	for _, text := range r.PrivateKeys {
		r.Definition.PrivateKeys = append(r.Definition.PrivateKeys, rolestore.NewSecret(text))
	}
}

func (r *samlRecord) write(tx *Tx, k string) error {
	r.PrivateKeys = nil
	for _, secret := range r.Definition.PrivateKeys {
		r.PrivateKeys = append(r.PrivateKeys, secret.Reveal())
	}
	return tx.PutJSON(bucketSAML, k, r)
}

func readSAMLProvider(e *entry) error {
	var h head
	if err := e.decode(&h); err != nil {
		return err
	}
	e.arn, e.owners = arn(h.Account, "saml-provider", "/", h.Definition.Name), []string{nameOf(bucketSAML, h.Account, h.Definition.Name)}
	return nil
}

// makeSAMLProvider makes the provider of a record, and nil of one with metadata that this
// version does not understand: it vouches for nobody.
func makeSAMLProvider(e *entry, m *maker) any {
	var r samlRecord
	err := e.decode(&r)
	if err == nil {
		r.reveal()
		p := &SAMLProvider{SAMLProviderDefinition: r.Definition, UniqueID: r.UniqueID, Account: r.Account, ManagedBy: r.ManagedBy, Created: r.Created}
		if p.Verifier, err = r.Definition.compile(); err == nil {
			return p
		}
	}
	m.unusable(nouns[bucketSAML], e.Name, err)
	return nil
}

// SAMLProvider returns the provider of that ARN, or nil.
func (s *Snapshot) SAMLProvider(arn string) *SAMLProvider {
	return thing[*SAMLProvider](s, among(s.arns, bucketSAML, arn))
}
