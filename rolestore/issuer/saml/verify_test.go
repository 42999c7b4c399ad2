package saml

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

func accept(t *testing.T, p *Provider, document string, want Expected) *Assertion {
	t.Helper()
	a, err := p.Verify([]byte(document), want)
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return a
}

// deny wants a refusal whose message and reason have the texts.
func deny(t *testing.T, p *Provider, document string, want Expected, message, reason string) {
	t.Helper()
	a, err := p.Verify([]byte(document), want)
	var refusal *Error
	if !errors.As(err, &refusal) || a != nil {
		t.Fatalf("it is taken, with %v\n%s", err, document)
	}
	if refusal.Message != message || !strings.Contains(refusal.Reason, reason) {
		t.Errorf("it is refused with %q, because %q; want %q and %q", refusal.Message, refusal.Reason, message, reason)
	}
}

func TestWhatASignedResponseSaysIsRead(t *testing.T) {
	p := newIDP(t, newRSA(t))
	for name, document := range map[string]string{
		"assertion": p.Signed(),
		"response":  p.Fill(p.Unsigned(), false, true, rsaSHA256, sha256URI),
		"inherited": p.Fill(samltest.Replaced(t, p.Unsigned(), ` xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi`, ` xmlns:xsi`), true, false, rsaSHA256, sha256URI),
		"as AD FS":  p.Fill(withoutPrefix(p.Unsigned()), true, false, rsaSHA256, sha256URI),
		"both":      p.Fill(p.Unsigned(), true, true, rsaSHA256, sha256URI),
	} {
		t.Run(name+" signed", func(t *testing.T) {
			a := accept(t, p.provider(), document, p.expected())
			if a.Issuer != entityID || a.Subject != "alice" || !strings.HasSuffix(a.Format, ":persistent") || a.Recipient != recipient {
				t.Errorf("read %+v", a)
			}
			if !slices.Equal(a.Values("role"), []string{"dev & ops", "two"}) || a.Values("roles") != nil {
				t.Errorf("attributes are %+v", a.Attributes)
			}
			if !a.SessionEnds.Equal(p.Now.Add(8 * time.Hour)) {
				t.Errorf("the session ends at %s", a.SessionEnds)
			}
		})
	}
}

// What is read is not the document that came.
func TestWhatIsReadIsWhatWasSigned(t *testing.T) {
	p := newIDP(t, newRSA(t))
	root, err := parse([]byte(p.Signed()), strict)
	if err != nil {
		t.Fatal(err)
	}
	came := one(root, nsAssertion, "Assertion")
	got, err := p.provider().again(came, one(came, nsSignature, "Signature"))
	if err != nil {
		t.Fatal(err)
	}
	if one(got, nsSignature, "Signature") != nil || !is(got, nsAssertion, "Assertion") || got.Parent().Parent() != nil {
		t.Error("the assertion that is read is that of the document")
	}
	e, err := parse([]byte(`<a xmlns:x="urn:x" x:ID="1" ID="2"/>`), strictness{comments: true, elements: 1})
	if err == nil {
		if got := attribute(e, "ID"); got != "2" {
			t.Errorf("ID is that with a prefix, %s", got)
		}
	} else {
		t.Error(err)
	}
}

// One good signature does not make up for a bad one.
func TestBothSignaturesMustBeGood(t *testing.T) {
	p, mallory := newIDP(t, newRSA(t)), newIDP(t, newRSA(t))
	inner := mallory.Fill(strings.Replace(p.Unsigned(), ofResponse, "<a>RESPONSE</a>", 1), true, false, rsaSHA256, sha256URI)
	document := p.Fill(strings.Replace(inner, "<a>RESPONSE</a>", ofResponse, 1), false, true, rsaSHA256, sha256URI)
	deny(t, p.provider(), document, p.expected(), textSignature, "assertion: it is signed by no key")
}

