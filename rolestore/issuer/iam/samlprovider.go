package iam

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var (
	theSAML = noun{"SAML provider", "SAMLProviderArn", "Manifest not found for arn %s", "SAMLProvider %s already exists."}

	samlName         = parameter{name: "Name", required: true, min: 1, max: 128, pattern: regexp.MustCompile(`^[A-Za-z0-9._-]+$`), shown: `[\w._-]+`}
	samlARN          = parameter{name: "SAMLProviderArn", required: true, min: 20, max: 2048}
	samlMetadata     = parameter{name: "SAMLMetadataDocument", required: true, min: 1000, max: 10000000}
	encryptionMode   = parameter{name: "AssertionEncryptionMode", max: 64, values: []string{directory.EncryptionRequired, directory.EncryptionAllowed}}
	addPrivateKey    = parameter{name: "AddPrivateKey", min: 1, max: 16384, pattern: policyDocument.pattern, shown: policyDocument.shown, hidden: true}
	removePrivateKey = parameter{name: "RemovePrivateKey", min: 22, max: 64, pattern: regexp.MustCompile(`^[A-Z0-9]+$`), shown: `[A-Z0-9]+`}
)

// samlOperations are those of SAML providers
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html).
var samlOperations = table{
	"CreateSAMLProvider":   {takes: []parameter{samlName, samlMetadata, tags, encryptionMode, addPrivateKey}, on: newSAML, tagging: "iam:TagSAMLProvider", do: createSAML},
	"GetSAMLProvider":      {takes: []parameter{samlARN}, on: onSAML, do: getSAML},
	"UpdateSAMLProvider":   {takes: []parameter{samlARN, samlMetadata.optional(), encryptionMode, addPrivateKey, removePrivateKey}, on: onSAML, do: updateSAML},
	"ListSAMLProviders":    {on: onSAMLs, do: listSAML},
	"DeleteSAMLProvider":   {takes: []parameter{samlARN}, on: onSAML, do: deleteSAML},
	"TagSAMLProvider":      {takes: []parameter{samlARN, tags.needed()}, on: onSAML, do: tagSAML},
	"UntagSAMLProvider":    {takes: []parameter{samlARN, tagKeys}, on: onSAML, do: untagSAML},
	"ListSAMLProviderTags": {takes: []parameter{samlARN, marker, maxItems}, on: onSAML, do: listSAMLTags},
}

func (c *call) samlARN(name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":saml-provider/" + name
}

func newSAML(c *call) target { return target{arn: c.samlARN(c.text(samlName))} }

func onSAMLs(c *call) target { return target{arn: c.samlARN("*")} }

// onSAML is the provider that is named.
func onSAML(c *call) target {
	if p, err := c.saml(); err == nil {
		return target{p.ARN(), p.Tags}
	}
	return target{arn: c.text(samlARN)}
}

// saml is the provider that is named. One of another account is not there.
func (c *call) saml() (*directory.SAMLProvider, error) {
	p := c.Directory.SAMLProvider(c.text(samlARN))
	if p == nil || p.Account != c.Caller.Account {
		return nil, theSAML.missing(c.text(samlARN))
	}
	return p, nil
}

// changeSAML changes the provider that is named.
func (c *call) changeSAML(edit func(*directory.SAMLProviderDefinition) error) error {
	p, err := c.saml()
	if err != nil {
		return err
	}
	return theSAML.refusal(p.ARN(), c.directory.ChangeSAMLProvider(p, edit))
}

func createSAML(c *call) ([]query.Element, error) {
	want := directory.SAMLProviderDefinition{Name: c.text(samlName), MetadataDocument: c.text(samlMetadata), Tags: c.tags, AssertionEncryptionMode: c.text(encryptionMode)}
	if c.has(addPrivateKey) {
		want.PrivateKeys = []rolestore.Secret{rolestore.NewSecret(c.text(addPrivateKey))}
	}
	if err := c.directory.CreateSAMLProvider(c.Caller.Account, want, c.Now); err != nil {
		return nil, theSAML.refusal(want.Name, err)
	}
	result := []query.Element{said("SAMLProviderArn", c.samlARN(want.Name))}
	if len(c.tags) > 0 {
		result = append(result, tagsOf(c.tags))
	}
	return result, nil
}

