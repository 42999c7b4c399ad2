package directory

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

// newSAML is the definition of a provider, with a private key of ours.
func newSAML(t *testing.T) SAMLProviderDefinition {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return SAMLProviderDefinition{
		Name: "adfs", MetadataDocument: samltest.Metadata(samltest.Certificate(t, key)), Tags: map[string]string{"team": "red"},
		AssertionEncryptionMode: EncryptionRequired, PrivateKeys: []rolestore.Secret{rolestore.NewSecret(string(text))},
	}
}

func withSAML(p ...SAMLProviderDefinition) Definitions {
	return Definitions{Accounts: []AccountDefinition{{ID: account, SAMLProviders: p}}, Source: "core.yaml"}
}

const samlARN = "arn:aws:iam::" + account + ":saml-provider/adfs"

func TestASAMLProviderSurvivesARestart(t *testing.T) {
	p := newPlace(t)
	d := p.open(t)
	want := newSAML(t)
	reconcile(t, d, withSAML(want), false)
	id := d.Snapshot().SAMLProvider(samlARN).UniqueID
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = p.open(t)
	got := d.Snapshot().SAMLProvider(samlARN)
	if got == nil || got.UniqueID != id || got.Verifier.Metadata.EntityID != samltest.EntityID || len(got.Verifier.Keys) != 1 || !got.Verifier.EncryptionRequired {
		t.Fatalf("after a restart it is %+v", got)
	}
	if done := reconcile(t, d, withSAML(want), false); len(done) != 0 {
		t.Errorf("defined again, %q", done)
	}
	next := newSAML(t)
	next.Tags, next.SHA1, next.Recipients, next.Audiences = nil, true, []string{"https://signin.aws.amazon.com/saml"}, []string{"urn:amazon:webservices"}
	next.AssertionEncryptionMode = EncryptionAllowed
	const changed = "SAML provider " + account + "/adfs updated: saml_metadata_document, tags, assertion_encryption_mode, private_key_files, recipients, audiences, sha1_signatures"
	if done := reconcile(t, d, withSAML(next), false); !slices.Equal(done, []string{changed}) {
		t.Errorf("defined anew, %q", done)
	}
	if got := d.Snapshot().SAMLProvider(samlARN); got.UniqueID != id || !got.Verifier.SHA1 || got.Verifier.EncryptionRequired {
		t.Errorf("defined anew it is %+v", got)
	}
	reconcile(t, d, withSAML(), true)
	if d.Snapshot().SAMLProvider(samlARN) != nil {
		t.Error("it is there after it was pruned")
	}
}

func TestSAMLProvidersThatAreNone(t *testing.T) {
	good := newSAML(t)
	for want, edit := range map[string]func(*SAMLProviderDefinition){
		"name: want 1 to 128":               func(p *SAMLProviderDefinition) { p.Name = "a/b" },
		"saml_metadata_document: metadata":  func(p *SAMLProviderDefinition) { p.MetadataDocument = "<a/>" },
		"want Required or Allowed":          func(p *SAMLProviderDefinition) { p.AssertionEncryptionMode = "Yes" },
		"needs one, to decrypt by":          func(p *SAMLProviderDefinition) { p.PrivateKeys = nil },
		"private_key_files: want a private": func(p *SAMLProviderDefinition) { p.PrivateKeys = []rolestore.Secret{rolestore.NewSecret("secret")} },
		"private_key_files: at most 2":      func(p *SAMLProviderDefinition) { p.PrivateKeys = slices.Repeat(p.PrivateKeys, 3) },
		"recipients: at most":               func(p *SAMLProviderDefinition) { p.Recipients = make([]string, 17) },
		"audiences: want a URI":             func(p *SAMLProviderDefinition) { p.Audiences = []string{""} },
		`tag "": want a key`:                func(p *SAMLProviderDefinition) { p.Tags = map[string]string{"": "x"} },
	} {
		p := good
		edit(&p)
		if err := withSAML(p).Validate(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "SAML provider") {
			t.Errorf("%v, want %s", err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error has a secret in it: %v", err)
		}
	}
	if err := withSAML(good, good).Validate(); !errors.Is(err, errTwice) {
		t.Errorf("defined twice: %v", err)
	}
	if text := fmt.Sprintf("%+v %v", good, withSAML(good)); strings.Contains(text, "PRIVATE KEY") {
		t.Errorf("it prints its keys: %s", text)
	}
}

func TestTheAPIChangesSAMLProviders(t *testing.T) {
	d := newPlace(t).open(t)
	reconcile(t, d, withSAML(), false)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	want := newSAML(t)
	if err := d.CreateSAMLProvider(account, want, now); err != nil {
		t.Fatal(err)
	}
	again := want
	again.Name = "ADFS"
	if err := d.CreateSAMLProvider(account, again, now); !errors.Is(err, ErrExists) {
		t.Errorf("made again: %v", err)
	}
	if err := d.CreateSAMLProvider(account, SAMLProviderDefinition{Name: "x"}, now); !errors.Is(err, ErrInvalid) {
		t.Errorf("made of nothing: %v", err)
	}
	made := d.Snapshot().SAMLProvider(samlARN)
	if made.ManagedBy != ManagedByAPI || !made.Created.Equal(now) || len(d.Snapshot().SAMLProviders(account)) != 1 {
		t.Errorf("it is %+v", made)
	}
	add := func(p *SAMLProviderDefinition) error {
		p.PrivateKeys = append(p.PrivateKeys, newSAML(t).PrivateKeys...)
		return nil
	}
	if err := d.ChangeSAMLProvider(made, add); err != nil || len(d.Snapshot().SAMLProvider(samlARN).Verifier.Keys) != 2 {
		t.Errorf("with another key: %v", err)
	}
	if err := d.ChangeSAMLProvider(made, add); !errors.Is(err, ErrInvalid) || len(d.Snapshot().SAMLProvider(samlARN).Verifier.Keys) != 2 {
		t.Errorf("with a third key: %v", err)
	}
	if err := d.DeleteSAMLProvider(made); err != nil || d.Snapshot().SAMLProvider(samlARN) != nil {
		t.Errorf("deleted: %v", err)
	}
	if err := d.DeleteSAMLProvider(made); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted again: %v", err)
	}
	if err := d.CreateSAMLProvider(account, want, now); err != nil {
		t.Fatal(err)
	}
	if err := d.ChangeSAMLProvider(made, add); !errors.Is(err, ErrChanged) {
		t.Errorf("another of its name is changed: %v", err)
	}
	reconcile(t, d, withSAML(want), false)
	if err := d.DeleteSAMLProvider(d.Snapshot().SAMLProvider(samlARN)); !errors.Is(err, ErrManaged) {
		t.Errorf("one of the file is deleted: %v", err)
	}
}