func TestTheEarliestEndCounts(t *testing.T) {
	p := newIDP(t, newRSA(t))
	const statement = `<saml:AuthnStatement AuthnInstant="2026-11-25T12:00:00Z" SessionNotOnOrAfter="2026-11-25T13:00:00Z"/>`
	for _, edits := range [][]string{{"<saml:AuthnStatement ", statement + "<saml:AuthnStatement "}, {"<saml:AttributeStatement>", statement + "<saml:AttributeStatement>"}} {
		if a := accept(t, p.provider(), p.edited(edits...), p.expected()); !a.SessionEnds.Equal(p.Now.Add(time.Hour)) {
			t.Errorf("the session ends at %s", a.SessionEnds)
		}
	}
	for _, text := range []string{
		strings.NewReplacer("EntityDescriptor xmlns", `EntityDescriptor validUntil="2027-01-01T00:00:00Z" xmlns`, "IDPSSODescriptor proto", `IDPSSODescriptor validUntil="2026-12-01T00:00:00Z" proto`).Replace(samltest.Metadata(p.Cert)),
		strings.NewReplacer("EntityDescriptor xmlns", `EntityDescriptor validUntil="2026-12-01T00:00:00Z" xmlns`, "IDPSSODescriptor proto", `IDPSSODescriptor validUntil="2027-01-01T00:00:00Z" proto`).Replace(samltest.Metadata(p.Cert)),
	} {
		if m, err := ParseMetadata([]byte(text)); err != nil || m.ValidUntil.Month() != time.December {
			t.Errorf("metadata end: %+v, %v", m, err)
		}
	}
}

// withoutPrefix has the elements of assertions in a default namespace, as AD FS does.
func withoutPrefix(text string) string {
	text = strings.Replace(text, "<saml:Issuer>", `<Issuer xmlns="`+nsAssertion+`">`, 1)
	text = strings.Replace(text, "<saml:Assertion xmlns:saml=", "<Assertion xmlns=", 1)
	return strings.NewReplacer("<saml:", "<", "</saml:", "</").Replace(text)
}

func TestEachAlgorithmOfASignature(t *testing.T) {
	key := newRSA(t)
	for algorithm, m := range methods {
		signer := crypto.Signer(key)
		if m.family == ecdsaFamily {
			signer = newECDSA(t, map[crypto.Hash]elliptic.Curve{crypto.SHA256: elliptic.P256(), crypto.SHA384: elliptic.P384(), crypto.SHA512: elliptic.P521()}[m.hash])
		}
		p := newIDP(t, signer)
		for digest, hash := range digests {
			document := p.Fill(p.Unsigned(), true, false, algorithm, digest)
			provider := p.provider()
			if m.hash == crypto.SHA1 || hash == crypto.SHA1 {
				deny(t, provider, document, p.expected(), textSignature, "is not taken") // downgraded
				provider.SHA1 = true
			}
			accept(t, provider, document, p.expected())
		}
	}
}

// A provider that changes its certificate has both in its metadata for a while.
func TestEachCertificateOfTheMetadataSigns(t *testing.T) {
	old, next := newIDP(t, newRSA(t)), newIDP(t, newECDSA(t, elliptic.P256()))
	both := old.provider(next.Cert)
	accept(t, both, old.Signed(), old.expected())
	ofNext := next.Fill(next.Unsigned(), true, false, moreAlgorithms+"ecdsa-sha256", sha256URI)
	accept(t, both, ofNext, next.expected())
	deny(t, next.provider(), old.Signed(), old.expected(), textSignature, "by no key of the provider's metadata")
	deny(t, old.provider(), ofNext, next.expected(), textSignature, "by no key of the provider's metadata")
}

