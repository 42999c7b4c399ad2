package iam

import (
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

const (
	// pageEffort bounds the evaluation that goes into a page, in the unit of the effort of
	// one: about a tenth of a second. What is left is for the next page.
	pageEffort = 32 << 20

	// shownEffort is what it costs to show a statement that applies.
	shownEffort = 4096
)

// page simulates from the caller's marker on: each action on each resource.
func (s *simulation) page() ([]query.Element, error) {
	actions, resources := s.list(actionNames), s.list(resourceARNs)
	given := len(resources) > 0
	if !given {
		resources = []string{"*"}
	}
	at, all := 0, len(actions)*len(resources)
	if s.has(marker) {
		after, ok := readMarker(s.Action, s.text(marker))
		n, err := strconv.Atoi(after)
		if !ok || err != nil || n < 0 || n > all {
			return nil, query.Validation("Invalid Marker.")
		}
		at = n
	}
	results, effort := query.Element{Name: "EvaluationResults", Children: []query.Element{}, List: true}, 0
	end := min(all, at+s.number(maxItems, usualItems))
	for ; at < end && effort < pageEffort; at++ {
		r, p := s.request(actions[at/len(resources)], resources[at%len(resources)])
		outcome := policy.Simulate(r, p)
		effort += outcome.Effort + shownEffort*len(outcome.Applied)
		results.Children = append(results.Children, s.result(r, p, outcome, given))
	}
	result := []query.Element{truthOf("IsTruncated", at < all), results}
	if at < all {
		result = append(result, said("Marker", newMarker(s.Action, strconv.Itoa(at))))
	}
	return result, nil
}

// decisions are AWS's words.
var decisions = map[policy.Effect]string{policy.Allow: "allowed", policy.ExplicitDeny: "explicitDeny", policy.ImplicitDeny: "implicitDeny"}

// result shows what comes of one request. What is missing is said of a resource where the
// caller named it.
func (s *simulation) result(r policy.Request, p policy.Policies, o policy.Simulation, given bool) query.Element {
	matched := s.matched(o.Applied)
	wanted, none := textsOf("MissingContextValues", o.Wanted), textsOf("MissingContextValues", nil)
	var boundary []query.Element
	if p.Boundary != nil {
		boundary = []query.Element{structure("PermissionsBoundaryDecisionDetail", truthOf("AllowedByPermissionsBoundary", o.Bounded))}
	}
	shown := []query.Element{said("EvalActionName", r.Action), said("EvalResourceName", r.Resource), said("EvalDecision", decisions[o.Effect]), matched}
	if !given || r.Resource == "*" {
		return query.Element{Name: "member", Children: append(append(shown, wanted), boundary...)}
	}
	specific := append([]query.Element{said("EvalResourceName", r.Resource), said("EvalResourceDecision", decisions[o.Effect]), matched, wanted}, boundary...)
	list := query.Element{Name: "ResourceSpecificResults", Children: []query.Element{{Name: "member", Children: specific}}, List: true}
	return query.Element{Name: "member", Children: append(append(append(shown, none), boundary...), list)}
}

// matched shows the statements that apply.
func (s *simulation) matched(all []policy.Match) query.Element {
	list := query.Element{Name: "MatchedStatements", Children: []query.Element{}, List: true}
	for _, m := range all {
		one := []query.Element{said("SourcePolicyId", nameOf(m.Policy.Name)), said("SourcePolicyType", s.source(m))}
		if span, ok := s.span(m); ok {
			one = append(one, place("StartPosition", span.Start), place("EndPosition", span.End))
		}
		list.Children = append(list.Children, query.Element{Name: "member", Children: one})
	}
	return list
}

// source says what a policy is one of.
func (s *simulation) source(m policy.Match) string {
	switch {
	case m.Type == policy.ResourceBased:
		return "resource"
	case s.inputs[m.Policy.Document]:
		return "none"
	case strings.HasPrefix(m.Policy.Name, "arn:") && strings.Contains(m.Policy.Name, ":iam::aws:"):
		return "aws-managed"
	case strings.HasPrefix(m.Policy.Name, "arn:"):
		return "user-managed"
	case s.role != nil:
		return "role"
	case s.groups[m.Policy.Document]:
		return "group"
	}
	return "user"
}

// span is where a statement is. A trust policy that is kept with unique ids is another
// text than the one that was written.
func (s *simulation) span(m policy.Match) (policy.Span, bool) {
	if m.Policy.Name == trustDocument.name && m.Type == policy.ResourceBased {
		return policy.Span{}, false
	}
	spans, ok := s.spans[m.Policy.Document]
	if !ok {
		spans = m.Policy.Document.Spans()
		s.spans[m.Policy.Document] = spans
	}
	if m.Index >= len(spans) {
		return policy.Span{}, false
	}
	return spans[m.Index], true
}

func place(name string, p policy.Position) query.Element {
	return structure(name, query.Number("Line", p.Line), query.Number("Column", p.Column))
}
