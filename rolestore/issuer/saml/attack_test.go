package saml

import (
	"crypto"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

// cut returns the text of the element that begins with from, to its end.
func cut(t *testing.T, text, from, end string) string {
	t.Helper()
	i := strings.Index(text, from)
	if i < 0 {
		t.Fatalf("there is no %s", from)
	}
	n := strings.Index(text[i:], end)
	return text[i:][:n+len(end)]
}

// The attacks by wrapping: what was signed is still there, and something else too
// (https://www.usenix.org/conference/usenixsecurity12/technical-sessions/presentation/somorovsky).
func TestWrapping(t *testing.T) {
	p := newIDP(t, newRSA(t))
	inner, outer := p.Signed(), p.Fill(p.Unsigned(), false, true, rsaSHA256, sha256URI)
	const begin, end = "<saml:Assertion ", "</saml:Assertion>"
	good := cut(t, inner, begin, end)
	signature := cut(t, inner, "<ds:Signature ", "</ds:Signature>")
	bare := strings.Replace(good, signature, "", 1)
	evil := strings.NewReplacer("alice", "mallory", `"_a1"`, `"_evil"`).Replace(bare)
	evilSigned := strings.NewReplacer("alice", "mallory", `ID="_a1"`, `ID="_evil"`).Replace(good)
	outerSignature := cut(t, outer, "<ds:Signature ", "</ds:Signature>")
	evilOuter := strings.NewReplacer("alice", "mallory", `"_r1"`, `"_evil"`).Replace(strings.Replace(outer, outerSignature, "", 1))
	body := outer[strings.Index(outer, "<samlp:Response"):]
	evilBody := evilOuter[strings.Index(evilOuter, "<samlp:Response"):]
	for name, c := range map[string]struct{ reason, document string }{
		"1: the signed response in the signature of another": {"it has an id twice", strings.Replace(evilBody, "<samlp:Status>", strings.Replace(outerSignature, "</ds:Signature>", "<ds:Object>"+strings.Replace(body, outerSignature, "", 1)+"</ds:Object></ds:Signature>", 1)+"<samlp:Status>", 1)},
		"2: the signed response beside the signature":        {"it has an id twice", strings.Replace(evilBody, "<samlp:Status>", outerSignature+strings.Replace(body, outerSignature, "", 1)+"<samlp:Status>", 1)},
		"3: a second assertion before":                       {"it does not have exactly one assertion", strings.Replace(inner, good, evil+good, 1)},
		"3b: a second assertion after":                       {"it does not have exactly one assertion", strings.Replace(inner, good, good+evil, 1)},
		"4: the signed assertion in another":                 {"it has more than one assertion", strings.Replace(inner, good, strings.Replace(evil, end, good+end, 1), 1)},
		"5: another with the signature of the signed one":    {"it does not have exactly one assertion", strings.Replace(inner, good, evilSigned+bare, 1)},
		"6: the signed one in the signature of another":      {"its signature has an element that does not belong there", strings.Replace(inner, good, strings.Replace(evilSigned, "</ds:Signature>", bare+"</ds:Signature>", 1), 1)},
		"7: another in Extensions":                           {"it has more than one assertion", strings.Replace(inner, "<samlp:Status>", "<samlp:Extensions>"+evil+"</samlp:Extensions><samlp:Status>", 1)},
		"7b: the signed one in Extensions":                   {"it has more than one assertion", strings.Replace(strings.Replace(inner, good, evil, 1), "<samlp:Status>", "<samlp:Extensions>"+good+"</samlp:Extensions><samlp:Status>", 1)},
		"8: the signed one in an Object":                     {"its signature does not consist of SignedInfo, SignatureValue and KeyInfo", strings.Replace(inner, good, strings.Replace(evilSigned, "</ds:Signature>", "<ds:Object>"+bare+"</ds:Object></ds:Signature>", 1), 1)},
		"9: the signed one in a signature that is no child":  {"it has more than one assertion", strings.Replace(inner, good, strings.Replace(evil, "<saml:Subject>", "<saml:Advice>"+good+"</saml:Advice><saml:Subject>", 1), 1)},
		"two with one id":                                    {"it has an id twice", strings.Replace(inner, good, strings.Replace(evil, `"_evil"`, `"_a1"`, 1)+good, 1)},
		"two signatures":                                     {"it has a signature where none belongs", strings.Replace(inner, signature, signature+signature, 1)},
		"a signature of nothing":                             {"neither the response nor its assertion is signed", strings.Replace(inner, signature, "", 1)},
		"a signature that is elsewhere":                      {"response: its signature is over another element than the one that it is in", strings.Replace(strings.Replace(inner, signature, "", 1), "<samlp:Status>", signature+"<samlp:Status>", 1)},
		"a signature in an attribute statement":              {"it has a signature where none belongs", strings.Replace(strings.Replace(inner, signature, "", 1), "<saml:AttributeStatement>", "<saml:AttributeStatement>"+signature, 1)},
		"a response in a response":                           {"it does not have exactly one assertion", `<samlp:Response xmlns:samlp="` + nsProtocol + `" ID="_x" Version="2.0">` + body + `</samlp:Response>`},
		"an assertion without a response":                    {"it is not a Response", good},
		"an assertion of another namespace":                  {"it does not have exactly one assertion", strings.Replace(inner, good, strings.Replace(strings.Replace(evil, nsAssertion, "urn:evil", 1), end, good+end, 1), 1)},
		"an empty document":                                  {"it is not one whole element", ""},
		"text":                                               {"it has text outside of its element", "alice"},
		"the id in an attribute that is not ID":              {"assertion: its signature is over another element than the one that it is in", strings.Replace(inner, good, strings.Replace(evilSigned, `ID="_evil"`, `saml:ID="_a1"`, 1), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := p.provider().Verify([]byte(c.document), p.expected())
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("it is taken, for %+v\n%s", a, c.document)
			}
			if refusal.Reason != c.reason {
				t.Errorf("it is refused because %q", refusal.Reason)
			}
		})
	}
	accept(t, p.provider(), inner, p.expected())
	accept(t, p.provider(), outer, p.expected())
}

