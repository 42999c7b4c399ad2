package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"sync"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

const (
	// certificateLife is that of the core's certificates. They are made anew as they
	// are asked for, so nobody notices their end.
	certificateLife = 30 * 24 * time.Hour

	// maxCertificates bounds the names that are kept, for anybody may ask for any.
	maxCertificates = 64

	// maxName bounds a name, as RFC 1035 section 2.3.4 does.
	maxName = 253
)

// Certificates are those that the core's own authority signs for it.
type Certificates struct {
	core      string
	authority directory.Authority
	key       *ecdsa.PrivateKey
	now       func() time.Time

	mu   sync.Mutex
	made map[certificateNames]*tls.Certificate
}

// certificateNames are by which a caller knows us.
type certificateNames struct{ host, address string }

// Certificates makes the core's own authority if there is none, and join tokens tell
// hosts to know the core by it.
func (c *Core) Certificates() (*Certificates, error) {
	authority, err := c.directory.Authority(c.config.Now())
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(authority.Certificate.Raw)
	c.authority = sum[:]
	return &Certificates{core: c.directory.Snapshot().CoreID(), authority: authority, key: key, now: c.config.Now,
		made: map[certificateNames]*tls.Certificate{}}, nil
}

// Authority is the authority's certificate as PEM, for clients to trust.
func (c *Certificates) Authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.authority.Certificate.Raw})
}

// Get is [tls.Config.GetCertificate]. The certificate names the core's id, by which
// hosts know it, and whatever name and address the caller has used: only who trusts
// this core's authority takes it for anything.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	names := certificateNames{host: hello.ServerName}
	if hello.Conn != nil {
		if address, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
			names.address = address.IP.String()
		}
	}
	if len(names.host) > maxName {
		names.host = ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if have := c.made[names]; have != nil && now.Before(have.Leaf.NotAfter.Add(-certificateLife/2)) {
		return have, nil
	}
	made, err := c.make(names, now)
	if err != nil {
		return nil, err
	}
	if len(c.made) >= maxCertificates {
		clear(c.made)
	}
	c.made[names] = made
	return made, nil
}

func (c *Certificates) make(names certificateNames, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{Subject: pkix.Name{CommonName: c.core}, DNSNames: []string{c.core, "localhost"}}
	if names.host != "" && names.host != c.core {
		template.DNSNames = append(template.DNSNames, names.host)
	}
	if ip := net.ParseIP(names.address); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := c.authority.Issue(template, &c.key.PublicKey, now, certificateLife)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// The authority's certificate goes with it, so that a host that joins can hold it
	// against the hash in its token.
	return &tls.Certificate{Certificate: [][]byte{der, c.authority.Certificate.Raw}, PrivateKey: c.key, Leaf: leaf}, nil
}