// privateKeyID is what a private key is called by those who must not see it.
func privateKeyID(key rolestore.Secret) string {
	sum := sha256.Sum256([]byte(key.Reveal()))
	return strings.TrimRight(base32.StdEncoding.EncodeToString(sum[:]), "=")
}

func getSAML(c *call) ([]query.Element, error) {
	p, err := c.saml()
	if err != nil {
		return nil, err
	}
	result := []query.Element{said("SAMLProviderUUID", p.UniqueID), said("SAMLMetadataDocument", p.MetadataDocument), instant("CreateDate", p.Created)}
	if end := p.Verifier.Metadata.ValidUntil; !end.IsZero() {
		result = append(result, instant("ValidUntil", end))
	}
	if len(p.Tags) > 0 {
		result = append(result, tagsOf(p.Tags))
	}
	if p.AssertionEncryptionMode != "" {
		result = append(result, said("AssertionEncryptionMode", p.AssertionEncryptionMode))
	}
	keys := query.Element{Name: "PrivateKeyList", Children: []query.Element{}, List: true}
	for _, key := range p.PrivateKeys {
		keys.Children = append(keys.Children, structure("member", said("KeyId", privateKeyID(key))))
	}
	return append(result, keys), nil
}

func listSAML(c *call) ([]query.Element, error) {
	list := query.Element{Name: "SAMLProviderList", Children: []query.Element{}, List: true}
	for _, p := range c.Directory.SAMLProviders(c.Caller.Account) {
		one := []query.Element{said("Arn", p.ARN()), instant("CreateDate", p.Created)}
		if end := p.Verifier.Metadata.ValidUntil; !end.IsZero() {
			one = append(one, instant("ValidUntil", end))
		}
		list.Children = append(list.Children, query.Element{Name: "member", Children: one})
	}
	return []query.Element{list}, nil
}

// updateSAML changes what it is told to. A key that is removed makes room for one that is
// added.
func updateSAML(c *call) ([]query.Element, error) {
	err := c.changeSAML(func(d *directory.SAMLProviderDefinition) error {
		if c.has(samlMetadata) {
			d.MetadataDocument = c.text(samlMetadata)
		}
		if c.has(encryptionMode) {
			d.AssertionEncryptionMode = c.text(encryptionMode)
		}
		if c.has(removePrivateKey) {
			i := slices.IndexFunc(d.PrivateKeys, func(key rolestore.Secret) bool { return privateKeyID(key) == c.text(removePrivateKey) })
			if i < 0 {
				return noSuchEntity("Private key %s not found for arn %s", c.text(removePrivateKey), c.text(samlARN))
			}
			d.PrivateKeys = slices.Delete(d.PrivateKeys, i, i+1)
		}
		if c.has(addPrivateKey) {
			d.PrivateKeys = append(d.PrivateKeys, rolestore.NewSecret(c.text(addPrivateKey)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []query.Element{said("SAMLProviderArn", c.text(samlARN))}, nil
}

func deleteSAML(c *call) ([]query.Element, error) {
	p, err := c.saml()
	if err != nil {
		return nil, err
	}
	return nil, theSAML.refusal(p.ARN(), c.directory.DeleteSAMLProvider(p))
}

func tagSAML(c *call) ([]query.Element, error) {
	return nil, c.changeSAML(func(d *directory.SAMLProviderDefinition) (err error) {
		d.Tags, err = tagged(d.Tags, c.tags)
		return err
	})
}

func untagSAML(c *call) ([]query.Element, error) {
	return nil, c.changeSAML(func(d *directory.SAMLProviderDefinition) error {
		d.Tags = untagged(d.Tags, c.keys)
		return nil
	})
}

func listSAMLTags(c *call) ([]query.Element, error) {
	p, err := c.saml()
	if err != nil {
		return nil, err
	}
	return tagPage(c, p.Tags)
}