func TestAlterationsAfterTheSignature(t *testing.T) {
	p := newIDP(t, newRSA(t))
	inner := p.Signed()
	for name, c := range map[string]struct {
		message, reason string
		edits           []string
	}{
		"another person":      {textSignature, "altered after", []string{">alice<", ">mallory<"}},
		"a comment in a name": {textMalformed, "has a comment", []string{">alice<", ">alice<!-- -->.evil<"}},
		"an instruction":      {textMalformed, "processing instruction", []string{">alice<", "><?x?>alice<"}},
		"a DTD":               {textMalformed, "document type", []string{`<samlp:Response `, `<!DOCTYPE x [<!ENTITY a "alice"><!ENTITY b "&a;&a;&a;">]><samlp:Response `}},
		"an outside entity":   {textMalformed, "document type", []string{`<samlp:Response `, `<!DOCTYPE x SYSTEM "file:///etc/passwd"><samlp:Response `}},
		"an unknown entity":   {textMalformed, "invalid character entity", []string{">alice<", ">&a;<"}},
		"a longer value":      {textSignature, "altered after", []string{"dev &amp; ops", "dev &amp; ops,admin"}},
		"another charset":     {textMalformed, "encoding", []string{`<?xml version="1.0"?>`, `<?xml version="1.0" encoding="UTF-7"?>`}},
		"an attribute twice":  {textMalformed, "twice", []string{`ID="_a1"`, `ID="_a1" ID="_a2"`}},
		"a prefix taken back": {textMalformed, "takes a namespace prefix back", []string{`<saml:Subject>`, `<saml:Subject xmlns:saml="">`}},
		"a second root":       {textMalformed, "", []string{`</samlp:Response>`, `</samlp:Response><samlp:Response/>`}},
		"text behind":         {textMalformed, "text outside", []string{`</samlp:Response>`, `</samlp:Response>x`}},
		"an open end":         {textMalformed, "", []string{`</samlp:Response>`, ``}},
	} {
		t.Run(name, func(t *testing.T) {
			deny(t, p.provider(), samltest.Replaced(t, inner, c.edits...), p.expected(), c.message, c.reason)
		})
	}
}

func TestSignaturesOfOtherAlgorithms(t *testing.T) {
	p := newIDP(t, newRSA(t))
	const digest = `<ds:DigestMethod Algorithm="` + sha256URI + `"/>`
	const transform = `<ds:Transform Algorithm="` + algorithmEnveloped + `"/>`
	for name, c := range map[string]struct {
		reason string
		edits  []string
	}{
		"inclusive canonicalization": {"is not taken", []string{`CanonicalizationMethod Algorithm="` + nsExclusive, `CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315`}},
		"the whole document":         {"another element", []string{`URI="#_a1"`, `URI=""`}},
		"the response":               {"another element", []string{`URI="#_a1"`, `URI="#_r1"`}},
		"a reference more":           {"exactly one reference", []string{`</ds:Reference>`, `</ds:Reference><ds:Reference URI="#_a1"><ds:Transforms>` + transform + `</ds:Transforms>` + digest + `<ds:DigestValue/></ds:Reference>`}},
		"an XPath":                   {"other transforms", []string{transform, transform + `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1=1</ds:XPath></ds:Transform>`}},
		"an object":                  {"does not consist of", []string{`<ds:SignatureValue/>`, `<ds:SignatureValue/><ds:Object/>`}},
	} {
		t.Run(name, func(t *testing.T) {
			template := samltest.Replaced(t, samltest.Replaced(t, p.Unsigned(), ofAssertion, samltest.Signature("_a1", rsaSHA256, sha256URI), ofResponse, ""), c.edits...)
			document := p.XMLSec(template, "--sign", "--privkey-pem", p.KeyFile(), "--node-xpath", samltest.AtAssertion)
			message := textSignature
			if name == "an object" {
				message = textMalformed
			}
			deny(t, p.provider(), document, p.expected(), message, c.reason)
		})
	}
}

