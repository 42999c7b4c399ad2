package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

const (
	entityID    = samltest.EntityID
	recipient   = samltest.Recipient
	audience    = samltest.Audience
	ofResponse  = samltest.OfResponse
	ofAssertion = samltest.OfAssertion
	rsaSHA256   = samltest.RSASHA256
	sha256URI   = samltest.SHA256
)

// idp is a provider and what we know of it.
type idp struct {
	*samltest.IDP
	t testing.TB
}

func newIDP(t testing.TB, key crypto.Signer) *idp { return &idp{samltest.New(t, key), t} }

func newRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newECDSA(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p *idp) provider(others ...[]byte) *Provider {
	p.t.Helper()
	m, err := ParseMetadata([]byte(samltest.Metadata(append(others, p.Cert)...)))
	if err != nil {
		p.t.Fatal(err)
	}
	return &Provider{Metadata: m}
}

func (p *idp) expected() Expected {
	return Expected{Recipients: []string{recipient}, Audiences: []string{audience}, Now: p.Now}
}

// edited is a response that was edited before its assertion was signed.
func (p *idp) edited(edits ...string) string {
	p.t.Helper()
	return p.Fill(samltest.Replaced(p.t, p.Unsigned(), edits...), true, false, rsaSHA256, sha256URI)
}