func TestAnAssertionIsGoodForFiveMinutes(t *testing.T) {
	p := newIDP(t, newRSA(t))
	document := p.edited(`NotOnOrAfter="2026-11-25T12:05:00.000Z"`, `NotOnOrAfter="2026-11-25T13:00:00Z"`, `NotOnOrAfter="2026-11-25T12:05:00.000Z"`, `NotOnOrAfter="2026-11-25T13:00:00Z"`)
	want := p.expected()
	for _, good := range []time.Duration{-time.Minute, 0, maxAge} { // and more than once
		want.Now = p.Now.Add(good)
		accept(t, p.provider(), document, want)
	}
	want.Now = p.Now.Add(maxAge + time.Second)
	deny(t, p.provider(), document, want, textAge, "it was issued at 2026-11-25T12:00:00Z")
	want.Now = p.Now.Add(-maxSkew - time.Second)
	deny(t, p.provider(), document, want, textMalformed, "in the future")

	_, err := p.provider().Verify([]byte(document), Expected{Recipients: want.Recipients, Audiences: want.Audiences, Now: p.Now.Add(time.Hour)})
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Kind != Expired {
		t.Errorf("an old assertion is refused with %v", err)
	}
}

func TestMetadataEnd(t *testing.T) {
	p := newIDP(t, newRSA(t))
	m, err := ParseMetadata([]byte(samltest.Replaced(t, samltest.Metadata(p.Cert), " entityID", ` validUntil="2026-11-25T12:00:00Z" entityID`)))
	if err != nil {
		t.Fatal(err)
	}
	deny(t, &Provider{Metadata: m}, p.Signed(), p.expected(), textSignature, "give it newer ones")
	before := p.expected()
	before.Now = p.Now.Add(-time.Second)
	accept(t, &Provider{Metadata: m}, p.Signed(), before)
}

