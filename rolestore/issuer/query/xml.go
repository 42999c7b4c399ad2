package query

import (
	"strings"
	"time"
	"unicode/utf8"
)

// xmlReply writes root as AWS does: without a declaration, and indented.
func xmlReply(status int, namespace string, root Element) Reply {
	b := newBody()
	b = append(b, "<"+root.Name+" xmlns=\""+namespace+"\">\n"...)
	for _, child := range root.Children {
		b = appendXML(b, "  ", child)
	}
	b = append(b, "</"+root.Name+">\n"...)
	return Reply{status, "text/xml", b}
}

func appendXML(b []byte, indent string, e Element) []byte {
	b = append(b, indent...)
	b = append(b, '<')
	b = append(b, e.Name...)
	b = append(b, '>')
	switch {
	case e.Children != nil:
		b = append(b, '\n')
		for _, child := range e.Children {
			b = appendXML(b, indent+"  ", child)
		}
		b = append(b, indent...)
	case !e.Instant.IsZero():
		b = e.Instant.UTC().AppendFormat(b, time.RFC3339)
	default:
		b = appendEscaped(b, e.Text)
	}
	b = append(b, "</"...)
	b = append(b, e.Name...)
	return append(b, ">\n"...)
}

// appendEscaped writes text as the content of an element. Quotes stay as they are.
// What no XML 1.0 document may contain (https://www.w3.org/TR/xml/#charsets),
// not even escaped, becomes U+FFFD: callers choose what their error messages quote.
func appendEscaped(b []byte, text string) []byte {
	if plain(text, "&<>") {
		return append(b, text...)
	}
	for _, r := range text { // invalid UTF-8 is read as U+FFFD
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '\r': // by itself it would be read as \n
			b = append(b, "&#xD;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff:
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// plain reports whether text is printable ASCII without any of special, as nearly
// all texts of replies are.
func plain(text, special string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return !strings.ContainsAny(text, special)
}
