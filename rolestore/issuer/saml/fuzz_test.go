package saml

import (
	"crypto/rsa"
	"reflect"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

// FuzzResponse changes responses that were signed. What is still accepted must say what
// was signed, word for word.
func FuzzResponse(f *testing.F) {
	p, private := newIDP(f, newRSA(f)), newRSA(f)
	inner := p.Signed()
	f.Add([]byte(inner))
	f.Add([]byte(p.Fill(p.Unsigned(), false, true, rsaSHA256, sha256URI)))
	f.Add([]byte(p.Fill(p.Unsigned(), true, true, rsaSHA256, sha256URI)))
	f.Add([]byte(p.encrypted(inner, private, ns11+"aes128-gcm", "aes-128", oaepMGF1SHA1)))
	f.Add([]byte(p.encrypted(inner, private, nsEncryption+"aes256-cbc", "aes-256", oaepMGF1SHA1)))
	f.Add([]byte(strings.Replace(inner, "</saml:Assertion>", `</saml:Assertion><saml:Assertion ID="_x"/>`, 1)))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`))
	f.Add([]byte(`<a:Response xmlns:a="` + nsProtocol + `" Version="2.0"><b:Assertion xmlns:b="` + nsAssertion + `"/></a:Response>`))
	provider := p.provider()
	provider.Keys = []*rsa.PrivateKey{private}
	said, err := provider.Verify([]byte(inner), p.expected())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		a, err := provider.Verify(document, p.expected())
		if err == nil && !reflect.DeepEqual(a, said) {
			t.Errorf("it is taken for %+v", a)
		}
	})
}

// FuzzMetadata reads what an administrator of an account gives us.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(samltest.Metadata(samltest.Certificate(f, newRSA(f)))))
	f.Add([]byte(`<EntityDescriptor xmlns="` + nsMetadata + `" entityID="x"><IDPSSODescriptor/></EntityDescriptor>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if m, err := ParseMetadata(document); err == nil && (m.EntityID == "" || len(m.keys) == 0 || len(m.keys) != len(m.Certificates)) {
			t.Errorf("read %+v", m)
		}
	})
}
