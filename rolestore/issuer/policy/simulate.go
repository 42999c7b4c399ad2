package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
)

// Simulation is what would come of a request, and all that had a say in it.
type Simulation struct {
	Decision
	// Applied are the statements that apply: those that deny if one does, else those that
	// allow.
	Applied []Match
	// Wanted are the condition keys that statements about the action and the resource ask
	// for and that the request lacks.
	Wanted []string
	// Bounded is whether the permissions boundary allows the request, whatever other
	// policies say; false without one.
	Bounded bool
	// Effort is what it cost, in the unit of the bound on one evaluation's.
	Effort int
}

// Simulate decides as [Evaluate] does, and gathers more on the way.
func Simulate(r Request, p Policies) Simulation {
	given := r.Context
	r.Context = given.evaluated()
	q := &asked{&r, strings.ToLower(r.Action)}
	s := Simulation{Decision: q.decide(p)}
	s.Effort = r.Context.effort
	if s.Effect == ExplicitDeny && len(s.Statements) == 0 {
		return s // of what was not looked at nothing can be said
	}
	r.Context = given.evaluated() // for what explains, so that it cannot change the decision
	for m := range p.statements {
		if m.Index == 0 {
			s.Effort += len(m.Policy.Document.text) // what goes through it all may have to
		}
		s.Wanted = append(s.Wanted, q.wanted(m)...)
		one := &m.Policy.Document.statements[m.Index]
		if applies, _ := one.applies(q); !applies || one.deny != (s.Effect == ExplicitDeny) || !one.deny && m.Policy.misplaced(m.Type) {
			continue
		}
		s.Applied = append(s.Applied, m)
	}
	boundary := q.limit(PermissionsBoundary, p.Boundary)
	s.Bounded = boundary.allowed
	s.Wanted = unique(s.Wanted)
	s.Effort += r.Context.effort
	return s
}

// wanted returns the keys that a statement about the action and the resource asks for and
// the request lacks, whatever it makes of that.
func (r *asked) wanted(m Match) (names []string) {
	s := &m.Policy.Document.statements[m.Index]
	if matchAny(s.actions, r.action) == s.text.NotAction || s.principals != nil && s.concerns(&r.Principal) == nobody {
		return nil
	}
	for i := range s.resources {
		if t := &s.resources[i]; t.parts != nil && t.wouldMatch(r.Resource, r.Context) {
			names = unresolved(names, t.parts, r.Context)
		}
	}
	if s.resources != nil && len(names) == 0 && !s.covers(r) {
		return nil
	}
	for i := range s.conditions {
		names = s.conditions[i].absent(names, r.Context)
	}
	return names
}

// Keys returns the condition keys that the document asks for, in conditions and as
// variables, as it spells them.
func (d *Document) Keys() []string {
	var names []string
	for i := range d.statements {
		s := &d.statements[i]
		for j := range s.resources {
			names = unresolved(names, s.resources[j].parts, nil)
			names = defaulted(names, s.resources[j].parts)
		}
		for j := range s.conditions {
			c := &s.conditions[j]
			names = append(names, c.text.Key)
			for k := range c.matchers {
				names = unresolved(names, c.matchers[k].variables, nil)
				names = defaulted(names, c.matchers[k].variables)
			}
		}
	}
	return unique(names)
}

// Keys returns the condition keys that the policies ask for.
func (s Set) Keys() []string {
	var names []string
	for _, p := range s {
		names = append(names, p.Document.Keys()...)
	}
	return unique(names)
}

// defaulted appends the names of the variables that have a default.
func defaulted(names []string, parts []part) []string {
	for _, q := range parts {
		if q.name != "" && q.fallback {
			names = append(names, q.name)
		}
	}
	return names
}

// Readable reports whether operators for the type can read a value: string, numeric,
// boolean, ip, binary or date.
func Readable(kind, value string) bool {
	ok := true
	switch kind {
	case "numeric":
		_, ok = parseNumber(value)
	case "boolean":
		_, ok = parseBool(value)
	case "ip":
		address, err := netip.ParseAddr(value)
		ok = err == nil && address.Zone() == ""
	case "date":
		_, ok = parseDate(value)
	case "binary":
		_, err := base64.StdEncoding.DecodeString(value)
		ok = err == nil
	}
	return ok && len(value) <= maxText
}
