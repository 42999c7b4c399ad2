package policy

import (
	"regexp"
	"strings"
)

// statement is one compiled statement. A Not element is its element, negated.
type statement struct {
	label string // the Sid, else the place
	deny  bool

	principals   *principals // nil in identity policies
	notPrincipal bool
	actions      []pattern // of lower-case letters
	notAction    bool
	resources    []pattern // nil in trust policies
	notResource  bool
	conditions   []condition
}

var (
	sid = regexp.MustCompile(`^[0-9A-Za-z]*$`)

	// action is service:Name; the service alone takes no wildcard, but *:* does
	// occur.
	action = regexp.MustCompile(`^(\*|([0-9A-Za-z-]+|\*):[0-9A-Za-z*?_-]+)$`)

	// resource has the six fields of an ARN, or is everything.
	resource = regexp.MustCompile(`^(\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+)$`)
)

func (p parser) statement(where string, value any) (s statement, err error) {
	members, ok := value.(object)
	if !ok {
		return s, errorAt(where, "Syntax errors in policy: a statement must be an object.")
	}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.name] = true
		if err := p.element(&s, where+"."+m.name, m); err != nil {
			return s, err
		}
	}
	switch {
	case !seen["Effect"]:
		return s, errorAt(where, "Missing required field Effect")
	case seen["Action"] == seen["NotAction"]:
		return s, errorAt(where, "Policy statement must contain actions: want one of Action and NotAction.")
	case p.kind == Trust && seen["Principal"] == seen["NotPrincipal"]:
		return s, errorAt(where, "Missing required field Principal: want one of Principal and NotPrincipal.")
	case p.kind == Identity && seen["Resource"] == seen["NotResource"]:
		return s, errorAt(where, "Policy statement must contain resources: want one of Resource and NotResource.")
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
		s.label = label
	case "Effect":
		s.deny = m.value == "Deny"
		if m.value != "Allow" && m.value != "Deny" {
			return errorAt(where, "Invalid effect: %v. Want Allow or Deny.", m.value)
		}
	case "Principal", "NotPrincipal":
		if p.kind != Trust {
			return errorAt(where, "Policy document should not specify a principal.")
		}
		s.notPrincipal = m.name == "NotPrincipal"
		s.principals, err = parsePrincipals(where, m.value)
	case "Action", "NotAction":
		s.notAction = m.name == "NotAction"
		s.actions, err = p.actions(where, m.value)
	case "Resource", "NotResource":
		if p.kind != Identity {
			return errorAt(where, "Has prohibited field %s", m.name)
		}
		s.notResource = m.name == "NotResource"
		s.resources, err = p.resources(where, m.value)
	case "Condition":
		s.conditions, err = p.conditions(where, m.value)
	default:
		return errorAt(where, "Syntax errors in policy: unknown element %q.", m.name)
	}
	return err
}

func (p parser) actions(where string, value any) ([]pattern, error) {
	list, ok := stringList(value)
	if !ok || len(list) == 0 {
		return nil, errorAt(where, "Policy statement must contain actions: want a string or a list of strings.")
	}
	patterns := make([]pattern, len(list))
	for i, text := range list {
		if !action.MatchString(text) {
			return nil, errorAt(where, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q.", text)
		}
		text = strings.ToLower(text)
		if p.kind == Trust && !strings.HasPrefix(text, "sts:") {
			return nil, errorAt(where, "AssumeRole policy may only specify STS AssumeRole actions: %q.", text)
		}
		patterns[i] = compilePattern(text)
	}
	return patterns, nil
}

func (p parser) resources(where string, value any) ([]pattern, error) {
	list, ok := stringList(value)
	if !ok || len(list) == 0 {
		return nil, errorAt(where, "Policy statement must contain resources: want a string or a list of strings.")
	}
	patterns := make([]pattern, len(list))
	for i, text := range list {
		if err := p.checkVariables(where, text); err != nil {
			return nil, err
		}
		if !resource.MatchString(text) {
			return nil, errorAt(where, "Resource %s must be in ARN format or \"*\".", text)
		}
		patterns[i] = compilePattern(text)
	}
	return patterns, nil
}

// checkVariables refuses a policy variable, as none is known yet
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func (p parser) checkVariables(where, text string) error {
	if p.variables && strings.Contains(text, "${") {
		return errorAt(where, "Policy variables are not supported: %q.", text)
	}
	return nil
}
