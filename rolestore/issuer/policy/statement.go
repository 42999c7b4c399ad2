package policy

import "regexp"

// statement is one compiled statement. A Not element is its element, negated.
type statement struct {
	text Statement // as it was written
	deny bool

	principals *principals // nil in identity policies
	actions    []pattern   // of lower-case letters
	resources  []template  // nil in trust policies
	conditions []condition
}

// Statement is a statement as it was written, for those who explain a decision.
type Statement struct {
	// Sid is empty when the statement has none.
	Sid string
	// Effect is Allow or Deny.
	Effect string
	// Principals are without their types, such as AWS; none in identity policies.
	// NotPrincipal says that the element was that.
	Principals   []string
	NotPrincipal bool
	Actions      []string
	NotAction    bool
	// Resources are none in trust policies.
	Resources   []string
	NotResource bool
	Conditions  []Condition
}

// Condition is one key under one operator, as it was written.
type Condition struct {
	Operator, Key string
	Values        []string
}

// Statement returns the statement with that index, or the zero Statement.
func (d *Document) Statement(index int) Statement {
	if index < 0 || index >= len(d.statements) {
		return Statement{}
	}
	return d.statements[index].text
}

var sid = regexp.MustCompile(`^[0-9A-Za-z]*$`)

func (p parser) statement(where string, value any) (s statement, err error) {
	members, ok := value.(object)
	if !ok {
		return s, explained(where, syntaxErrors, "A statement must be an object.")
	}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.name] = true
		if err := p.element(&s, where+"."+m.name, m); err != nil {
			return s, err
		}
	}
	principal, resource := seen["Principal"] || seen["NotPrincipal"], seen["Resource"] || seen["NotResource"]
	switch {
	case !seen["Effect"]:
		return s, explained(where, syntaxErrors, "Missing required field Effect.")
	case seen["Action"] && seen["NotAction"], seen["Principal"] && seen["NotPrincipal"], seen["Resource"] && seen["NotResource"]:
		return s, explained(where, syntaxErrors, "An element and its negation exclude each other.")
	case len(s.actions) == 0:
		return s, explained(where, "Policy statement must contain actions.", "Want Action or NotAction.")
	case p.kind != Identity && !principal:
		return s, explained(where, "Missing required field Principal", "or NotPrincipal.")
	case p.kind != Trust && !resource:
		return s, explained(where, "Policy statement must contain resources.", "Want Resource or NotResource.")
	}
	return s, nil
}

// element compiles one member of a statement into s.
func (p parser) element(s *statement, where string, m member) (err error) {
	switch m.name {
	case "Sid":
		label, ok := m.value.(string)
		if !ok || !sid.MatchString(label) {
			return errorAt(where, "Statement IDs (SID) must be alpha-numeric. "+
				"Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
		s.text.Sid = label
	case "Effect":
		s.deny = m.value == "Deny"
		if m.value != "Allow" && m.value != "Deny" {
			return explained(where, syntaxErrors, "Invalid effect: %v. Want Allow or Deny.", m.value)
		}
		s.text.Effect, _ = m.value.(string)
	case "Principal", "NotPrincipal":
		if p.kind == Identity {
			return errorAt(where, "Policy document should not specify a principal.")
		}
		s.text.NotPrincipal = m.name == "NotPrincipal"
		s.principals, s.text.Principals, err = parsePrincipals(where, m.value)
	case "Action", "NotAction":
		s.text.NotAction = m.name == "NotAction"
		s.actions, s.text.Actions, err = p.actions(where, m.value)
	case "Resource", "NotResource":
		if p.kind == Trust {
			return errorAt(where, "Has prohibited field %s", m.name)
		}
		s.text.NotResource = m.name == "NotResource"
		s.resources, s.text.Resources, err = p.resources(where, m.value)
	case "Condition":
		s.conditions, s.text.Conditions, err = p.conditions(where, m.value)
	default:
		return explained(where, syntaxErrors, "Unknown element %q.", m.name)
	}
	return err
}
