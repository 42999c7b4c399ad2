package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	keyAuthority = "authority"

	// authorityLife is longer than that of the machine: hosts that have joined know
	// the core by this certificate, and would have to join again.
	authorityLife = 20 * 365 * 24 * time.Hour

	// clockSkew is how far the clocks of those who check may be behind.
	clockSkew = time.Hour
)

// Authority is the core's own certificate authority. It signs the core's
// certificate and nothing else.
type Authority struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
}

type authorityRecord struct {
	Certificate []byte `json:"certificate"` // DER
	Key         []byte `json:"key"`         // PKCS #8 (RFC 5208), DER
}

// Authority returns the certificate authority, and makes it if there is none.
func (d *Directory) Authority(now time.Time) (Authority, error) {
	var made Authority
	err := d.change(func(tx *Tx) error {
		var r authorityRecord
		err := tx.GetJSON(bucketCore, keyAuthority, &r)
		if err == nil && r.Key != nil {
			if made, err = r.authority(); err != nil {
				err = tx.Damaged(fmt.Errorf("certificate authority: %w", err))
			}
			return err
		}
		if err == nil {
			made, err = newAuthority(d.Snapshot().CoreID(), now)
		}
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(made.Key)
		if err != nil {
			return err
		}
		return tx.PutJSON(bucketCore, keyAuthority, authorityRecord{made.Certificate.Raw, der})
	})
	return made, err
}

func (r authorityRecord) authority() (Authority, error) {
	certificate, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return Authority{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(r.Key)
	if err != nil {
		return Authority{}, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(certificate.PublicKey) {
		return Authority{}, errors.New("its key is not that of its certificate")
	}
	return Authority{certificate, key}, nil
}

func newAuthority(coreID string, now time.Time) (Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "Rolecall " + coreID},
		NotBefore:    now.Add(-clockSkew), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Authority{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return Authority{certificate, key}, err
}

// Issue returns a certificate, DER, for a server of these names, which may be IP
// addresses in the template, that holds the key.
func (a Authority) Issue(template *x509.Certificate, key *ecdsa.PublicKey, now time.Time, life time.Duration) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280 section 4.1.2.2: at most 20 bytes
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = now.Add(-clockSkew), now.Add(life)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.BasicConstraintsValid = true
	return x509.CreateCertificate(rand.Reader, template, a.Certificate, key, a.Key)
}
