package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/rolestore/issuer/saml/samltest"
)

func TestSAMLProvidersOfAFile(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	metadata := write("idp.xml", samltest.Metadata(samltest.Certificate(t, key)))
	private := write("saml.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	read := func(provider string) (string, error) {
		path := write("core.yaml", "accounts:\n  - id: \"123456789012\"\n    saml_providers:\n      - "+provider+"\n")
		_, d, err := readCoreFile(path, false)
		if err != nil {
			return "", err
		}
		p := d.Accounts[0].SAMLProviders[0]
		return fmt.Sprintf("%s %t %d %s %v %v %t", p.Name, strings.Contains(p.MetadataDocument, samltest.EntityID), len(p.PrivateKeys), p.AssertionEncryptionMode, p.Recipients, p.Audiences, p.SHA1), nil
	}
	got, err := read(`{name: adfs, saml_metadata_document_file: ` + metadata + `, private_key_files: [` + private + `], assertion_encryption_mode: Required,
         recipients: ["https://signin.aws.amazon.com/saml"], audiences: ["urn:amazon:webservices"], sha1_signatures: true, tags: {team: red}}`)
	if want := "adfs true 1 Required [https://signin.aws.amazon.com/saml] [urn:amazon:webservices] true"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for want, provider := range map[string]string{
		"want either saml_metadata_document or":        "{name: adfs}",
		"no such file":                                 "{name: adfs, saml_metadata_document_file: " + dir + "/none}",
		"core.yaml:4":                                  "{name: adfs, saml_metadata_document: <a/>}",
		"not an EntityDescriptor":                      "{name: adfs, saml_metadata_document: <a/>}",
		"private_key_files: want a private key in PEM": "{name: adfs, saml_metadata_document_file: " + metadata + ", private_key_files: [" + metadata + "]}",
		"private_key_files: assertion_encryption_mode": "{name: adfs, saml_metadata_document_file: " + metadata + ", assertion_encryption_mode: Required}",
		"unknown key \"saml_metadata\"":                "{name: adfs, saml_metadata: x}",
	} {
		if _, err := read(provider); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(    saml_providers:.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("the README shows no saml_providers")
	}
	path := write("core.yaml", "accounts:\n  - id: \"123456789012\"\n"+strings.Replace(string(example[1]), "/etc/rolecall/adfs.xml", metadata, 1))
	if _, d, err := readCoreFile(path, false); err != nil || len(d.Accounts[0].SAMLProviders) != 1 || len(d.Accounts[0].Roles) != 1 {
		t.Errorf("the README's example: %v", err)
	}
	if err := os.Chmod(private, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = read("{name: adfs, saml_metadata_document_file: " + metadata + ", private_key_files: [" + private + "]}")
	if err == nil || !strings.Contains(err.Error(), "chmod 600 "+private) {
		t.Errorf("a key that is open to others: %v", err)
	}
}
