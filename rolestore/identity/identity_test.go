package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/identity"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func instance() rolestore.Instance {
	return rolestore.Instance{
		ID: "i-0123456789abcdef0", PendingTime: now,
		Profile:   rolestore.InstanceProfile{ARN: "arn:aws:iam::123456789012:instance-profile/web"},
		Placement: rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1b"},
		Launch:    rolestore.Launch{ImageID: "ami-0a887e401f7654935", InstanceType: "m7i.large", PrivateIPv4: "10.0.0.5"},
	}
}

// site is a certificate with its key.
type site struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func newSite(t testing.TB, name string) site {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return site{certificate, key}
}

func (s site) sign(t testing.TB) identity.Signed {
	t.Helper()
	signed, err := identity.Sign(identity.Of(instance()), s.certificate, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// verify parses the texts and verifies them.
func (s site) verify(texts ...string) (identity.Verified, error) {
	var parts []identity.Part
	for _, text := range texts {
		p, err := identity.Parse([]byte(text))
		if err != nil {
			return identity.Verified{}, err
		}
		parts = append(parts, p)
	}
	return identity.Verify(parts, []*x509.Certificate{s.certificate}, now)
}

func TestTheDocumentIsEC2s(t *testing.T) {
	const want = `{
  "accountId" : "123456789012",
  "architecture" : null,
  "availabilityZone" : "eu-west-1b",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "imageId" : "ami-0a887e401f7654935",
  "instanceId" : "i-0123456789abcdef0",
  "instanceType" : "m7i.large",
  "kernelId" : null,
  "marketplaceProductCodes" : null,
  "pendingTime" : "2026-11-24T12:00:00Z",
  "privateIp" : "10.0.0.5",
  "ramdiskId" : null,
  "region" : "eu-west-1",
  "version" : "2017-09-30"
}`
	if got := identity.Of(instance()).Text(); got != want || !json.Valid([]byte(got)) {
		t.Errorf("got %s", got)
	}
}

// pemOf is the form in AWS's user guide, with lines around.
func pemOf(body string) string { return "-----BEGIN PKCS7-----\n" + body + "\n-----END PKCS7-----\n" }

// binary undoes base64.
func binary(t testing.TB, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryFormIsVerified(t *testing.T) {
	s := newSite(t, "site")
	signed := s.sign(t)
	for name, texts := range map[string][]string{
		"document and signature":           {signed.Document, signed.Signature},
		"the signature decoded":            {signed.Document, binary(t, signed.Signature)},
		"pkcs7":                            {signed.PKCS7},
		"pkcs7 with the lines around":      {pemOf(signed.PKCS7)},
		"pkcs7 decoded":                    {binary(t, signed.PKCS7)},
		"all, with newlines at their ends": {signed.Signature + "\n", signed.PKCS7 + "\n", signed.Document},
	} {
		v, err := s.verify(texts...)
		if err != nil || string(v.Document) != signed.Document || !v.Certificate.Equal(s.certificate) || len(v.Members) != 15 || v.Members[0] != (identity.Member{Name: "accountId", Value: "123456789012"}) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	if again := s.sign(t); again != signed {
		t.Error("the same document is signed otherwise the next time")
	}
	for _, body := range []string{signed.Signature, signed.PKCS7} {
		if strings.HasSuffix(body, "\n") || strings.Contains(body, "-----") || !strings.Contains(body, "\n") {
			t.Errorf("this is not EC2's form: %q", body)
		}
	}
}

// TestNoOtherByteIsVerified changes each byte of each form. What is verified then can
// only be the document that was signed.
func TestNoOtherByteIsVerified(t *testing.T) {
	s := newSite(t, "site")
	signed := s.sign(t)
	for name, change := range map[string]struct {
		text string
		all  func(changed string) []string
	}{
		"document":  {signed.Document, func(c string) []string { return []string{c, signed.Signature} }},
		"signature": {binary(t, signed.Signature), func(c string) []string { return []string{signed.Document, c} }},
		"pkcs7":     {binary(t, signed.PKCS7), func(c string) []string { return []string{c} }},
	} {
		for n := range len(change.text) {
			changed := change.text[:n] + string([]byte{change.text[n] ^ 1}) + change.text[n+1:]
			v, err := s.verify(change.all(changed)...)
			if err == nil && (name != "pkcs7" || string(v.Document) != signed.Document) {
				t.Errorf("%s with another byte %d is verified as %s", name, n, v.Document)
			}
		}
		for _, n := range []int{0, 1, len(change.text) - 1} {
			if v, err := s.verify(change.all(change.text[:n])...); err == nil {
				t.Errorf("%s cut to %d bytes is verified as %s", name, n, v.Document)
			}
		}
	}
	for _, grown := range []string{signed.Document + "\n", " " + signed.Document} {
		if _, err := s.verify(grown, signed.Signature); !errors.Is(err, identity.ErrForged) {
			t.Errorf("%q: %v", grown, err)
		}
	}
}

// signedData is a SignedData of any text, signed as sign does.
func signedData(t *testing.T, text string, sign func(*pkcs7.SignedData) error) string {
	t.Helper()
	data, err := pkcs7.NewSignedData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := sign(data); err != nil {
		t.Fatal(err)
	}
	der, err := data.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return string(der)
}

// attributed is as most programs make it, with signed attributes.
func attributed(t *testing.T, s site, text string) string {
	t.Helper()
	return signedData(t, text, func(d *pkcs7.SignedData) error {
		return d.AddSigner(s.certificate, s.key, pkcs7.SignerInfoConfig{})
	})
}

// bySigners is as the core would make it, with one signer or more.
func bySigners(t *testing.T, text string, signers ...site) string {
	t.Helper()
	return signedData(t, text, func(d *pkcs7.SignedData) (err error) {
		for _, s := range signers {
			err = errors.Join(err, d.SignWithoutAttr(s.certificate, s.key, pkcs7.SignerInfoConfig{}))
		}
		return err
	})
}

func TestWhatIsNotVerified(t *testing.T) {
	s, attacker := newSite(t, "site"), newSite(t, "site") // of the same name and serial number
	signed, forged := s.sign(t), attacker.sign(t)
	other := instance()
	other.ID = "i-00000000000000000"
	another, err := identity.Sign(identity.Of(other), s.certificate, s.key)
	if err != nil {
		t.Fatal(err)
	}
	const twofold = `{"instanceId" : "i-0123456789abcdef0", "instanceId" : "i-00000000000000000"}`
	for name, test := range map[string]struct {
		texts []string
		say   string
	}{
		"nothing":                             {nil, "give the document too"},
		"a document alone":                    {[]string{signed.Document}, "nothing here signs"},
		"a signature alone":                   {[]string{signed.Signature}, "give the document too"},
		"another site's signature":            {[]string{signed.Document, forged.Signature}, "another site"},
		"another site's certificate, inside":  {[]string{forged.PKCS7}, "another site"},
		"the signature of another document":   {[]string{signed.Document, another.Signature}, "not what was signed"},
		"pkcs7 of another document":           {[]string{signed.Document, another.PKCS7}, "different documents"},
		"one that is signed and one that not": {[]string{signed.Document, signed.Signature, forged.PKCS7}, "another site"},
		"signed attributes":                   {[]string{attributed(t, s, signed.Document)}, "one signature"},
		"two signers":                         {[]string{bySigners(t, signed.Document, s, attacker)}, "one signature"},
		"names that are there twice":          {[]string{bySigners(t, twofold, s)}, "twice"},
		"no JSON":                             {[]string{bySigners(t, "{]", s)}, "no JSON"},
		"more behind it":                      {[]string{bySigners(t, signed.Document+"{}", s)}, "no JSON"},
		"an empty file":                       {[]string{""}, "no identity document"},
		"another kind of file":                {[]string{"PK\x03\x04"}, "no identity document"},
		"a certificate":                       {[]string{pemOfCertificate(s)}, "no identity document with one signature"},
		"a page of HTML":                      {[]string{"<html>404</html>"}, "no identity document"},
		"a file without end":                  {[]string{strings.Repeat("x", identity.MaxFile+1)}, "no identity document"},
	} {
		if v, err := s.verify(test.texts...); err == nil || !strings.Contains(err.Error(), test.say) {
			t.Errorf("%s: %s, %v, want %q", name, v.Document, err, test.say)
		}
	}
	p, _ := identity.Parse([]byte(signed.PKCS7))
	for _, at := range []time.Time{now.Add(-2 * time.Hour), now.Add(2 * time.Hour)} {
		if _, err := identity.Verify([]identity.Part{p}, []*x509.Certificate{s.certificate}, at); err == nil || !strings.Contains(err.Error(), "is valid from") {
			t.Errorf("with a certificate that is not valid at %s: %v", at, err)
		}
	}
	if _, err := identity.Verify([]identity.Part{p}, nil, now); !errors.Is(err, identity.ErrForged) {
		t.Errorf("trusting nobody: %v", err)
	}
}

func pemOfCertificate(s site) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw}))
}

