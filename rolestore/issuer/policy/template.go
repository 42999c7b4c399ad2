package policy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText bounds a text that variables were put into, and a value that a condition
// looks at, in bytes: as much as a header of a request may hold. So no document
// makes much work of little.
const maxText = 8192

// template is a text of a policy, with or without wildcards, that may hold policy
// variables
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
type template struct {
	parts []part  // nil without variables
	fixed pattern // the compiled text without variables
}

// part is a piece of a template: text, or a variable.
type part struct {
	text     string // that of a pattern; of a variable, its default
	name     string // the variable's key as it was written; empty for text
	key      string // the same, folded
	fallback bool   // the variable has a default
}

// variable is the inside of ${...}: a key, and perhaps a comma and a default in
// quotes.
var variable = regexp.MustCompile(`^([^,'{}$*?]+:[^,'{}$*?]+)(?:, *'([^']*)')?$`)

// template compiles text; wild says that * and ? are wildcards in it.
func (p parser) template(where, text string, wild bool) (template, error) {
	parts, err := p.parts(where, text, wild)
	if err != nil {
		return template{}, err
	}
	return newTemplate(parts), nil
}

func newTemplate(parts []part) template {
	var fixed strings.Builder
	for _, q := range parts {
		if q.name != "" {
			return template{parts: parts}
		}
		fixed.WriteString(q.text)
	}
	return template{fixed: compilePattern(fixed.String())}
}

// parts cuts text into its variables and what is between them. A document of the
// older version has none.
func (p parser) parts(where, text string, wild bool) ([]part, error) {
	encode := func(s string) string {
		if wild {
			return wildcards(s)
		}
		return s
	}
	var parts []part
	for p.variables {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}")
		parts = append(parts, part{text: encode(before)})
		m := variable.FindStringSubmatchIndex(inside)
		switch {
		case closed && (inside == "*" || inside == "?" || inside == "$"):
			parts = append(parts, part{text: inside}) // not encoded: a character like others
		case !closed || m == nil:
			return nil, explained(where, legacyParsing, "Not a policy variable, such as ${aws:username}: %q.", text)
		default:
			q := part{name: inside[m[2]:m[3]], fallback: m[4] >= 0}
			q.key = Fold(q.name)
			if q.fallback {
				q.text = inside[m[4]:m[5]]
			}
			parts = append(parts, q)
		}
		text = after
	}
	return append(parts, part{text: encode(text)}), nil
}

// expand returns the text with the request's values in the places of variables.
// A value is a text without wildcards. It is no unless each variable has exactly
// one value, and unreadable if the outcome is too long or cannot be compared.
func (t *template) expand(c *Context) (string, verdict) {
	var b strings.Builder
	for i := range t.parts {
		text := t.parts[i].text
		if t.parts[i].name != "" {
			value, ok := c.single(t.parts[i].key)
			switch {
			case ok:
				text = value
			case !t.parts[i].fallback || c.Has(t.parts[i].key):
				return "", no
			}
			if !utf8.ValidString(text) {
				return "", unreadable
			}
		}
		if b.Len()+len(text) > maxText || !c.spend(len(text)) {
			return "", unreadable
		}
		b.WriteString(text)
	}
	return b.String(), yes
}

// match judges whether the whole of s matches. resolved is false if that is for
// want of a variable's value.
func (t *template) match(s string, c *Context) (v verdict, resolved bool) {
	p := t.fixed
	if t.parts != nil {
		text, v := t.expand(c)
		if v != yes {
			return v, false
		}
		p = compilePattern(text)
	}
	if n := p.effort(s); n > 0 && !c.spend(n) {
		return unreadable, true
	}
	return verdictOf(p.match(s)), true
}

// wouldMatch reports whether s would match if the variables without a value had the
// right one.
func (t *template) wouldMatch(s string, c *Context) bool {
	var b strings.Builder
	for i := range t.parts {
		text := t.parts[i].text
		if t.parts[i].name != "" {
			if value, ok := c.single(t.parts[i].key); ok {
				text = value
			} else if !t.parts[i].fallback {
				text = star
			}
		}
		if b.Len()+len(text) > maxText {
			return false
		}
		b.WriteString(text)
	}
	p := compilePattern(b.String())
	return c.spend(p.effort(s)) && p.match(s)
}

// unresolved appends the names of the variables among parts that have no value.
func unresolved(names []string, parts []part, c *Context) []string {
	for _, q := range parts {
		if _, ok := c.single(q.key); q.name != "" && !ok && !q.fallback {
			names = append(names, q.name)
		}
	}
	return names
}
