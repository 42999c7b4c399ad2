package iam

import (
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var (
	theOIDC = noun{"OIDC provider", "OpenIDConnectProviderArn", "OpenIDConnect Provider not found for arn %s", "Provider with url %s already exists."}

	oidcURL     = parameter{name: "Url", required: true, min: 1, max: 255}
	oidcARN     = parameter{name: "OpenIDConnectProviderArn", required: true, min: 20, max: 2048}
	clientID    = parameter{name: "ClientID", required: true, min: 1, max: 255}
	clientIDs   = parameter{name: "ClientIDList", kind: textList, min: 1, max: 255}
	thumbprints = parameter{name: "ThumbprintList", kind: textList, min: 40, max: 40}
)

// oidcOperations are those of OpenID Connect providers
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
//
// AWS asks the provider's server for its certificate when it is made without thumbprints.
// This core asks nothing before a token comes: its server is then verified by the public
// authorities, and by thumbprints only where these are given.
var oidcOperations = table{
	"CreateOpenIDConnectProvider":             {takes: []parameter{oidcURL, clientIDs, thumbprints, tags}, on: newOIDC, tagging: "iam:TagOpenIDConnectProvider", do: createOIDC},
	"GetOpenIDConnectProvider":                {takes: []parameter{oidcARN}, on: onOIDC, do: getOIDC},
	"ListOpenIDConnectProviders":              {on: onOIDCs, do: listOIDC},
	"DeleteOpenIDConnectProvider":             {takes: []parameter{oidcARN}, on: onOIDC, do: deleteOIDC},
	"AddClientIDToOpenIDConnectProvider":      {takes: []parameter{oidcARN, clientID}, on: onOIDC, do: addClientID},
	"RemoveClientIDFromOpenIDConnectProvider": {takes: []parameter{oidcARN, clientID}, on: onOIDC, do: removeClientID},
	"UpdateOpenIDConnectProviderThumbprint":   {takes: []parameter{oidcARN, thumbprints.needed()}, on: onOIDC, do: updateThumbprint},
	"TagOpenIDConnectProvider":                {takes: []parameter{oidcARN, tags.needed()}, on: onOIDC, do: tagOIDC},
	"UntagOpenIDConnectProvider":              {takes: []parameter{oidcARN, tagKeys}, on: onOIDC, do: untagOIDC},
	"ListOpenIDConnectProviderTags":           {takes: []parameter{oidcARN, marker, maxItems}, on: onOIDC, do: listOIDCTags},
}

// providerName is what a provider is known by: its URL without the scheme.
func providerName(issuer string) string { return strings.TrimPrefix(issuer, "https://") }

func (c *call) oidcARN(name string) string {
	return "arn:" + directory.Partition + ":iam::" + c.Caller.Account + ":oidc-provider/" + name
}

func newOIDC(c *call) target { return target{arn: c.oidcARN(providerName(c.text(oidcURL)))} }

func onOIDCs(c *call) target { return target{arn: c.oidcARN("*")} }

// onOIDC is the provider that is named.
func onOIDC(c *call) target {
	if p, err := c.oidc(); err == nil {
		return target{p.ARN(), p.Tags}
	}
	return target{arn: c.text(oidcARN)}
}

// oidc is the provider that is named. One of another account is not there.
func (c *call) oidc() (*directory.OIDCProvider, error) {
	p := c.Directory.OIDCProviderByARN(c.text(oidcARN))
	if p == nil || p.Account != c.Caller.Account {
		return nil, theOIDC.missing(c.text(oidcARN))
	}
	return p, nil
}

// changeOIDC changes the provider that is named.
func (c *call) changeOIDC(edit func(*directory.OIDCProviderDefinition) error) error {
	p, err := c.oidc()
	if err != nil {
		return err
	}
	return theOIDC.refusal(p.ARN(), c.directory.ChangeOIDCProvider(p, edit))
}

func createOIDC(c *call) ([]query.Element, error) {
	want := directory.OIDCProviderDefinition{URL: c.text(oidcURL), Tags: c.tags, Thumbprints: c.list(thumbprints)}
	for _, id := range c.list(clientIDs) {
		if !slices.Contains(want.ClientIDs, id) {
			want.ClientIDs = append(want.ClientIDs, id)
		}
	}
	if err := c.directory.CreateOIDCProvider(c.Caller.Account, want, c.Now); err != nil {
		return nil, theOIDC.refusal(want.URL, err)
	}
	result := []query.Element{said("OpenIDConnectProviderArn", c.oidcARN(providerName(want.URL)))}
	if len(c.tags) > 0 {
		result = append(result, tagsOf(c.tags))
	}
	return result, nil
}

// getOIDC shows a provider; its URL is without a scheme, as AWS's is.
func getOIDC(c *call) ([]query.Element, error) {
	p, err := c.oidc()
	if err != nil {
		return nil, err
	}
	result := []query.Element{said("Url", providerName(p.URL)), textsOf("ClientIDList", p.ClientIDs), textsOf("ThumbprintList", p.Thumbprints), instant("CreateDate", p.Created)}
	if len(p.Tags) > 0 {
		result = append(result, tagsOf(p.Tags))
	}
	return result, nil
}

func listOIDC(c *call) ([]query.Element, error) {
	list := query.Element{Name: "OpenIDConnectProviderList", Children: []query.Element{}, List: true}
	for _, p := range c.Directory.OIDCProviders(c.Caller.Account) {
		list.Children = append(list.Children, structure("member", said("Arn", p.ARN())))
	}
	return []query.Element{list}, nil
}

// deleteOIDC deletes a provider; one that there is not is no error.
func deleteOIDC(c *call) ([]query.Element, error) {
	p, err := c.oidc()
	if err != nil {
		return nil, nil //nolint:nilerr // AWS's own: "This operation is idempotent"
	}
	return nil, theOIDC.refusal(p.ARN(), c.directory.DeleteOIDCProvider(p))
}

func addClientID(c *call) ([]query.Element, error) {
	return nil, c.changeOIDC(func(d *directory.OIDCProviderDefinition) error {
		if !slices.Contains(d.ClientIDs, c.text(clientID)) {
			d.ClientIDs = append(d.ClientIDs, c.text(clientID))
		}
		return nil
	})
}

func removeClientID(c *call) ([]query.Element, error) {
	return nil, c.changeOIDC(func(d *directory.OIDCProviderDefinition) error {
		d.ClientIDs = slices.DeleteFunc(d.ClientIDs, func(id string) bool { return id == c.text(clientID) })
		return nil
	})
}

// updateThumbprint replaces the whole list.
func updateThumbprint(c *call) ([]query.Element, error) {
	return nil, c.changeOIDC(func(d *directory.OIDCProviderDefinition) error {
		d.Thumbprints = c.list(thumbprints)
		return nil
	})
}

func tagOIDC(c *call) ([]query.Element, error) {
	return nil, c.changeOIDC(func(d *directory.OIDCProviderDefinition) (err error) {
		d.Tags, err = tagged(d.Tags, c.tags)
		return err
	})
}

func untagOIDC(c *call) ([]query.Element, error) {
	return nil, c.changeOIDC(func(d *directory.OIDCProviderDefinition) error {
		d.Tags = untagged(d.Tags, c.keys)
		return nil
	})
}

func listOIDCTags(c *call) ([]query.Element, error) {
	p, err := c.oidc()
	if err != nil {
		return nil, err
	}
	return tagPage(c, p.Tags)
}
