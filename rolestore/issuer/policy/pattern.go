package policy

import (
	"strings"
	"unicode/utf8"
)

// A pattern's text marks its wildcards with bytes that no UTF-8 text has, so that
// an asterisk which is none, from ${*} or a variable's value, stays what it is.
const (
	star = "\xff" // any number of characters
	mark = "\xfe" // one character
)

var toWildcards = strings.NewReplacer("*", star, "?", mark)

// wildcards returns the text of a pattern whose every * and ? is a wildcard.
func wildcards(text string) string { return toWildcards.Replace(text) }

// pattern is a text with wildcards. It is cut at its stars into segments, which are
// found one after the other, leftmost first, without ever going back. So matching
// takes linear time, or, in a segment with marks, at most its length times that of
// the text.
type pattern struct {
	first segment   // at the start of the text
	inner []segment // in this order in between
	last  segment   // at the end of the text
	exact bool      // there is no star: first is all of it
	head  bool      // there is one star, at the end: first is a prefix
}

// segment is the part of a pattern between two stars.
type segment struct {
	text  string
	marks bool // it has marks
	runes int  // its length in characters
}

func compilePattern(text string) pattern {
	parts := strings.Split(text, star)
	p := pattern{first: newSegment(parts[0]), exact: len(parts) == 1}
	if p.exact {
		return p
	}
	p.last = newSegment(parts[len(parts)-1])
	for _, part := range parts[1 : len(parts)-1] {
		if part != "" {
			p.inner = append(p.inner, newSegment(part))
		}
	}
	p.head = len(p.inner) == 0 && p.last.text == ""
	return p
}

func newSegment(text string) segment {
	return segment{text, strings.Contains(text, mark), utf8.RuneCountInString(text)}
}

// match reports whether the whole of s matches p. Most patterns are plain or end in
// their only star, and are done here. As ARNs begin alike, their last characters
// are compared first.
func (p *pattern) match(s string) bool {
	if p.first.marks {
		return p.search(s)
	}
	n := len(p.first.text)
	switch {
	case len(s) < n || p.exact && len(s) > n, n > 0 && s[n-1] != p.first.text[n-1], s[:n] != p.first.text:
		return false
	case p.exact, p.head:
		return true
	}
	return p.search(s)
}

func (p *pattern) search(s string) bool {
	n, ok := p.first.prefix(s)
	if !ok {
		return false
	}
	s = s[n:]
	if p.exact {
		return s == ""
	}
	n, ok = p.last.suffix(s)
	if !ok {
		return false
	}
	s = s[:n]
	for i := range p.inner {
		if s, ok = p.inner[i].cut(s); !ok {
			return false
		}
	}
	return true
}

// prefix returns the length of g at the start of s.
func (g *segment) prefix(s string) (int, bool) {
	if !g.marks {
		return len(g.text), strings.HasPrefix(s, g.text)
	}
	n := 0
	for i := 0; i < len(g.text); i++ {
		switch {
		case n == len(s):
			return 0, false
		case g.text[i] == mark[0]:
			_, size := utf8.DecodeRuneInString(s[n:])
			n += size
		case g.text[i] == s[n]:
			n++
		default:
			return 0, false
		}
	}
	return n, true
}

// suffix returns the length of s in front of g at its end.
func (g *segment) suffix(s string) (int, bool) {
	if !g.marks {
		return len(s) - len(g.text), strings.HasSuffix(s, g.text)
	}
	start := len(s)
	for range g.runes {
		_, size := utf8.DecodeLastRuneInString(s[:start])
		start -= size
	}
	// As many characters as g has reach to the end, whether valid UTF-8 or not.
	_, ok := g.prefix(s[start:])
	return start, ok
}

// cut returns what follows the leftmost g in s.
func (g *segment) cut(s string) (string, bool) {
	if !g.marks {
		_, rest, ok := strings.Cut(s, g.text)
		return rest, ok
	}
	for len(s) >= g.runes { // a character is a byte at least
		if n, ok := g.prefix(s); ok {
			return s[n:], true
		}
		if s == "" {
			break
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return "", false
}

// matchAny reports whether any of patterns matches s.
func matchAny(patterns []pattern, s string) bool {
	for i := range patterns {
		if patterns[i].match(s) {
			return true
		}
	}
	return false
}
