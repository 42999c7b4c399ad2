package issuer

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/identity"
)

const declared = `{"availabilityZone":"us-east-1a","region":"us-east-1","instanceType":"m7i.large"}`

func documentOf(instance string) string {
	return hosttoken.PathLeases + instance + hosttoken.SuffixIdentity
}

// signed asks for a document, which must be signed, and verifies it by what the core
// publishes.
func (e *estate) signed(id, instance, body string) identity.Verified {
	e.t.Helper()
	path := documentOf(instance)
	w := e.send(http.MethodPost, path, e.token(id, e.directory.Snapshot().CoreID(), http.MethodPost, path), body)
	var s identity.Signed
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		e.t.Fatalf("%d %s", w.Code, w.Body)
	}
	var parts []identity.Part
	for _, text := range []string{s.Document, s.Signature, s.PKCS7} {
		p, err := identity.Parse([]byte(text))
		if err != nil {
			e.t.Fatal(err)
		}
		parts = append(parts, p)
	}
	v, err := identity.Verify(parts, e.published(), e.config.Now())
	if err != nil {
		e.t.Fatal(err)
	}
	return v
}

// published are the certificates that the core serves to anybody.
func (e *estate) published() []*x509.Certificate {
	e.t.Helper()
	w := e.send(http.MethodGet, hosttoken.PathCertificates, "", "")
	all, err := identity.ParseCertificates(w.Body.Bytes())
	if err != nil || w.Code != http.StatusOK {
		e.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return all
}

func TestADocumentOfALeasedInstanceIsSigned(t *testing.T) {
	e := newEstate(t)
	e.grant(hostOne, nil)
	e.claim(hostOne)
	v := e.signed(hostOne, guest, declared)
	want := identity.Document{Vouched: identity.Vouched{AccountID: account, InstanceID: guest},
		Declared: identity.Declared{AvailabilityZone: "us-east-1a", Region: "us-east-1", InstanceType: "m7i.large"}}
	if string(v.Document) != want.Text() {
		t.Errorf("got %s", v.Document)
	}
	// The key is for documents alone, and is the same after a restart.
	before := v.Certificate
	if before.IsCA || before.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("the certificate may more than sign: %+v", before)
	}
	if !e.published()[0].Equal(before) || len(e.published()) != 1 {
		t.Error("the certificate changes")
	}
}

// TestAHostGetsNoDocumentOfAnothers has two hosts with the same grants.
func TestAHostGetsNoDocumentOfAnothers(t *testing.T) {
	e := newEstate(t)
	e.register(hostTwo)
	e.grant(hostOne, nil)
	e.grant(hostTwo, nil)
	const post = http.MethodPost
	path, core := documentOf(guest), e.directory.Snapshot().CoreID()
	token := func(id string) string { return e.token(id, core, post, path) }
	refused := func(name, token, body string, status int, say string) {
		t.Helper()
		w := e.send(post, path, token, body)
		e.refused(name, w, status, say)
		if strings.Contains(w.Body.String(), "signature") && strings.Contains(w.Body.String(), "pkcs7") {
			t.Errorf("%s: the answer is signed: %s", name, w.Body)
		}
	}
	refused("nobody has leased it", token(hostOne), declared, 404, "this host's")
	e.claim(hostOne)
	refused("another host has leased it", token(hostTwo), declared, 404, "this host's")
	refused("a guest, who has no token", "", declared, 401, "no bearer token")
	refused("a token for another instance", e.token(hostTwo, core, post, documentOf("i-00000000000000001")), declared, 403, "another request")
	refused("a token for another method", e.token(hostOne, core, http.MethodGet, path), declared, 403, "another request")
	refused("another core's token", e.token(hostOne, "core-0000000000000000", post, path), declared, 401, "not valid")
	once := token(hostOne)
	refused("another account", once, `{"accountId":"999999999999"}`, 400, "may declare")
	refused("a token once more", once, declared, 401, "used before")
	refused("another instance", token(hostOne), `{"instanceId":"i-00000000000000001"}`, 400, "may declare")
	refused("the core's members in other spelling", token(hostOne), `{"ACCOUNTID":"999999999999"}`, 400, "may declare")
	refused("members in members", token(hostOne), `{"Vouched":{"accountId":"999999999999"}}`, 400, "may declare")
	refused("a value that ends its line", token(hostOne), `{"region":"x\",\n\"accountId\":\"999999999999"}`, 400, "region")
	refused("no JSON", token(hostOne), `x`, 400, "may declare")
	refused("a body without end", token(hostOne), `{"region":"`+strings.Repeat("x", maxHostBody), 400, "may declare")
	e.signed(hostOne, guest, declared)

	// What was the host's is its no more.
	if err := e.directory.RemoveGrant(account, hostOne); err != nil {
		t.Fatal(err)
	}
	refused("the grant is taken away", token(hostOne), declared, 404, "this host's")
	e.grant(hostOne, nil)
	e.signed(hostOne, guest, declared)
	if _, err := e.directory.Release(guest, hostOne); err != nil {
		t.Fatal(err)
	}
	refused("the lease is released", token(hostOne), declared, 404, "this host's")
	e.claim(hostTwo)
	refused("another host has it now", token(hostOne), declared, 404, "this host's")
	e.signed(hostTwo, guest, declared)
	if err := e.directory.RemoveHost(hostTwo); err != nil {
		t.Fatal(err)
	}
	refused("the host is removed", token(hostTwo), declared, 403, "no host of this id and key")
}

