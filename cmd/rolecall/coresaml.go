package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
)

// fileSAML is a SAML provider of core.yaml, by the parameters of CreateSAMLProvider.
// What it names files for is read when core.yaml is.
type fileSAML struct {
	Name                    string            `yaml:"name"`
	MetadataDocument        string            `yaml:"saml_metadata_document"`
	MetadataFile            string            `yaml:"saml_metadata_document_file"`
	Tags                    map[string]string `yaml:"tags"`
	AssertionEncryptionMode string            `yaml:"assertion_encryption_mode"`
	PrivateKeyFiles         []string          `yaml:"private_key_files"`
	Recipients              []string          `yaml:"recipients"`
	Audiences               []string          `yaml:"audiences"`
	SHA1                    bool              `yaml:"sha1_signatures"`
}

func (f fileSAML) definition() (directory.SAMLProviderDefinition, error) {
	p := directory.SAMLProviderDefinition{
		Name: f.Name, MetadataDocument: f.MetadataDocument, Tags: f.Tags, AssertionEncryptionMode: f.AssertionEncryptionMode,
		Recipients: f.Recipients, Audiences: f.Audiences, SHA1: f.SHA1,
	}
	switch {
	case (f.MetadataDocument == "") == (f.MetadataFile == ""):
		return p, errors.New("want either saml_metadata_document or saml_metadata_document_file: what the identity provider says of itself, XML")
	case f.MetadataFile != "":
		text, err := os.ReadFile(f.MetadataFile)
		if err != nil {
			return p, fmt.Errorf("saml_metadata_document_file: %w", err)
		}
		p.MetadataDocument = string(text)
	}
	for _, path := range f.PrivateKeyFiles {
		text, err := readPrivate(path)
		if err != nil {
			return p, fmt.Errorf("private_key_files: %w", err)
		}
		p.PrivateKeys = append(p.PrivateKeys, rolestore.NewSecret(string(text)))
	}
	return p, nil
}

// readPrivate reads a file that must be its owner's alone.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has a private key in it and is open to others: chmod 600 %s", path, path)
	}
	return os.ReadFile(path)
}
