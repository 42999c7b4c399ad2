package saml

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	entityID  = "https://idp.example.com/saml"
	recipient = "https://core.example.com/saml"
	audience  = "https://core.example.com"

	rsaSHA256   = moreAlgorithms + "rsa-sha256"
	sha256URI   = nsEncryption + "sha256"
	responseAt  = "/*[local-name()='Response']/*[local-name()='Signature']"
	assertionAt = "/*[local-name()='Response']/*[local-name()='Assertion']/*[local-name()='Signature']"
	aloneAt     = "/*[local-name()='Assertion']/*[local-name()='Signature']"
)

// idp is a provider whose responses are signed by xmlsec1, a program that has nothing in
// common with ours.
type idp struct {
	t    testing.TB
	dir  string
	key  crypto.Signer
	cert []byte // DER
	now  time.Time
}

func newIDP(t testing.TB, key crypto.Signer) *idp {
	t.Helper()
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		t.Skip("xmlsec1 is not installed: as root, .ci/deps does that")
	}
	p := &idp{t: t, dir: t.TempDir(), key: key, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	p.cert = certificate(t, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return p
}

func certificate(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}} // long over, as those of providers may be
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

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

func (p *idp) write(name string, text []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// metadata are those of the provider, and of others' certificates too.
func metadata(certificates ...[]byte) string {
	var keys strings.Builder
	for _, c := range certificates {
		keys.WriteString(`<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="` + nsSignature + `"><ds:X509Data><ds:X509Certificate>` + "\n" +
			base64.StdEncoding.EncodeToString(c) + "\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>")
	}
	return `<?xml version="1.0" encoding="UTF-8"?><!-- of the test --><md:EntityDescriptor xmlns:md="` + nsMetadata + `" entityID="` + entityID + `">` +
		`<md:IDPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `">` + keys.String() +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`
}

func (p *idp) provider(others ...[]byte) *Provider {
	p.t.Helper()
	m, err := ParseMetadata([]byte(metadata(append(others, p.cert)...)))
	if err != nil {
		p.t.Fatal(err)
	}
	return &Provider{Metadata: m}
}

func (p *idp) expected() Expected {
	return Expected{Recipients: []string{recipient}, Audiences: []string{audience}, Now: p.now}
}

// signatureOf is a template that xmlsec1 fills in.
func signatureOf(id, algorithm, digest string) string {
	return `<ds:Signature xmlns:ds="` + nsSignature + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + nsExclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + algorithm + `"/><ds:Reference URI="#` + id + `"><ds:Transforms><ds:Transform Algorithm="` + algorithmEnveloped + `"/>` +
		`<ds:Transform Algorithm="` + nsExclusive + `"><ec:InclusiveNamespaces xmlns:ec="` + nsExclusive + `" PrefixList="xs"/></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + digest + `"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
}

const (
	ofResponse  = "<!--RESPONSE-->" // where the signatures go
	ofAssertion = "<!--ASSERTION-->"
)

// unsigned is a response with all that is asked for. xs is declared outside of the
// assertion, and stands in a value only.
func (p *idp) unsigned() string {
	at := func(d time.Duration) string { return p.now.Add(d).Format("2006-01-02T15:04:05.000Z") }
	return `<samlp:Response xmlns:samlp="` + nsProtocol + `" xmlns:saml="` + nsAssertion + `" xmlns:xs="http://www.w3.org/2001/XMLSchema" ` +
		`ID="_r1" Version="2.0" IssueInstant="` + at(0) + `" Destination="` + recipient + `"><saml:Issuer>` + entityID + `</saml:Issuer>` + ofResponse +
		`<samlp:Status><samlp:StatusCode Value="` + statusSuccess + `"/></samlp:Status>` +
		`<saml:Assertion xmlns:saml="` + nsAssertion + `" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a1" Version="2.0" IssueInstant="` + at(0) + `"><saml:Issuer>` + entityID + `</saml:Issuer>` + ofAssertion +
		`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="` + methodBearer + `">` +
		`<saml:SubjectConfirmationData NotOnOrAfter="` + at(5*time.Minute) + `" Recipient="` + recipient + `"/></saml:SubjectConfirmation></saml:Subject>` +
		`<saml:Conditions NotBefore="` + at(-30*time.Second) + `" NotOnOrAfter="` + at(5*time.Minute) + `"><saml:AudienceRestriction><saml:Audience>` + audience + `</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
		`<saml:AuthnStatement AuthnInstant="` + at(0) + `" SessionNotOnOrAfter="` + at(8*time.Hour) + `"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
		`<saml:AttributeStatement><saml:Attribute Name="role"><saml:AttributeValue xsi:type="xs:string">dev &amp; ops</saml:AttributeValue><saml:AttributeValue>two</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>` +
		`</saml:Assertion></samlp:Response>`
}

func (p *idp) xmlsec(text string, args ...string) string {
	p.t.Helper()
	in := p.write("in.xml", []byte(text))
	out := filepath.Join(p.dir, "out.xml")
	args = append(args, "--output", out, "--id-attr:ID", nsProtocol+":Response", "--id-attr:ID", nsAssertion+":Assertion", in)
	var complaint bytes.Buffer
	c := exec.CommandContext(p.t.Context(), "xmlsec1", args...)
	c.Stderr = &complaint
	if err := c.Run(); err != nil {
		p.t.Fatalf("xmlsec1 %q: %v\n%s", args, err, complaint.String())
	}
	signed, err := os.ReadFile(out)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(signed)
}

// fill puts signatures into a document and has them made: of the assertion, of the
// response, or of both.
func (p *idp) fill(text string, assertion, response bool, algorithm, digest string) string {
	p.t.Helper()
	if assertion {
		text = strings.Replace(text, ofAssertion, signatureOf("_a1", algorithm, digest), 1)
	}
	if response {
		text = strings.Replace(text, ofResponse, signatureOf("_r1", algorithm, digest), 1)
	}
	text = strings.NewReplacer(ofAssertion, "", ofResponse, "").Replace(text)
	key := filepath.Join(p.dir, "key.pem")
	if assertion {
		at := assertionAt
		if !strings.Contains(text, "Response") {
			at = aloneAt
		}
		text = p.xmlsec(text, "--sign", "--privkey-pem", key, "--node-xpath", at)
	}
	if response {
		text = p.xmlsec(text, "--sign", "--privkey-pem", key, "--node-xpath", responseAt)
	}
	return text
}

// signed is a response whose assertion is signed.
func (p *idp) signed() string { return p.fill(p.unsigned(), true, false, rsaSHA256, sha256URI) }

// edited is one that was edited before its assertion was signed.
func (p *idp) edited(edits ...string) string {
	p.t.Helper()
	return p.fill(replaced(p.t, p.unsigned(), edits...), true, false, rsaSHA256, sha256URI)
}

// replaced replaces each first text of a pair by the second, and fails if it is not there.
func replaced(t testing.TB, text string, edits ...string) string {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("there is no %s to be replaced", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}
