package issuer

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/identity"
)

// signing returns the certificate that signs identity documents at now, with its key.
// The first of the core's own is made here, and so is each that follows.
func (c *Core) signing(now time.Time) (*x509.Certificate, crypto.Signer, error) {
	if c.config.Site != nil {
		certificate, key, err := c.config.Site()
		if err != nil {
			return nil, nil, err
		}
		return certificate, key, c.directory.AddSite(certificate, now)
	}
	c.renewing.Lock()
	defer c.renewing.Unlock()
	made, err := c.directory.RenewSite(now)
	if made && err == nil {
		c.config.Logger.Info("site certificate made, which signs identity documents")
	}
	signing, ok := c.directory.Snapshot().Signing(now)
	if !ok {
		return nil, nil, fmt.Errorf("no site certificate: %w", err)
	}
	return signing.Certificate, signing.Key, nil // if the next one cannot be made, that is tried again
}

var errDeclared = errors.New("the request is no JSON of what a host may declare of an instance")

// identityDocument answers a POST below [hosttoken.PathLeases]. What is signed is
// rendered here, of the account and the id that the lease is for and what the host says
// besides.
func (a *hostAPI) identityDocument(g *gin.Context) {
	host := a.host(g)
	if host == nil {
		return
	}
	signed, err := a.sign(g, func() (identity.Vouched, error) { return a.desk.Vouch(host, g.Param("id")) })
	if err != nil {
		a.refuse(g, host.ID, err)
		return
	}
	a.config.Logger.Debug("identity document signed", "instance_id", g.Param("id"), "host", host.ID)
	g.JSON(http.StatusOK, signed)
}

// sign asks vouch last, so that a lease which is given up meanwhile signs nothing.
func (a *hostAPI) sign(g *gin.Context, vouch func() (identity.Vouched, error)) (identity.Signed, error) {
	var d identity.Document
	in := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxHostBody))
	in.DisallowUnknownFields() // who names an account or an instance is told that he may not
	if err := in.Decode(&d.Declared); err != nil {
		return identity.Signed{}, errDeclared
	}
	if err := d.Validate(); err != nil {
		return identity.Signed{}, fmt.Errorf("%w: %w", errDeclared, err)
	}
	certificate, key, err := a.signing(a.config.Now())
	if err != nil {
		return identity.Signed{}, err
	}
	if d.Vouched, err = vouch(); err != nil {
		return identity.Signed{}, err
	}
	return identity.Sign(d, certificate, key)
}

// certificates answers [hosttoken.PathCertificates].
func (a *hostAPI) certificates(g *gin.Context) {
	if status := a.front.Unsigned(g.Request); status != 0 {
		g.AbortWithStatus(status)
		return
	}
	now := a.config.Now()
	signing, _, err := a.signing(now)
	if err != nil {
		a.refuse(g, "", err)
		return
	}
	all := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signing.Raw})
	for _, c := range a.directory.Snapshot().SiteCertificates() {
		if !c.Certificate.Equal(signing) && now.Before(c.Certificate.NotAfter) {
			all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate.Raw})...)
		}
	}
	g.Data(http.StatusOK, "application/pem-certificate-chain", all) // RFC 8555 section 9.1
}
