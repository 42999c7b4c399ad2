package directory

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

const (
	keySite = "site_certificates"

	// siteSigns is how long a site certificate signs, and siteLife how long it is good
	// for: what it signed last is verified for another year, and agents have it signed
	// anew long before.
	siteSigns = 4 * 365 * 24 * time.Hour
	siteLife  = siteSigns + 365*24*time.Hour

	// siteLead is how long the next one is published before it signs, for those who keep
	// the certificates in a file.
	siteLead = 90 * 24 * time.Hour
)

// SiteCertificate is one that signs identity documents.
type SiteCertificate struct {
	Certificate *x509.Certificate
	// Key is nil for one of the operator's own, whose key is kept elsewhere.
	Key *rsa.PrivateKey
	// From is when it signs first.
	From time.Time
}

type siteRecord struct {
	Certificate []byte    `json:"certificate"` // DER
	Key         []byte    `json:"key"`         // PKCS #8 (RFC 5208), DER; none for the operator's own
	From        time.Time `json:"signs_from"`
}

// SiteCertificates are all that may have signed a document which is to be verified, and
// those that are going to: the newest last.
func (s *Snapshot) SiteCertificates() []SiteCertificate { return s.site }

// Signing returns the certificate of the core's own that signs at now, and false where
// there is none yet.
func (s *Snapshot) Signing(now time.Time) (SiteCertificate, bool) {
	for _, c := range slices.Backward(s.site) {
		if c.Key != nil && !c.From.After(now) && now.Before(c.Certificate.NotAfter) {
			return c, true
		}
	}
	return SiteCertificate{}, false
}

// nextSite is when the certificate signs that is to be made now, if one is.
func (s *Snapshot) nextSite(now time.Time) (from time.Time, due bool) {
	signing, ok := s.Signing(now)
	if !ok {
		return now, true
	}
	from = signing.From.Add(siteSigns)
	if now.Before(from.Add(-siteLead)) || slices.ContainsFunc(s.site, func(c SiteCertificate) bool { return c.Key != nil && c.From.After(now) }) {
		return from, false
	}
	// A core that was off for long is late with it.
	if published := now.Add(siteLead); published.After(from) {
		from = published
	}
	if end := signing.Certificate.NotAfter; from.After(end) {
		from = end
	}
	return from, true
}

// RenewSite brings the site certificates of the core's own to where their schedule has
// them now, and reports whether it made one: the first, or the next one. What has
// expired is dropped.
func (d *Directory) RenewSite(now time.Time) (bool, error) {
	from, due := d.Snapshot().nextSite(now)
	if !due {
		return false, nil // as nearly always
	}
	// A key takes its time, so it is made before others wait for the file.
	made, err := newSite(d.Snapshot().CoreID(), from, now)
	if err != nil {
		return false, fmt.Errorf("make a site certificate: %w", err)
	}
	return true, d.addSite(made, now)
}

// AddSite keeps a certificate of the operator's own among those that are published. The
// same once more costs no write.
func (d *Directory) AddSite(c *x509.Certificate, now time.Time) error {
	if slices.ContainsFunc(d.Snapshot().site, func(known SiteCertificate) bool { return known.Certificate.Equal(c) }) {
		return nil
	}
	return d.addSite(siteRecord{Certificate: c.Raw, From: now.UTC()}, now)
}

func (d *Directory) addSite(r siteRecord, now time.Time) error {
	return d.change(func(tx *Tx) error {
		var all []siteRecord
		if err := tx.GetJSON(bucketCore, keySite, &all); err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(old siteRecord) bool {
			c, err := x509.ParseCertificate(old.Certificate)
			return err == nil && now.After(c.NotAfter)
		})
		return tx.PutJSON(bucketCore, keySite, append(all, r))
	})
}

func newSite(coreID string, from, now time.Time) (siteRecord, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return siteRecord{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280 section 4.1.2.2: at most 20 bytes
	if err != nil {
		return siteRecord{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Rolecall " + coreID + " instance identity"},
		NotBefore:    now.Add(-clockSkew), NotAfter: from.Add(siteLife),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return siteRecord{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return siteRecord{Certificate: der, Key: private, From: from.UTC()}, err
}

func readSite(e *entry) (site []SiteCertificate, err error) {
	var all []siteRecord
	if err := e.decode(&all); err != nil {
		return nil, err
	}
	for _, r := range all {
		c, err := r.site()
		if err != nil {
			return nil, fmt.Errorf("site certificate: %w", err)
		}
		site = append(site, c)
	}
	return site, nil
}

func (r siteRecord) site() (c SiteCertificate, err error) {
	c.From = r.From
	if c.Certificate, err = x509.ParseCertificate(r.Certificate); err != nil || r.Key == nil {
		return c, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(r.Key)
	if err != nil {
		return c, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(c.Certificate.PublicKey) {
		return c, errors.New("its key is not that of its certificate")
	}
	c.Key = key
	return c, nil
}
