package saml

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1"   // crypto.SHA1
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384, crypto.SHA512
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Algorithms (https://www.w3.org/TR/xmldsig-core1/, sections 6.1 and 6.4).
const (
	rsaFamily   = "rsa"
	ecdsaFamily = "ecdsa"

	algorithmEnveloped = nsSignature + "enveloped-signature"
	moreAlgorithms     = "http://www.w3.org/2001/04/xmldsig-more#"
)

type method struct {
	family string
	hash   crypto.Hash
}

// methods are all signature algorithms that are taken. There is none with a shared key,
// and so no public key can be taken for one.
var methods = map[string]method{
	nsSignature + "rsa-sha1":        {rsaFamily, crypto.SHA1},
	moreAlgorithms + "rsa-sha256":   {rsaFamily, crypto.SHA256},
	moreAlgorithms + "rsa-sha384":   {rsaFamily, crypto.SHA384},
	moreAlgorithms + "rsa-sha512":   {rsaFamily, crypto.SHA512},
	moreAlgorithms + "ecdsa-sha256": {ecdsaFamily, crypto.SHA256},
	moreAlgorithms + "ecdsa-sha384": {ecdsaFamily, crypto.SHA384},
	moreAlgorithms + "ecdsa-sha512": {ecdsaFamily, crypto.SHA512},
}

var digests = map[string]crypto.Hash{
	nsSignature + "sha1":      crypto.SHA1,
	nsEncryption + "sha256":   crypto.SHA256,
	moreAlgorithms + "sha384": crypto.SHA384,
	nsEncryption + "sha512":   crypto.SHA512,
}

// verify verifies the signature that is a child of e and returns the octets that it was
// made over: the canonical form of e without it. Nothing of e may be believed but what
// is in them.
func (p *Provider) verify(e, signature *etree.Element) ([]byte, error) {
	info := one(signature, nsSignature, "SignedInfo")
	prefixes, err := canonicalizationOf(one(info, nsSignature, "CanonicalizationMethod"))
	if err != nil {
		return nil, err
	}
	signed, err := canonical(info, nil, prefixes)
	if err != nil {
		return nil, err
	}
	if err := p.verifyInfo(signed, attribute(one(info, nsSignature, "SignatureMethod"), "Algorithm"), trimmed(one(signature, nsSignature, "SignatureValue"))); err != nil {
		return nil, err
	}
	if info, err = parse(signed, strict); err != nil {
		return nil, err
	}
	return p.digested(e, signature, info)
}

// verifyInfo verifies the signature of SignedInfo by any of the provider's keys.
func (p *Provider) verifyInfo(signed []byte, algorithm, value string) error {
	m, known := methods[algorithm]
	if !known || m.hash == crypto.SHA1 && !p.SHA1 {
		return fmt.Errorf("signature algorithm %q is not taken", algorithm)
	}
	raw, err := decodeBase64(value)
	if err != nil {
		return errors.New("its SignatureValue is not base64")
	}
	h := m.hash.New()
	h.Write(signed)
	sum := h.Sum(nil)
	if !slices.ContainsFunc(p.Metadata.keys, func(key crypto.PublicKey) bool { return m.fits(key, sum, raw) }) {
		return errors.New("it is signed by no key of the provider's metadata, or altered")
	}
	return nil
}

// fits reports whether raw is a signature of sum by the key. That of ECDSA is two
// numbers of the curve's size (RFC 4050 section 3.3, https://www.w3.org/TR/xmldsig-core1/#sec-ECDSA).
func (m method) fits(key crypto.PublicKey, sum, raw []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return m.family == rsaFamily && rsa.VerifyPKCS1v15(k, m.hash, sum, raw) == nil
	case *ecdsa.PublicKey:
		size := (k.Params().BitSize + 7) / 8
		return m.family == ecdsaFamily && len(raw) == 2*size &&
			ecdsa.Verify(k, sum, new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:]))
	}
	return false
}

