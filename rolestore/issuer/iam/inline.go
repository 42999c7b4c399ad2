package iam

import (
	"maps"
	"slices"

	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// noInline is the refusal of an inline policy that there is not.
func (c *call) noInline(of noun) *query.Error {
	return noSuchEntity("The %s policy with name %s cannot be found.", of.name, c.text(policyName))
}

// showInline answers one of somebody's inline policies.
func showInline(c *call, of noun, owner string, policies map[string][]byte) ([]query.Element, error) {
	text, ok := policies[c.text(policyName)]
	if !ok {
		return nil, c.noInline(of)
	}
	return []query.Element{said(of.member, owner), said("PolicyName", c.text(policyName)), document("PolicyDocument", string(text))}, nil
}

// deleteInline deletes one of somebody's inline policies.
func deleteInline(c *call, of noun, policies map[string][]byte) error {
	if _, ok := policies[c.text(policyName)]; !ok {
		return c.noInline(of)
	}
	delete(policies, c.text(policyName))
	return nil
}

// inlinePage lists the names of inline policies.
func inlinePage(c *call, policies map[string][]byte) ([]query.Element, error) {
	return page(c, "PolicyNames", slices.Sorted(maps.Keys(policies)), func(name string) string { return name },
		func(name string) query.Element { return query.Element{Text: name} })
}
