package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// condition is one key under one operator
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
type condition struct {
	text     Condition
	key      string // folded
	op       operator
	matchers []matcher // one for each value, of which one must match
}

// verdict is the outcome of a condition or a matcher, in the order of a conjunction:
// the least of several is that of all together.
type verdict int

const (
	no verdict = iota
	unreadable
	yes
)

func verdictOf(matched bool) verdict {
	if matched {
		return yes
	}
	return no
}

// conditions compiles a Condition element; all of them must hold.
func (p parser) conditions(where string, value any) ([]condition, []Condition, error) {
	operators, ok := value.(object)
	if !ok {
		return nil, nil, explained(where, syntaxErrors, "Condition must be an object.")
	}
	var all []condition
	var texts []Condition
	for _, m := range operators {
		where := where + "." + m.name
		op, ok := findOperator(m.name)
		if !ok {
			return nil, nil, explained(where, syntaxErrors, "Invalid Condition type : %s.", m.name)
		}
		keys, ok := m.value.(object)
		if !ok {
			return nil, nil, explained(where, syntaxErrors, "An operator must be an object of keys.")
		}
		seen := map[string]bool{}
		for _, key := range keys {
			c, err := p.condition(where+"."+key.name, op, key)
			if err != nil {
				return nil, nil, err
			}
			if seen[c.key] {
				return nil, nil, explained(where, syntaxErrors, "Two keys differ in case alone: %q.", key.name)
			}
			seen[c.key] = true
			c.text.Operator = m.name
			all, texts = append(all, c), append(texts, c.text)
		}
	}
	return all, texts, nil
}

func (p parser) condition(where string, op operator, key member) (c condition, err error) {
	c = condition{op: op, key: Fold(key.name), text: Condition{Key: key.name}}
	if !strings.Contains(key.name, ":") {
		return c, explained(where, noVendor, "This one is not: %q.", key.name)
	}
	list := listOf(key.value)
	if len(list) == 0 {
		return c, explained(where, syntaxErrors, "A condition must have a value.")
	}
	for _, value := range list {
		text, ok := scalar(value)
		if !ok {
			return c, explained(where, syntaxErrors, "A condition's value must be a string, a number or a Boolean.")
		}
		m, err := op.compile(p, where, text)
		if err != nil {
			return c, err
		}
		if m.match == nil {
			return c, explained(where, legacyParsing, "Invalid value for this operator: %q. Want %s.", text, op.want)
		}
		c.text.Values = append(c.text.Values, text)
		c.matchers = append(c.matchers, m)
	}
	return c, nil
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
func (c *condition) holds(context *Context) verdict {
	values := context.values(c.key)
	if c.op.null {
		return c.judge(strconv.FormatBool(len(values) == 0), context)
	}
	// Without a qualifier one of several values must match, or, where the operator
	// is negated, none.
	conjunction := c.op.set == forAllValues || c.op.set == noSet && c.op.negated
	if len(values) == 0 || c.op.set != noSet && empty(values) {
		return verdictOf(c.op.ifExists || conjunction)
	}
	held := verdictOf(conjunction)
	for _, value := range values {
		v := c.judge(value, context)
		if conjunction {
			held = min(held, v)
		} else {
			held = max(held, v)
		}
	}
	return held
}

// judge judges one value of the request.
func (c *condition) judge(value string, context *Context) verdict {
	if len(value) > maxText {
		return unreadable
	}
	matched := no
	for i := range c.matchers {
		matched = max(matched, c.matchers[i].match(value, context))
	}
	if c.op.negated {
		return yes - matched
	}
	return matched
}

// empty reports whether the values are a null data set, as AWS calls it, which a
// list of empty texts is too
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
func empty(values []string) bool {
	return !slices.ContainsFunc(values, func(s string) bool { return s != "" })
}

// absent appends the names of the keys that the condition asks for, as key or as
// variable, and that the request lacks.
func (c *condition) absent(names []string, context *Context) []string {
	if len(context.values(c.key)) == 0 {
		names = append(names, c.text.Key)
	}
	for i := range c.matchers {
		names = unresolved(names, c.matchers[i].variables, context)
	}
	return names
}