func TestKeysThatDoNotSign(t *testing.T) {
	s, other := newSite(t, "site"), newSite(t, "other")
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := *s.certificate
	short.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	elliptic := *s.certificate
	elliptic.PublicKey = curve.Public()
	if err := identity.CheckKey(&elliptic, curve); err == nil || !strings.Contains(err.Error(), "openssl req") {
		t.Errorf("an elliptic curve: %v", err)
	}
	if err := identity.CheckKey(&short, s.key); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("a short key: %v", err)
	}
	if _, err := identity.Sign(identity.Of(instance()), s.certificate, other.key); err == nil || !strings.Contains(err.Error(), "not that of the certificate") {
		t.Errorf("another key: %v", err)
	}
}

func TestWhatAHostMayDeclare(t *testing.T) {
	if err := identity.Of(instance()).Validate(); err != nil {
		t.Error(err)
	}
	for _, odd := range []string{"a b", "a\nb", "a\x00", "é", strings.Repeat("x", 65)} {
		if err := (identity.Declared{ImageID: odd}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "imageId") {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

func TestCertificatesAreRead(t *testing.T) {
	a, b := pemOfCertificate(newSite(t, "a")), pemOfCertificate(newSite(t, "b"))
	if all, err := identity.ParseCertificates([]byte(a + b)); err != nil || len(all) != 2 || all[0].Subject.CommonName != "a" {
		t.Errorf("%v, %v", all, err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})
	for _, bad := range []string{"", "x", a + string(key), strings.Replace(a, "CERTIFICATE", "PKCS7", 2), a[:100] + a[104:]} {
		if _, err := identity.ParseCertificates([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// FuzzVerify is given what relying parties get from strangers.
func FuzzVerify(f *testing.F) {
	s := newSite(f, "site")
	signed := s.sign(f)
	f.Add([]byte(signed.Document), []byte(signed.Signature))
	f.Add([]byte(signed.PKCS7), []byte(signed.Document))
	f.Add([]byte(binary(f, signed.PKCS7)), []byte(pemOf(signed.PKCS7)))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var parts []identity.Part
		for _, text := range [][]byte{one, two} {
			p, err := identity.Parse(text)
			if err == nil && p.Document == nil && p.Signature == nil {
				t.Errorf("%q is parsed as nothing", text)
			}
			if err == nil {
				parts = append(parts, p)
			}
		}
		v, err := identity.Verify(parts, []*x509.Certificate{s.certificate}, now)
		if err == nil && !bytes.Equal(v.Document, []byte(signed.Document)) {
			t.Errorf("%q is verified", v.Document)
		}
	})
}

func TestWhatAnInstanceWasLaunchedWithIsInItsDocument(t *testing.T) {
	i := instance()
	i.Architecture, i.KernelID, i.RamdiskID = "arm64", "aki-5c21674b", "ari-01bb5768"
	i.ProductCodes = []rolestore.ProductCode{{ID: "a", Type: "marketplace"}, {ID: "b", Type: "devpay"}, {ID: "c", Type: "marketplace"}}
	text := identity.Of(i).Text()
	for _, want := range []string{`"architecture" : "arm64"`, `"devpayProductCodes" : [ "b" ]`, `"kernelId" : "aki-5c21674b"`,
		`"marketplaceProductCodes" : [ "a", "c" ]`, `"ramdiskId" : "ari-01bb5768"`, `"billingProducts" : null`} {
		if !strings.Contains(text, "  "+want+",\n") {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if members, err := identity.Members([]byte(text)); err != nil || len(members) != 15 {
		t.Errorf("it has %d members, %v", len(members), err)
	}
	other := i
	if other.ProductCodes = other.ProductCodes[1:]; identity.Same(i, other) || !identity.Same(i, i) {
		t.Error("Same does not compare what the documents say")
	}
	for _, odd := range []identity.Declared{{MarketplaceProductCodes: []string{"a", "b c"}}, {MarketplaceProductCodes: make([]string, 17)}} {
		if err := odd.Validate(); err == nil || !strings.HasPrefix(err.Error(), "marketplaceProductCodes") {
			t.Errorf("%+v: %v", odd, err)
		}
	}
}
