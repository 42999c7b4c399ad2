package saml

import (
	"crypto/rsa"
	"slices"
	"time"

	"github.com/beevik/etree"
)

// Provider is an identity provider as we know it. It is not changed after it is made.
type Provider struct {
	Metadata *Metadata
	// Keys decrypt assertions that are encrypted for us; there may be none.
	Keys []*rsa.PrivateKey
	// EncryptionRequired refuses assertions that are not encrypted.
	EncryptionRequired bool
	// SHA1 takes signatures with SHA-1, for providers that have no better.
	SHA1 bool
}

// Expected is who we are and what time it is.
type Expected struct {
	// Recipients are the URLs that a response may be sent to.
	Recipients []string
	// Audiences are our own names, one of which every audience restriction must have.
	Audiences []string
	Now       time.Time
}

// MaxResponse bounds a response, in bytes: STS takes 100,000 characters of base64
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html).
const MaxResponse = 75_000

// Verify verifies a response, an XML document, and returns what it asserts. Its error is
// always an [*Error].
func (p *Provider) Verify(document []byte, want Expected) (*Assertion, error) {
	if len(document) > MaxResponse {
		return nil, refuse(textMalformed, "it has more than %d bytes", MaxResponse)
	}
	root, err := parse(document, strict)
	if err != nil {
		return nil, refuse(textMalformed, "%v", err)
	}
	found, err := dissect(root)
	if err != nil {
		return nil, refuse(textMalformed, "%v", err)
	}
	if end := p.Metadata.ValidUntil; !end.IsZero() && !want.Now.Before(end) {
		return nil, refuse(textSignature, "the provider's metadata were valid until %s: give it newer ones", end.Format(time.RFC3339))
	}
	// Who sends the response of another provider is told so, as nobody could tell by the
	// signature. Nothing rests on it yet.
	if issuer := one(root, nsAssertion, "Issuer"); issuer != nil && trimmed(issuer) != p.Metadata.EntityID {
		return nil, refuse(textIssuer, "the response is of %q", trimmed(issuer))
	}
	response, assertion, err := p.trusted(found)
	if err != nil {
		return nil, err
	}
	if err := checkResponse(response, want); err != nil {
		return nil, err
	}
	return p.read(assertion, want)
}

// trusted returns the assertion as it was signed, parsed anew, and the response, as it
// was signed if it is. One signature is enough; of two, both must be good.
func (p *Provider) trusted(found parts) (response, assertion *etree.Element, err error) {
	response, assertion = found.response, found.assertion
	signed := found.signature != nil
	if signed {
		if response, err = p.again(found.response, found.signature); err != nil {
			return nil, nil, refuse(textSignature, "response: %v", err)
		}
	}
	if p.EncryptionRequired && !found.encrypted() {
		return nil, nil, refuse(textEncrypted, "its assertion is not encrypted")
	}
	if found.encrypted() {
		if signed {
			assertion = one(response, nsAssertion, "EncryptedAssertion")
		}
		assertion, err = p.revealed(assertion, signed)
		return response, assertion, err
	}
	switch own := one(assertion, nsSignature, "Signature"); {
	case own != nil:
		if assertion, err = p.again(assertion, own); err != nil {
			return nil, nil, refuse(textSignature, "assertion: %v", err)
		}
	case signed:
		assertion = one(response, nsAssertion, "Assertion")
	default:
		return nil, nil, refuse(textSignature, "neither the response nor its assertion is signed")
	}
	return response, assertion, nil
}

// revealed decrypts an assertion and verifies the signature in it. One whose response is
// signed needs none of its own.
func (p *Provider) revealed(e *etree.Element, signed bool) (*etree.Element, error) {
	if len(p.Keys) == 0 {
		return nil, refuse(textSignature, "its assertion is encrypted, and the provider has no private key here")
	}
	failed := refuse(textSignature, "%v", errDecryption)
	assertion, err := p.decrypt(e)
	if err != nil {
		return nil, failed
	}
	inner := parts{assertion: assertion}
	if inner.check(assertion) != nil {
		return nil, failed
	}
	own := one(assertion, nsSignature, "Signature")
	if own == nil && signed {
		return assertion, nil
	}
	if own == nil {
		return nil, failed
	}
	if assertion, err = p.again(assertion, own); err != nil {
		return nil, failed
	}
	return assertion, nil
}

// again verifies the signature in e and returns what was signed, parsed anew.
func (p *Provider) again(e, signature *etree.Element) (*etree.Element, error) {
	octets, err := p.verify(e, signature)
	if err != nil {
		return nil, err
	}
	return parse(octets, strict)
}

// read reads a verified assertion, and applies its conditions.
func (p *Provider) read(e *etree.Element, want Expected) (*Assertion, error) {
	if attribute(e, "Version") != "2.0" {
		return nil, refuse(textMalformed, "its assertion is not of SAML 2.0")
	}
	a := &Assertion{Issuer: trimmed(one(e, nsAssertion, "Issuer"))}
	if a.Issuer != p.Metadata.EntityID {
		return nil, refuse(textIssuer, "the assertion is of %q", a.Issuer)
	}
	if sealedWithin(e) {
		return nil, refuse(textMalformed, "a part of its assertion is encrypted: have the provider encrypt the assertion as a whole")
	}
	subject := one(e, nsAssertion, "Subject")
	for _, step := range []func() error{
		func() error { return checkAge(e, want.Now) },
		func() error { return checkConditions(one(e, nsAssertion, "Conditions"), want) },
		func() error { return a.checkConfirmation(subject, want) },
		func() error { return a.checkAuthentication(e, want.Now) },
		func() error { return a.readSubject(subject) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	a.readAttributes(e)
	return a, nil
}

// names reports whether a list has a URI, which is the same only if every character is.
func names(list []string, uri string) bool { return uri != "" && slices.Contains(list, uri) }
