package policy

import (
	"encoding/json"
	"strings"
)

// condition is one key under one operator
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
type condition struct {
	key      string    // in lower case
	matchers []matcher // one for each value, of which one must match
	null     bool      // they ask whether the key is missing
	negated  bool      // none of them may match
	ifExists bool      // holds when the key is missing
}

// verdict is the outcome of a condition or a matcher, in the order of a conjunction:
// the least of several is that of all together.
type verdict int

const (
	no verdict = iota
	unreadable
	yes
)

// matcher judges one value of the request.
type matcher func(value string) verdict

// conditions compiles a Condition element; all of them must hold.
func (p parser) conditions(where string, value any) ([]condition, error) {
	operators, ok := value.(object)
	if !ok {
		return nil, errorAt(where, "Syntax errors in policy: Condition must be an object.")
	}
	var all []condition
	for _, m := range operators {
		where := where + "." + m.name
		op, ifExists, ok := findOperator(m.name)
		if !ok {
			return nil, errorAt(where, "Invalid Condition type : %s.", m.name)
		}
		keys, ok := m.value.(object)
		if !ok {
			return nil, errorAt(where, "Syntax errors in policy: an operator must be an object of keys.")
		}
		for _, key := range keys {
			c := condition{key: strings.ToLower(key.name), null: op.null, negated: op.negated, ifExists: ifExists}
			if !strings.Contains(c.key, ":") {
				return nil, errorAt(where, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q.", key.name)
			}
			var err error
			if c.matchers, err = p.matchers(where+"."+key.name, op, key.value); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (p parser) matchers(where string, op operator, value any) ([]matcher, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) == 0 {
		return nil, errorAt(where, "A condition must have a value.")
	}
	matchers := make([]matcher, len(list))
	for i, value := range list {
		text, ok := scalar(value)
		if !ok {
			return nil, errorAt(where, "A condition's value must be a string, a number or a Boolean.")
		}
		if err := p.checkVariables(where, text); err != nil {
			return nil, err
		}
		if matchers[i] = op.compile(text); matchers[i] == nil {
			return nil, errorAt(where, "Invalid value for this operator: %q. Want %s.", text, op.want)
		}
	}
	return matchers, nil
}

// scalar returns a value as text: IAM lets numbers and Booleans go unquoted.
func scalar(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// holds judges the condition against the request's context.
func (c *condition) holds(context map[string][]string) verdict {
	values := context[c.key]
	missing := len(values) == 0
	switch {
	case c.null && missing:
		values = []string{"true"}
	case c.null:
		values = []string{"false"}
	case missing && (c.negated || c.ifExists):
		return yes
	case missing:
		return no
	}
	matched := no
	for _, value := range values {
		for _, match := range c.matchers {
			matched = max(matched, match(value))
		}
	}
	if c.negated {
		return yes - matched
	}
	return matched
}
