package iam

import (
	"slices"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

var entityFilter = parameter{name: "EntityFilter", max: 64, values: []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}}

// entityLists are the kinds of entities, as the reply calls them and their lists.
var entityLists = []struct{ kind, noun, list string }{
	{directory.KindGroup, "Group", "PolicyGroups"}, {directory.KindUser, "User", "PolicyUsers"}, {directory.KindRole, "Role", "PolicyRoles"},
}

// listEntitiesForPolicy lists who of the caller's account has a policy: one list for each
// kind, of which a page is a part of all.
func listEntitiesForPolicy(c *call) ([]query.Element, error) {
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(c.Directory.Entities(c.Caller.Account, p.ARN()), func(e directory.Entity) bool {
		uses, filter := c.text(policyUsage), c.text(entityFilter)
		return !strings.HasPrefix(e.Path, c.prefix()) || filter != "" && !strings.EqualFold(filter, e.Kind) ||
			uses == usedAsPolicy && !e.Attached || uses == usedAsBoundary && !e.Boundary
	})
	shown := map[string][]query.Element{}
	result, err := page(c, "", all, func(e directory.Entity) string { return e.Kind + "/" + e.Name }, func(e directory.Entity) query.Element {
		for _, l := range entityLists {
			if l.kind == e.Kind {
				shown[l.list] = append(shown[l.list], structure("member", said(l.noun+"Name", e.Name), said(l.noun+"Id", e.UniqueID)))
			}
		}
		return query.Element{}
	})
	if err != nil {
		return nil, err
	}
	var lists []query.Element
	for _, l := range entityLists {
		lists = append(lists, query.Element{Name: l.list, Children: append([]query.Element{}, shown[l.list]...), List: true})
	}
	return append(lists, slices.Delete(result, 1, 2)...), nil // without the list of all
}
