package identity

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnsigned is returned for a document without anything that signs it.
	ErrUnsigned = errors.New("nothing here signs the document: give its signature, its pkcs7 or its rsa2048 too")

	// ErrAlone is returned for a signature without a document.
	ErrAlone = errors.New("the signature is of a document that is not here: give the document too")

	// ErrForged is returned for a document that no trusted certificate has signed.
	ErrForged = errors.New("the document is not what was signed, or another site has signed it")

	// ErrOther is returned for forms that are not of the same document.
	ErrOther = errors.New("the files are of different documents")
)

// Verified is a document that was verified.
type Verified struct {
	Document []byte
	Members  []Member
	// Certificate has signed it.
	Certificate *x509.Certificate
}

// Verify returns the document that all of the parts are of, if there is a signature and
// each was made by the key of one of the trusted certificates that is valid at now.
// Who has issued these is not looked at: the caller trusts them one by one.
func Verify(parts []Part, trusted []*x509.Certificate, now time.Time) (Verified, error) {
	var v Verified
	for _, p := range parts {
		switch {
		case p.Document == nil:
		case v.Document == nil:
			v.Document = p.Document
		case !bytes.Equal(v.Document, p.Document):
			return Verified{}, ErrOther
		}
	}
	if v.Document == nil {
		return Verified{}, ErrAlone
	}
	for _, p := range parts {
		if p.Signature == nil {
			continue
		}
		var err error
		if v.Certificate, err = signer(v.Document, p.Signature, trusted, now); err != nil {
			return Verified{}, err
		}
	}
	if v.Certificate == nil {
		return Verified{}, ErrUnsigned
	}
	var err error
	v.Members, err = Members(v.Document)
	if err != nil {
		return Verified{}, err
	}
	return v, nil
}

// signer returns the certificate whose key has made the signature.
func signer(document, signature []byte, trusted []*x509.Certificate, now time.Time) (*x509.Certificate, error) {
	sum := sha256.Sum256(document)
	for _, c := range trusted {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		if !ok || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
			continue
		}
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return nil, fmt.Errorf("the document was signed with the certificate of %s, which is valid from %s to %s: fetch the document anew",
				c.Subject, c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
		}
		return c, nil
	}
	return nil, ErrForged
}

// errCertificates is for a file that is not what the core serves.
var errCertificates = errors.New("want certificates as PEM, as the core serves them")

// ParseCertificates reads certificates one after the other, as PEM. What is no
// certificate is an error, and so is none at all.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, errCertificates
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errCertificates, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errCertificates
	}
	return all, nil
}
