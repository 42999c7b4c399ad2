package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// MaxMetadata bounds a metadata document, in characters
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html).
const MaxMetadata = 10_000_000

// minRSA is the least size of a certificate's key, in bits, as at AWS.
const minRSA = 1024

// Metadata are what an identity provider says of itself
// (https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf).
type Metadata struct {
	// EntityID is the Issuer of its responses.
	EntityID string
	// Certificates are those that may sign. Of each the key alone counts, not how long it
	// is valid or who signed it: the metadata are what is trusted
	// (https://docs.oasis-open.org/security/saml/Post2.0/sstc-metadata-iop-os.pdf, section 2.5).
	Certificates []*x509.Certificate
	// ValidUntil is when the metadata end; zero if they do not.
	ValidUntil time.Time
	// SignOnURLs are where a person signs in, by the binding.
	SignOnURLs map[string]string

	keys []crypto.PublicKey
}

// ParseMetadata reads a metadata document of one identity provider. Its own signature is
// not verified: who gives it to us vouches for it.
func ParseMetadata(document []byte) (*Metadata, error) {
	if len(document) > MaxMetadata {
		return nil, fmt.Errorf("metadata: want at most %d bytes", MaxMetadata)
	}
	root, err := parse(document, relaxed)
	if err != nil {
		return nil, fmt.Errorf("metadata: want an XML document of an EntityDescriptor: %w", err)
	}
	if !is(root, nsMetadata, "EntityDescriptor") {
		return nil, errors.New("metadata: the root is not an EntityDescriptor: leave out the others of a federation")
	}
	m := &Metadata{EntityID: attribute(root, "entityID"), SignOnURLs: map[string]string{}}
	descriptor := one(root, nsMetadata, "IDPSSODescriptor")
	switch {
	case m.EntityID == "":
		return nil, errors.New("metadata: EntityDescriptor has no entityID")
	case descriptor == nil:
		return nil, errors.New("metadata: want one IDPSSODescriptor: these are not of an identity provider")
	}
	for _, e := range []*etree.Element{root, descriptor} {
		until, err := instant(attribute(e, "validUntil"))
		if err != nil {
			return nil, fmt.Errorf("metadata: validUntil: %w", err)
		}
		if m.ValidUntil.IsZero() || !until.IsZero() && until.Before(m.ValidUntil) {
			m.ValidUntil = until
		}
	}
	for _, e := range all(descriptor, nsMetadata, "SingleSignOnService") {
		m.SignOnURLs[attribute(e, "Binding")] = attribute(e, "Location")
	}
	if err := m.readKeys(descriptor); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return m, nil
}

// readKeys reads the certificates that sign: those that are for nothing else.
func (m *Metadata) readKeys(descriptor *etree.Element) error {
	for _, k := range all(descriptor, nsMetadata, "KeyDescriptor") {
		if use := attribute(k, "use"); use != "" && use != "signing" {
			continue
		}
		info := one(k, nsSignature, "KeyInfo")
		if info == nil {
			return errors.New("a KeyDescriptor has no KeyInfo")
		}
		for _, data := range all(info, nsSignature, "X509Data") {
			for _, e := range all(data, nsSignature, "X509Certificate") {
				if err := m.add(trimmed(e)); err != nil {
					return err
				}
			}
		}
	}
	if len(m.keys) == 0 {
		return errors.New("it has no X509Certificate that signs")
	}
	return nil
}

func (m *Metadata) add(encoded string) error {
	der, err := decodeBase64(encoded)
	if err != nil {
		return errors.New("an X509Certificate is not base64")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("an X509Certificate cannot be read: %w", err)
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return fmt.Errorf("an X509Certificate has a key of %d bits: want at least %d", key.N.BitLen(), minRSA)
		}
	case *ecdsa.PublicKey:
	default:
		return errors.New("an X509Certificate has a key that is neither of RSA nor of ECDSA")
	}
	m.Certificates, m.keys = append(m.Certificates, c), append(m.keys, c.PublicKey)
	return nil
}

// instant reads an xs:dateTime, which is in UTC in all of SAML (saml-core-2.0-os section
// 1.3.3); zero for none.
func instant(value string) (time.Time, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return t, nil
	}
	t, err := time.Parse("2006-01-02T15:04:05.999999999", value)
	if err != nil {
		return time.Time{}, errors.New("it is not a date and time, as in 2006-01-02T15:04:05Z")
	}
	return t, nil
}