// A key that everybody knows must not become the secret of a shared one.
func TestThePublicKeyIsNoSharedSecret(t *testing.T) {
	p := newIDP(t, newRSA(t))
	document := p.Signed()
	const hmacSHA256 = moreAlgorithms + "hmac-sha256"
	document = samltest.Replaced(t, document, `SignatureMethod Algorithm="`+rsaSHA256, `SignatureMethod Algorithm="`+hmacSHA256)
	der, err := x509.MarshalPKIXPublicKey(p.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	root, err := parse([]byte(document), strict)
	if err != nil {
		t.Fatal(err)
	}
	info := root.FindElement("//SignedInfo")
	signed, err := canonical(info, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write(signed)
	value := cut(t, document, "<ds:SignatureValue>", "</ds:SignatureValue>")
	document = strings.Replace(document, value, "<ds:SignatureValue>"+base64.StdEncoding.EncodeToString(mac.Sum(nil))+"</ds:SignatureValue>", 1)
	deny(t, p.provider(), document, p.expected(), textSignature, "is not taken")
}

// Nor is a signature by one kind of key good under the name of another.
func TestASignatureIsOfTheKindItSays(t *testing.T) {
	key := newRSA(t)
	p := newIDP(t, key)
	document := samltest.Replaced(t, p.Signed(), `SignatureMethod Algorithm="`+rsaSHA256, `SignatureMethod Algorithm="`+moreAlgorithms+"ecdsa-sha256")
	root, err := parse([]byte(document), strict)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := canonical(root.FindElement("//SignedInfo"), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(signed)
	value, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	old := cut(t, document, "<ds:SignatureValue>", "</ds:SignatureValue>")
	document = strings.Replace(document, old, "<ds:SignatureValue>"+base64.StdEncoding.EncodeToString(value)+"</ds:SignatureValue>", 1)
	deny(t, p.provider(), document, p.expected(), textSignature, "by no key of the provider's metadata")
}

// KeyInfo is whatever the sender says.
func TestTheKeyInASignatureIsNotBelieved(t *testing.T) {
	p, mallory := newIDP(t, newRSA(t)), newIDP(t, newRSA(t))
	own := `<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(mallory.Cert) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
	template := samltest.Replaced(t, mallory.Unsigned(), ofAssertion, samltest.Signature("_a1", rsaSHA256, sha256URI), ofResponse, "", `<ds:SignatureValue/>`, own)
	document := mallory.XMLSec(template, "--sign", "--privkey-pem", mallory.KeyFile(), "--node-xpath", samltest.AtAssertion)
	accept(t, mallory.provider(), document, p.expected())
	deny(t, p.provider(), document, p.expected(), textSignature, "by no key of the provider's metadata")
	// Nor does one key's kind do for another's.
	curve := newIDP(t, newECDSA(t, elliptic.P256()))
	deny(t, curve.provider(), p.Signed(), p.expected(), textSignature, "by no key of the provider's metadata")
}

func TestDocumentsAreBounded(t *testing.T) {
	p := newIDP(t, newRSA(t))
	for _, text := range []string{
		strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1),
		"<a>" + strings.Repeat("<b/>", maxElements) + "</a>",
		"<a" + prefixes(maxPrefixes+1) + "/>",
	} {
		deny(t, p.provider(), text, p.expected(), textMalformed, "too many")
	}
	deny(t, p.provider(), "<a>"+strings.Repeat(" ", MaxResponse)+"</a>", p.expected(), textMalformed, "more than")
}

func prefixes(n int) string {
	e := etree.NewElement("a")
	for i := range n {
		e.CreateAttr("xmlns:p"+string(rune('a'+i/26))+string(rune('a'+i%26)), "urn:x")
	}
	document := etree.NewDocumentWithRoot(e)
	text, _ := document.WriteToString()
	return strings.TrimSuffix(strings.TrimPrefix(text, "<a"), "/>")
}
