package policy

import "strings"

// The matchers of the String and Arn operators, whose values may have variables.

func equals(p parser, where, want string) (matcher, error) {
	return compareText(p, where, want, func(value, want string) bool { return value == want })
}

func equalsFold(p parser, where, want string) (matcher, error) {
	return compareText(p, where, want, strings.EqualFold)
}

// compareText matches without wildcards: * and ? are letters like others.
func compareText(p parser, where, want string, same func(value, want string) bool) (matcher, error) {
	t, err := p.template(where, want, false)
	if err != nil {
		return matcher{}, err
	}
	if t.parts == nil {
		want = t.fixed.first.text
		return matcher{match: func(value string, _ *Context) verdict { return verdictOf(same(value, want)) }}, nil
	}
	return matcher{variables: t.parts, match: func(value string, c *Context) verdict {
		want, v := t.expand(c)
		if v != yes {
			return v
		}
		return verdictOf(same(value, want))
	}}, nil
}

func like(p parser, where, want string) (matcher, error) {
	t, err := p.template(where, want, true)
	return matcher{variables: t.parts, match: func(value string, c *Context) verdict {
		v, _ := t.match(value, c)
		return v
	}}, err
}

// likeARN matches the six fields one by one, so that no wildcard reaches over a
// colon but in the last.
func likeARN(p parser, where, want string) (matcher, error) {
	parts, err := p.parts(where, want, true)
	if err != nil {
		return matcher{}, err
	}
	fields := splitFields(parts)
	if len(fields) != arnFields || len(fields[0]) != 1 || fields[0][0].text != "arn" {
		return matcher{}, nil
	}
	var templates [arnFields]template
	for i := range fields {
		templates[i] = newTemplate(fields[i])
	}
	return matcher{variables: parts, match: func(value string, c *Context) verdict {
		if strings.Count(value, ":") < arnFields-1 {
			return unreadable
		}
		held := yes
		for i := range templates {
			field, rest := value, ""
			if i < arnFields-1 {
				field, rest, _ = strings.Cut(value, ":")
			}
			v, _ := templates[i].match(field, c)
			held = min(held, v)
			value = rest
		}
		return held
	}}, nil
}

// splitFields cuts the text among parts at its colons into the fields of an ARN.
// The colons in the names of variables do not count.
func splitFields(parts []part) [][]part {
	fields := [][]part{nil}
	for _, q := range parts {
		for q.name == "" && len(fields) < arnFields {
			before, after, found := strings.Cut(q.text, ":")
			if !found {
				break
			}
			last := len(fields) - 1
			fields[last] = append(fields[last], part{text: before})
			fields = append(fields, nil)
			q.text = after
		}
		last := len(fields) - 1
		fields[last] = append(fields[last], q)
	}
	return fields
}
