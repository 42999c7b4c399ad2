package query

import (
	"encoding/json"
	"strconv"
)

// jsonReply writes the members of an object. Instants are seconds since the
// epoch, as Envoy wants them.
func jsonReply(status int, members ...Element) Reply {
	b := appendObject(newBody(), members)
	return Reply{status, "application/json", append(b, '\n')}
}

func appendObject(b []byte, members []Element) []byte {
	b = append(b, '{')
	for i, e := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, e.Name...)
		b = append(b, `":`...)
		b = appendValue(b, e)
	}
	return append(b, '}')
}

func appendValue(b []byte, e Element) []byte {
	switch {
	case e.List:
		b = append(b, '[')
		for i, member := range e.Children {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, member)
		}
		return append(b, ']')
	case e.Children != nil:
		return appendObject(b, e.Children)
	case !e.Instant.IsZero():
		return strconv.AppendInt(b, e.Instant.Unix(), 10)
	case e.Bare:
		return append(b, e.Text...)
	}
	return appendQuoted(b, e.Text)
}

func appendQuoted(b []byte, text string) []byte {
	if plain(text, `"\`) {
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	quoted, _ := json.Marshal(text) // a string always marshals
	return append(b, quoted...)
}
