package source

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Trust says by what an issuer is known over TLS.
type Trust struct {
	// Authority is the certificate authority that must have signed, as PEM. Empty means
	// the system's, and the name in the URL.
	Authority string
	// Core is the name that the issuer's certificate must have if Authority is that of
	// the core itself; empty means the name in the URL.
	Core string
}

// config is for a client.
func (t Trust) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.Core}
	if t.Authority == "" {
		return c, nil
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM([]byte(t.Authority)) {
		return nil, errors.New("the issuer's certificate authority is no PEM certificate: join again")
	}
	return c, nil
}

var errOtherAuthority = errors.New("what answers is not the core that made the join token: its certificate is another's")

// pinned is for a host that knows no more of the core's authority than the hash in
// its join token. learn is told the authority, as PEM, of each connection.
func pinned(core string, hash []byte, learn func(authority string)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: core,
		InsecureSkipVerify: true, // VerifyConnection does it, by the pinned certificate
		VerifyConnection: func(s tls.ConnectionState) error {
			for _, c := range s.PeerCertificates[1:] {
				sum := sha256.Sum256(c.Raw)
				if subtle.ConstantTimeCompare(sum[:], hash) != 1 {
					continue
				}
				roots := x509.NewCertPool()
				roots.AddCert(c)
				if _, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: core}); err != nil {
					return fmt.Errorf("%w: %w", errOtherAuthority, err)
				}
				learn(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
				return nil
			}
			return errOtherAuthority
		},
	}
}
