package sts

import (
	"encoding/json"
	"strconv"
)

// jsonReply writes the members of an object. Instants are seconds since the
// epoch, as Envoy wants them.
func jsonReply(status int, members ...element) reply {
	b := appendObject(make([]byte, 0, bodySize), members)
	return reply{status, "application/json", append(b, '\n')}
}

func appendObject(b []byte, members []element) []byte {
	b = append(b, '{')
	for i, e := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, e.name...)
		b = append(b, `":`...)
		switch {
		case e.children != nil:
			b = appendObject(b, e.children)
		case !e.instant.IsZero():
			b = strconv.AppendInt(b, e.instant.Unix(), 10)
		case e.bare:
			b = append(b, e.text...)
		default:
			b = appendQuoted(b, e.text)
		}
	}
	return append(b, '}')
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
