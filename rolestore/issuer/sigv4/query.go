package sigv4

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// parameter is one name and value of the query, unescaped.
type parameter struct{ name, value string }

// parseQuery unescapes raw, keeping order and repetition. A plus sign is a space,
// as in a form: that is how AWS reads queries too.
func parseQuery(raw string) ([]parameter, error) {
	if len(raw) > maxQuery {
		return nil, malformedQuery("it is longer than %d bytes", maxQuery)
	}
	var query []parameter
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, malformedQuery("%s", err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, malformedQuery("%s", err)
		}
		query = append(query, parameter{name, value})
	}
	return query, nil
}

// lookup returns the value of the parameter name, which may be there only once.
func lookup(query []parameter, name string) (string, error) {
	value, found := "", false
	for _, p := range query {
		if p.name != name {
			continue
		}
		if found {
			return "", incomplete("Found more than one '%s' query-string parameter.", name)
		}
		value, found = p.value, true
	}
	return value, nil
}

// appendQuery appends the canonical query: escaped, then sorted by name and then
// by value. The signature of a presigned URL cannot cover itself and is left out.
func appendQuery(b []byte, query []parameter, presigned bool) []byte {
	escaped := make([]parameter, 0, len(query))
	for _, p := range query {
		if !presigned || p.name != "X-Amz-Signature" {
			escaped = append(escaped, parameter{escape(p.name, false), escape(p.value, false)})
		}
	}
	slices.SortFunc(escaped, func(p, q parameter) int {
		return cmp.Or(strings.Compare(p.name, q.name), strings.Compare(p.value, q.value))
	})
	for i, p := range escaped {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// escape percent-encodes every byte outside RFC 3986's unreserved set, and keeps
// slashes where they separate the segments of a path.
func escape(s string, path bool) string {
	const digits = "0123456789ABCDEF"
	plain := func(c byte) bool { return unreserved(c) || path && c == '/' }
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}
