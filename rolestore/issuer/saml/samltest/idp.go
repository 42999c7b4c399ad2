package samltest

import (
	"bytes"
	"crypto"
	"crypto/rand"
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

// Who the provider and the service are, unless a test says otherwise.
const (
	EntityID  = "https://idp.example.com/saml"
	Recipient = "https://core.example.com/saml"
	Audience  = "https://core.example.com"
)

// The algorithms of a signature, and where it is.
const (
	RSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	SHA256      = nsEncryption + "sha256"
	AtAssertion = "/*[local-name()='Response']/*[local-name()='Assertion']/*[local-name()='Signature']"
	atResponse  = "/*[local-name()='Response']/*[local-name()='Signature']"

	nsProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature  = "http://www.w3.org/2000/09/xmldsig#"
	nsEncryption = "http://www.w3.org/2001/04/xmlenc#"
	nsExclusive  = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// IDP is a provider. Its fields may be set before it is asked for a response.
type IDP struct {
	Key  crypto.Signer
	Cert []byte // DER
	Now  time.Time
	// Recipient and Audience are whom its responses are for.
	Recipient, Audience string
	// Attributes are what it says of a person, as XML.
	Attributes string

	t   testing.TB
	dir string
}

// New returns one that signs with the key. It skips a test where there is no xmlsec1.
func New(t testing.TB, key crypto.Signer) *IDP {
	t.Helper()
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		t.Skip("xmlsec1 is not installed: as root, .ci/deps does that")
	}
	p := &IDP{
		Key: key, Cert: Certificate(t, key), Now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Recipient: Recipient, Audience: Audience,
		Attributes: `<saml:Attribute Name="role"><saml:AttributeValue xsi:type="xs:string">dev &amp; ops</saml:AttributeValue><saml:AttributeValue>two</saml:AttributeValue></saml:Attribute>`,
		t:          t, dir: t.TempDir(),
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.Write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return p
}

// Certificate makes one for a key. It is over, as those of providers may be.
func Certificate(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Write writes a file for xmlsec1 and returns its path.
func (p *IDP) Write(name string, text []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// Metadata are those of a provider that signs by any of the certificates.
func Metadata(certificates ...[]byte) string {
	var keys strings.Builder
	for _, c := range certificates {
		keys.WriteString(`<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="` + nsSignature + `"><ds:X509Data><ds:X509Certificate>` + "\n" +
			base64.StdEncoding.EncodeToString(c) + "\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>")
	}
	return `<?xml version="1.0" encoding="UTF-8"?><!-- of the test --><md:EntityDescriptor xmlns:md="` + nsMetadata + `" entityID="` + EntityID + `">` +
		`<md:IDPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `">` + keys.String() +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`
}

// Signature is a template that xmlsec1 fills in, for the element of that id.
func Signature(id, algorithm, digest string) string {
	return `<ds:Signature xmlns:ds="` + nsSignature + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + nsExclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + algorithm + `"/><ds:Reference URI="#` + id + `"><ds:Transforms><ds:Transform Algorithm="` + nsSignature + `enveloped-signature"/>` +
		`<ds:Transform Algorithm="` + nsExclusive + `"><ec:InclusiveNamespaces xmlns:ec="` + nsExclusive + `" PrefixList="xs"/></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + digest + `"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
}

// Where the signatures go in a response that has none yet.
const (
	OfResponse  = "<!--RESPONSE-->"
	OfAssertion = "<!--ASSERTION-->"
)

// Unsigned is a response with all that is asked for. The prefix xs stands in a value
// only, where canonicalization does not see it.
func (p *IDP) Unsigned() string {
	at := func(d time.Duration) string { return p.Now.Add(d).Format("2006-01-02T15:04:05.000Z") }
	return `<samlp:Response xmlns:samlp="` + nsProtocol + `" xmlns:saml="` + nsAssertion + `" xmlns:xs="http://www.w3.org/2001/XMLSchema" ` +
		`ID="_r1" Version="2.0" IssueInstant="` + at(0) + `" Destination="` + p.Recipient + `"><saml:Issuer>` + EntityID + `</saml:Issuer>` + OfResponse +
		`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
		`<saml:Assertion xmlns:saml="` + nsAssertion + `" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a1" Version="2.0" IssueInstant="` + at(0) + `"><saml:Issuer>` + EntityID + `</saml:Issuer>` + OfAssertion +
		`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
		`<saml:SubjectConfirmationData NotOnOrAfter="` + at(5*time.Minute) + `" Recipient="` + p.Recipient + `"/></saml:SubjectConfirmation></saml:Subject>` +
		`<saml:Conditions NotBefore="` + at(-30*time.Second) + `" NotOnOrAfter="` + at(5*time.Minute) + `"><saml:AudienceRestriction><saml:Audience>` + p.Audience + `</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
		`<saml:AuthnStatement AuthnInstant="` + at(0) + `" SessionNotOnOrAfter="` + at(8*time.Hour) + `"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
		`<saml:AttributeStatement>` + p.Attributes + `</saml:AttributeStatement>` +
		`</saml:Assertion></samlp:Response>`
}

// XMLSec has xmlsec1 work on a document, and returns what comes of it.
func (p *IDP) XMLSec(text string, args ...string) string {
	p.t.Helper()
	in := p.Write("in.xml", []byte(text))
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

// KeyFile is the path of its key.
func (p *IDP) KeyFile() string { return filepath.Join(p.dir, "key.pem") }

// Fill puts signatures into a document and has them made: of the assertion, of the
// response, or of both.
func (p *IDP) Fill(text string, assertion, response bool, algorithm, digest string) string {
	p.t.Helper()
	if assertion {
		text = strings.Replace(text, OfAssertion, Signature("_a1", algorithm, digest), 1)
	}
	if response {
		text = strings.Replace(text, OfResponse, Signature("_r1", algorithm, digest), 1)
	}
	text = strings.NewReplacer(OfAssertion, "", OfResponse, "").Replace(text)
	key := p.KeyFile()
	if assertion {
		text = p.XMLSec(text, "--sign", "--privkey-pem", key, "--node-xpath", AtAssertion)
	}
	if response {
		text = p.XMLSec(text, "--sign", "--privkey-pem", key, "--node-xpath", atResponse)
	}
	return text
}

// Signed is a response whose assertion is signed.
func (p *IDP) Signed() string { return p.Fill(p.Unsigned(), true, false, RSASHA256, SHA256) }

// Replaced replaces each first text of a pair by the second, and fails if it is not there.
func Replaced(t testing.TB, text string, edits ...string) string {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("there is no %s to be replaced", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}