// What a response must have, each thing taken away or spoilt before it was signed.
func TestWhatAResponseMustHave(t *testing.T) {
	p := newIDP(t, newRSA(t))
	const confirmed = `<saml:SubjectConfirmation Method="` + methodBearer + `">`
	for name, c := range map[string]struct {
		message, reason string
		edits           []string
	}{
		"another issuer":                 {textIssuer, "evil", []string{entityID + `</saml:Issuer>` + ofAssertion, `https://evil.example.com</saml:Issuer>` + ofAssertion}},
		"another issuer of the response": {textIssuer, "evil", []string{entityID + `</saml:Issuer>` + ofResponse, `https://evil.example.com</saml:Issuer>` + ofResponse}},
		"AWS's audience":                 {textAudience, "audience", []string{`<saml:Audience>` + audience, `<saml:Audience>urn:amazon:webservices`}},
		"an audience and none":           {textAudience, "audience", []string{`</saml:AudienceRestriction>`, `</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>`}},
		"no audience":                    {textAudience, "no AudienceRestriction", []string{`<saml:AudienceRestriction><saml:Audience>` + audience + `</saml:Audience></saml:AudienceRestriction>`, ``}},
		"no conditions":                  {textAudience, "no Conditions", []string{`<saml:Conditions `, `<saml:Advice `, `</saml:Conditions>`, `</saml:Advice>`}},
		"an unknown condition":           {textMalformed, "not known: Moon", []string{`<saml:AudienceRestriction>`, `<saml:Moon/><saml:AudienceRestriction>`}},
		"AWS's recipient":                {textRecipient, "signin.aws", []string{`Recipient="` + recipient, `Recipient="https://signin.aws.amazon.com/saml`}},
		"another destination":            {textRecipient, "signin.aws", []string{`Destination="` + recipient, `Destination="https://signin.aws.amazon.com/saml`}},
		"no recipient":                   {textSubject, "", []string{` Recipient="` + recipient + `"`, ``}},
		"no end":                         {textSubject, "", []string{`SubjectConfirmationData NotOnOrAfter="2026-11-25T12:05:00.000Z"`, `SubjectConfirmationData`}},
		"another method":                 {textSubject, "", []string{methodBearer, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}},
		"two confirmations":              {textSubject, "", []string{confirmed, `<saml:SubjectConfirmation Method="` + methodBearer + `"/>` + confirmed}},
		"no NameID":                      {textSubject, "NameID", []string{`<saml:NameID `, `<saml:BaseID `, `</saml:NameID>`, `</saml:BaseID>`}},
		"an encrypted NameID":            {textMalformed, "encrypted", []string{`<saml:NameID `, `<saml:EncryptedID `, `</saml:NameID>`, `</saml:EncryptedID>`}},
		"no authentication":              {textAuthn, "", []string{`<saml:AuthnStatement `, `<saml:Authn `, `</saml:AuthnStatement>`, `</saml:Authn>`}},
		"a failure":                      {textStatus, "Responder", []string{statusSuccess, "urn:oasis:names:tc:SAML:2.0:status:Responder"}},
		"SAML 1.1":                       {textMalformed, "2.0", []string{`Version="2.0"`, `Version="1.1"`}},
		"SAML 1.1 inside":                {textMalformed, "2.0", []string{`ID="_a1" Version="2.0"`, `ID="_a1" Version="1.1"`}},
		"not yet good":                   {textMalformed, "not good before", []string{`NotBefore="2026-11-25T11:59:30.000Z"`, `NotBefore="2026-11-25T12:02:00Z"`}},
		"over":                           {textExpired, "good until", []string{`NotBefore="2026-11-25T11:59:30.000Z" NotOnOrAfter="2026-11-25T12:05:00.000Z"`, `NotOnOrAfter="2026-11-25T12:00:00Z"`}},
		"over to us":                     {textExpired, "good until", []string{`Data NotOnOrAfter="2026-11-25T12:05:00.000Z"`, `Data NotOnOrAfter="2026-11-25T12:00:00Z"`}},
		"a session that is over":         {textExpired, "session at the provider ended", []string{`SessionNotOnOrAfter="2026-11-25T20:00:00.000Z"`, `SessionNotOnOrAfter="2026-11-25T12:00:00Z"`}},
		"no time":                        {textMalformed, "no IssueInstant", []string{`ID="_a1" Version="2.0" IssueInstant="2026-11-25T12:00:00.000Z"`, `ID="_a1" Version="2.0"`}},
		"a strange time":                 {textMalformed, "not a date and time", []string{`NotBefore="2026-11-25T11:59:30.000Z"`, `NotBefore="noon"`}},
	} {
		t.Run(name, func(t *testing.T) {
			deny(t, p.provider(), p.edited(c.edits...), p.expected(), c.message, c.reason)
		})
	}
}

func TestMetadataThatAreNone(t *testing.T) {
	weak := samltest.Certificate(t, newECDSA(t, elliptic.P256()))
	good := samltest.Metadata(weak)
	for name, c := range map[string]struct{ text, want string }{
		"no XML":            {"metadata", "want an XML document"},
		"a DTD":             {`<!DOCTYPE x [<!ENTITY a "b">]>` + good[strings.Index(good, "<md:"):], "document type"},
		"a service":         {strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor"), "not of an identity provider"},
		"no name":           {strings.Replace(good, "entityID", "name", 1), "no entityID"},
		"a federation":      {strings.ReplaceAll(good, "EntityDescriptor", "EntitiesDescriptor"), "leave out the others"},
		"no certificate":    {samltest.Metadata(), "no X509Certificate"},
		"for encryption":    {strings.ReplaceAll(good, `use="signing"`, `use="encryption"`), "no X509Certificate"},
		"a bad certificate": {samltest.Metadata([]byte("x")), "cannot be read"},
		"a strange end":     {strings.Replace(good, " entityID", ` validUntil="soon" entityID`, 1), "validUntil"},
	} {
		if _, err := ParseMetadata([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := ParseMetadata([]byte(good)); err != nil || len(m.Certificates) != 1 || m.SignOnURLs["urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"] != "https://idp.example.com/sso" {
		t.Errorf("%+v, %v", m, err)
	}
}