func TestCertificatesArePublishedToProgramsAlone(t *testing.T) {
	e := newEstate(t)
	for _, header := range [][]string{{"Origin", "https://attacker.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if w := e.send(http.MethodGet, hosttoken.PathCertificates, "", "", header...); w.Code != http.StatusForbidden || w.Body.Len() > 0 {
			t.Errorf("%v: %d %s", header, w.Code, w.Body)
		}
	}
	w := e.send(http.MethodGet, hosttoken.PathCertificates, "", "")
	if strings.Contains(w.Body.String(), "PRIVATE") || w.Header().Get("Content-Type") != "application/pem-certificate-chain" {
		t.Errorf("%s %s", w.Header(), w.Body)
	}
	for n := 0; w.Code == http.StatusOK; n++ {
		if n > 10_000 {
			t.Fatal("one source may ask for ever")
		}
		w = e.send(http.MethodGet, hosttoken.PathCertificates, "", "")
	}
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("who asks too often is answered %d", w.Code)
	}
}

// TestTheSiteCertificateIsReplacedInTime walks through the years.
func TestTheSiteCertificateIsReplacedInTime(t *testing.T) {
	const year, day = 365 * 24 * time.Hour, 24 * time.Hour
	dir, log := t.TempDir(), new(bytes.Buffer)
	c := core(t, dir, nil, log)
	start := time.Now()
	at := func(after time.Duration) (signing *x509.Certificate, all int) {
		t.Helper()
		signing, key, err := c.signing(start.Add(after))
		if err != nil || identity.CheckKey(signing, key) != nil {
			t.Fatalf("after %s: %v", after, err)
		}
		return signing, len(c.directory.Snapshot().SiteCertificates())
	}
	first, n := at(0)
	if n != 1 {
		t.Fatalf("there are %d certificates", n)
	}
	if again, n := at(4*year - 91*day); !again.Equal(first) || n != 1 {
		t.Errorf("it is replaced too early (%d)", n)
	}
	if again, n := at(4*year - 90*day); !again.Equal(first) || n != 2 {
		t.Errorf("the next one is not published before it signs, or signs already (%d)", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = core(t, dir, nil, log)
	second, n := at(4*year + day)
	if second.Equal(first) || n != 2 {
		t.Errorf("the next one does not sign, or the old one is gone (%d)", n)
	}
	if left := first.NotAfter.Sub(start.Add(4 * year)); left < year-time.Hour {
		t.Errorf("what was signed last is verified for %s", left)
	}
	if _, n := at(9 * year); n > 3 {
		t.Errorf("what has expired is kept (%d)", n)
	}
	// A clock that was set back finds a certificate that is valid then.
	past, _ := at(-year)
	if past.NotBefore.After(start.Add(-year)) {
		t.Error("a certificate of the future signs")
	}
	// A core that was off when its time came publishes the next one first, all the same.
	late := core(t, t.TempDir(), nil, log)
	old, _, err := late.signing(start)
	if err != nil {
		t.Fatal(err)
	}
	if still, _, err := late.signing(start.Add(4*year + 100*day)); err != nil || !still.Equal(old) {
		t.Errorf("a certificate signs that nobody has seen (%v)", err)
	}
	if next, _, err := late.signing(start.Add(4*year + 190*day)); err != nil || next.Equal(old) {
		t.Errorf("the next one does not sign (%v)", err)
	}
	if err := late.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestTheOperatorsOwnCertificateSigns, and what it signed is verified when there is
// another.
func TestTheOperatorsOwnCertificateSigns(t *testing.T) {
	e := newEstate(t)
	e.grant(hostOne, nil)
	e.claim(hostOne)
	own := e.signed(hostOne, guest, declared)
	var certificate *x509.Certificate
	var key *rsa.PrivateKey
	renew := func() {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
		template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "operator"}, NotBefore: own.Certificate.NotBefore, NotAfter: own.Certificate.NotAfter}
		der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if certificate, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	e.config.Site = func() (*x509.Certificate, crypto.Signer, error) { return certificate, key, nil }
	first := e.signed(hostOne, guest, declared)
	if !first.Certificate.Equal(certificate) {
		t.Errorf("%s signs", first.Certificate.Subject)
	}
	renew()
	if second := e.signed(hostOne, guest, declared); !second.Certificate.Equal(certificate) {
		t.Errorf("%s signs", second.Certificate.Subject)
	}
	all := e.published()
	if len(all) != 3 || !all[0].Equal(certificate) {
		t.Errorf("%d certificates are published", len(all))
	}
	text := new(bytes.Buffer)
	for _, c := range all {
		_ = pem.Encode(text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	for _, c := range []*x509.Certificate{own.Certificate, first.Certificate} {
		if !strings.Contains(text.String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))) {
			t.Errorf("%s is published no more", c.Subject)
		}
	}
}