// digested compares e's digest with that of a SignedInfo whose signature was verified.
func (p *Provider) digested(e, signature, info *etree.Element) ([]byte, error) {
	references := all(info, nsSignature, "Reference")
	if len(references) != 1 || len(info.ChildElements()) != 3 {
		return nil, errors.New("its signature does not have exactly one reference")
	}
	reference := references[0]
	id := attribute(e, "ID")
	if id == "" || attribute(reference, "URI") != "#"+id {
		return nil, errors.New("its signature is over another element than the one that it is in")
	}
	prefixes, err := transforms(one(reference, nsSignature, "Transforms"))
	if err != nil {
		return nil, err
	}
	algorithm := attribute(one(reference, nsSignature, "DigestMethod"), "Algorithm")
	hash, known := digests[algorithm]
	if !known || hash == crypto.SHA1 && !p.SHA1 {
		return nil, fmt.Errorf("digest algorithm %q is not taken", algorithm)
	}
	want, err := decodeBase64(trimmed(one(reference, nsSignature, "DigestValue")))
	if err != nil {
		return nil, errors.New("its DigestValue is not base64")
	}
	octets, err := canonical(e, signature, prefixes)
	if err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(octets)
	if !bytes.Equal(h.Sum(nil), want) {
		return nil, errors.New("it was altered after it was signed")
	}
	return octets, nil
}

// transforms returns the prefixes of the canonicalization of a reference. SAML has two
// transforms, in this order (saml-core-2.0-os section 5.4.4).
func transforms(e *etree.Element) (prefixes string, err error) {
	if e == nil {
		return "", errors.New("its signature has no transforms")
	}
	steps := e.ChildElements()
	if len(steps) != 2 || !is(steps[0], nsSignature, "Transform") || !is(steps[1], nsSignature, "Transform") ||
		attribute(steps[0], "Algorithm") != algorithmEnveloped || len(steps[0].ChildElements()) != 0 {
		return "", errors.New("its signature has other transforms than enveloped-signature and exclusive canonicalization")
	}
	return canonicalizationOf(steps[1])
}

// canonicalizationOf returns the prefixes that exclusive canonicalization, which is the
// only one taken, treats as the inclusive one does
// (https://www.w3.org/TR/xml-exc-c14n/). As there are no comments, that with comments is
// the same.
func canonicalizationOf(e *etree.Element) (prefixes string, err error) {
	switch algorithm := attribute(e, "Algorithm"); algorithm {
	case nsExclusive, nsExclusive + "WithComments":
	default:
		return "", fmt.Errorf("canonicalization %q is not taken", algorithm)
	}
	switch children := e.ChildElements(); {
	case len(children) == 0:
		return "", nil
	case len(children) == 1 && is(children[0], nsExclusive, "InclusiveNamespaces"):
		return attribute(children[0], "PrefixList"), nil
	}
	return "", errors.New("its canonicalization has unknown parameters")
}

// canonical is the exclusive canonical form of e, without its child that is left out.
func canonical(e, without *etree.Element, prefixes string) ([]byte, error) {
	apex := e.Copy()
	if without != nil {
		apex.RemoveChildAt(without.Index())
	}
	inherit(apex, e.Parent())
	return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes).Canonicalize(apex)
}

// inherit declares on a copy what is declared on the ancestors of the original.
func inherit(apex, ancestor *etree.Element) {
	for ; ancestor != nil; ancestor = ancestor.Parent() {
		for _, a := range ancestor.Attr {
			declares := a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
			there := slices.ContainsFunc(apex.Attr, func(own etree.Attr) bool { return own.Space == a.Space && own.Key == a.Key })
			if declares && !there {
				apex.Attr = append(apex.Attr, etree.Attr{Space: a.Space, Key: a.Key, Value: a.Value})
			}
		}
	}
}

// decodeBase64 takes the line breaks that XML signatures have.
func decodeBase64(value string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(value), ""))
}
