package policy

import (
	"slices"
	"strings"
)

// Finding is what one statement has to say about a request.
type Finding struct {
	Match
	// Applies is whether the statement applies.
	Applies bool
	// Element is the first that keeps it from applying, as it was written:
	// NotAction, say; empty if it applies.
	Element string
	// Conditions are those that do not hold.
	Conditions []Condition
	// Missing are the keys that these ask for, or that the Resource has variables
	// of, and that the request lacks.
	Missing []string
}

// Explain says of every statement whether it applies to the request, in the order
// of the types and, within each, of the policies. It agrees with [Evaluate], which
// does without the explanation.
func Explain(r Request, p Policies) []Finding {
	r.Context = r.Context.evaluated()
	q := &asked{&r, strings.ToLower(r.Action)}
	var findings []Finding
	for m := range p.statements {
		f := Finding{Match: m}
		f.Element, f.Conditions, f.Missing = q.explain(m)
		f.Applies = f.Element == ""
		f.Missing = unique(f.Missing)
		findings = append(findings, f)
	}
	return findings
}

// statements yields all of them.
func (p *Policies) statements(yield func(Match) bool) {
	sets := [...]Set{IdentityBased: p.Identity, SessionBased: nil}
	if p.Resource != nil {
		sets[ResourceBased] = Set{*p.Resource}
	}
	if p.Boundary != nil {
		sets[PermissionsBoundary] = *p.Boundary
	}
	if p.Session != nil {
		sets[SessionBased] = *p.Session
	}
	for t, set := range sets {
		for _, policy := range set {
			for i := range policy.Document.statements {
				if !yield(Match{Type(t), policy, i}) {
					return
				}
			}
		}
	}
}

// explain returns the first element that keeps a statement from applying, and what
// is missing there.
func (r *asked) explain(m Match) (element string, failed []Condition, missing []string) {
	s := &m.Policy.Document.statements[m.Index]
	not := func(negated bool, element string) string {
		if negated {
			return "Not" + element
		}
		return element
	}
	switch {
	case !s.deny && m.Policy.misplaced(m.Type):
		return "Principal", nil, nil
	case matchAny(s.actions, r.action) == s.text.NotAction:
		return not(s.text.NotAction, "Action"), nil, nil
	case s.principals != nil && s.concerns(&r.Principal) == nobody:
		return not(s.text.NotPrincipal, "Principal"), nil, nil
	case s.resources != nil && !s.covers(r):
		for i := range s.resources {
			if t := &s.resources[i]; t.parts != nil && t.wouldMatch(r.Resource, r.Context) {
				missing = unresolved(missing, t.parts, r.Context)
			}
		}
		return not(s.text.NotResource, "Resource"), nil, missing
	case s.held(r.Context):
		return "", nil, nil
	}
	for i := range s.conditions {
		if c := &s.conditions[i]; c.holds(r.Context) != yes {
			failed = append(failed, c.text)
			missing = c.absent(missing, r.Context)
		}
	}
	return "Condition", failed, missing
}

// lackedFor returns the keys whose absence kept an Allow of one of the types from
// applying.
func (r *asked) lackedFor(types []Type, p Policies) []string {
	var names []string
	for m := range p.statements {
		if slices.Contains(types, m.Type) && !m.Policy.Document.statements[m.Index].deny {
			_, _, missing := r.explain(m)
			names = append(names, missing...)
		}
	}
	return unique(names)
}

// lackedBy returns the keys that a Deny which applies asks for and the request
// lacks.
func (r *asked) lackedBy(m Match) []string {
	var names []string
	s := &m.Policy.Document.statements[m.Index]
	for i := range s.conditions {
		names = s.conditions[i].absent(names, r.Context)
	}
	return unique(names)
}

// unique sorts names and leaves one of those that differ in case alone.
func unique(names []string) []string {
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(Fold(a), Fold(b)) })
	return slices.CompactFunc(names, func(a, b string) bool { return Fold(a) == Fold(b) })
}
