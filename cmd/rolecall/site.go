package main

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rolecall/rolecall/rolestore/identity"
)

// siteOptions are the operator's own certificate that signs identity documents.
type siteOptions struct{ certificate, key string }

// open returns what the core asks for the certificate, or nil where it makes its own.
func (o siteOptions) open(w world, logger *slog.Logger) (func() (*x509.Certificate, crypto.Signer, error), error) {
	if o == (siteOptions{}) {
		return nil, nil
	}
	if o.certificate == "" || o.key == "" {
		return nil, errors.New("--identity-cert and --identity-key belong together: give both, or neither and the core makes a certificate")
	}
	fit := func(pair *tls.Certificate) error {
		key, ok := pair.PrivateKey.(crypto.Signer)
		if !ok {
			return errors.New("the key does not sign")
		}
		if now := w.now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
			return fmt.Errorf("the certificate is valid from %s to %s: renew it", pair.Leaf.NotBefore.UTC().Format(time.RFC3339), pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
		}
		return identity.CheckKey(pair.Leaf, key)
	}
	files, err := openCertificate(o.certificate, o.key, fit, logger)
	if err != nil {
		return nil, fmt.Errorf("--identity-cert, --identity-key: %w", err)
	}
	return func() (*x509.Certificate, crypto.Signer, error) {
		pair, err := files.Get(nil)
		if err != nil {
			return nil, nil, err
		}
		return pair.Leaf, pair.PrivateKey.(crypto.Signer), nil // as fit has seen
	}, nil
}
