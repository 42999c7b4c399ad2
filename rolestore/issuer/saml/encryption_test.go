package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

// encrypted encrypts the assertion of a response by xmlsec1, for a key of ours.
func (p *idp) encrypted(document string, private *rsa.PrivateKey, algorithm, session, transport string) string {
	p.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		p.t.Fatal(err)
	}
	key := p.Write("public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	i, n := strings.Index(document, "<saml:Assertion "), strings.Index(document, "</samlp:Response>")
	plain := p.Write("plain.xml", []byte(document[i:n]))
	template := `<xenc:EncryptedData xmlns:xenc="` + nsEncryption + `" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="` + algorithm + `"/>` +
		`<ds:KeyInfo xmlns:ds="` + nsSignature + `"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="` + transport + `"/>` +
		`<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>`
	sealed := p.XMLSec(template, "--encrypt", "--pubkey-pem", key, "--session-key", session, "--xml-data", plain)
	sealed = sealed[strings.Index(sealed, "<xenc:"):]
	return document[:i] + "<saml:EncryptedAssertion>" + sealed + "</saml:EncryptedAssertion>" + document[n:]
}

func TestEncryptedAssertions(t *testing.T) {
	p, private, other := newIDP(t, newRSA(t)), newRSA(t), newRSA(t)
	provider := p.provider()
	provider.Keys = []*rsa.PrivateKey{other, private} // the next key, and the one that is in use
	for algorithm, session := range map[string]string{
		nsEncryption + "aes128-cbc": "aes-128", nsEncryption + "aes192-cbc": "aes-192", nsEncryption + "aes256-cbc": "aes-256",
		ns11 + "aes128-gcm": "aes-128", ns11 + "aes192-gcm": "aes-192", ns11 + "aes256-gcm": "aes-256",
	} {
		document := p.encrypted(p.Signed(), private, algorithm, session, oaepMGF1SHA1)
		if a := accept(t, provider, document, p.expected()); a.Subject != "alice" || len(a.Values("role")) != 2 {
			t.Errorf("%s: read %+v", algorithm, a)
		}
		required := *provider
		required.EncryptionRequired = true
		accept(t, &required, document, p.expected())
	}
	plain := p.Signed()
	required := *provider
	required.EncryptionRequired = true
	deny(t, &required, plain, p.expected(), textEncrypted, "not encrypted")

	gcm := p.encrypted(plain, private, ns11+"aes256-gcm", "aes-256", oaepMGF1SHA1)
	deny(t, p.provider(), gcm, p.expected(), textSignature, "no private key here")
	beside := strings.Replace(gcm, cut(t, gcm, "<ds:KeyInfo ", "</ds:KeyInfo>"), "", 1)
	wrapped := cut(t, gcm, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>")
	beside = strings.Replace(beside, "</saml:EncryptedAssertion>", strings.Replace(wrapped, ">", ` xmlns:xenc="`+nsEncryption+`">`, 1)+"</saml:EncryptedAssertion>", 1)
	accept(t, provider, beside, p.expected())

	// A signature of the response alone is over the ciphertext.
	unsigned := p.encrypted(samltest.Replaced(t, p.Unsigned(), ofAssertion, ""), private, ns11+"aes256-gcm", "aes-256", oaepMGF1SHA1)
	accept(t, provider, p.Fill(unsigned, false, true, rsaSHA256, sha256URI), p.expected())
}

// Whatever is wrong with a ciphertext or with what is in it, the answer is the same.
func TestOneErrorForAllThatIsWrongInACiphertext(t *testing.T) {
	p, private := newIDP(t, newRSA(t)), newRSA(t)
	provider := p.provider()
	provider.Keys = []*rsa.PrivateKey{private}
	const cbc, gcm = nsEncryption + "aes128-cbc", ns11 + "aes128-gcm"
	good := p.encrypted(p.Signed(), private, cbc, "aes-128", oaepMGF1SHA1)
	value := func(document string) string {
		return cut(t, document[strings.LastIndex(document, "<xenc:CipherData>"):], "<xenc:CipherValue>", "</xenc:CipherValue>")
	}
	flipped := []byte(value(good))
	flipped[len(flipped)/2] ^= 1
	for name, document := range map[string]string{
		"altered":                  strings.Replace(good, value(good), string(flipped), 1),
		"too short":                strings.Replace(good, value(good), "<xenc:CipherValue>AAAA</xenc:CipherValue>", 1),
		"a block and a half":       strings.Replace(good, value(good), "<xenc:CipherValue>"+strings.Repeat("AAAA", 12)+"</xenc:CipherValue>", 1),
		"GCM and too short":        samltest.Replaced(t, strings.Replace(good, value(good), "<xenc:CipherValue>AAAA</xenc:CipherValue>", 1), cbc, gcm),
		"as GCM":                   samltest.Replaced(t, good, cbc, gcm),
		"another key's":            p.encrypted(p.Signed(), newRSA(t), cbc, "aes-128", oaepMGF1SHA1),
		"by PKCS #1 v1.5":          p.encrypted(p.Signed(), private, cbc, "aes-128", nsEncryption+"rsa-1_5"),
		"by triple DES":            p.encrypted(p.Signed(), private, nsEncryption+"tripledes-cbc", "des-192", oaepMGF1SHA1),
		"unsigned within":          p.encrypted(samltest.Replaced(t, p.Unsigned(), ofAssertion, "", ofResponse, ""), private, cbc, "aes-128", oaepMGF1SHA1),
		"altered before it was":    p.encrypted(samltest.Replaced(t, p.Signed(), ">alice<", ">mallory<"), private, cbc, "aes-128", oaepMGF1SHA1),
		"with a comment within":    p.encrypted(samltest.Replaced(t, p.Signed(), ">alice<", "><!-- -->alice<"), private, cbc, "aes-128", oaepMGF1SHA1),
		"with another within":      p.encrypted(samltest.Replaced(t, p.Signed(), "<saml:Subject>", `<saml:Assertion ID="_x"/><saml:Subject>`), private, cbc, "aes-128", oaepMGF1SHA1),
		"without a key":            strings.Replace(good, cut(t, good, "<ds:KeyInfo ", "</ds:KeyInfo>"), "", 1),
		"without data":             strings.Replace(good, good[strings.Index(good, "<xenc:EncryptedData "):strings.Index(good, "</saml:EncryptedAssertion>")], "", 1),
		"with more keys than that": strings.Replace(good, cut(t, good, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>"), strings.Repeat(cut(t, good, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>"), maxRecipients+1), 1),
	} {
		t.Run(name, func(t *testing.T) {
			a, err := provider.Verify([]byte(document), p.expected())
			var refusal *Error
			if a != nil || !errors.As(err, &refusal) || refusal.Message != textSignature || refusal.Reason != errDecryption.Error() {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	accept(t, provider, good, p.expected())
}

func TestThePaddingOfABlock(t *testing.T) {
	key := make([]byte, 16)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	for last, good := range map[byte]bool{0: false, 1: true, 15: true, 16: true, 17: false, 255: false} {
		plain := make([]byte, 2*aes.BlockSize)
		plain[len(plain)-1] = last
		sealed := make([]byte, 3*aes.BlockSize) // after an initialization vector of zeros
		cipher.NewCBCEncrypter(block, sealed[:aes.BlockSize]).CryptBlocks(sealed[aes.BlockSize:], plain)
		got, err := open(key, sealed, false)
		if (err == nil) != good || good && len(got) != len(plain)-int(last) {
			t.Errorf("padding %d: %d bytes, %v", last, len(got), err)
		}
	}
}

func TestPrivateKeysThatAreNone(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := x509.MarshalPKCS8PrivateKey(newECDSA(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		"want a private key in PEM":      "x",
		"the private key has 1024 bits":  string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)})),
		"the private key must be of RSA": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: curve})),
		"the private key cannot be read": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})),
		`not "ENCRYPTED PRIVATE KEY"`:    string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})),
	} {
		if _, err := ParsePrivateKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1016)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseMetadata([]byte(samltest.Metadata(samltest.Certificate(t, weak)))); err == nil || !strings.Contains(err.Error(), "a key of 1016 bits") {
		t.Errorf("a certificate with a small key: %v", err)
	}
}
