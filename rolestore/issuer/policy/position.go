package policy

import (
	"bytes"
	"encoding/json"
)

// Position is a place in the text of a document. Lines and columns, of characters, begin
// with 1.
type Position struct{ Line, Column int }

// Span is where a statement begins, and the place after its end.
type Span struct{ Start, End Position }

// Spans returns where the statements are, by their indices.
func (d *Document) Spans() []Span {
	var spans []Span
	at := cursor{text: d.text, place: Position{1, 1}}
	for _, s := range d.find() {
		start := at.to(s.from)
		spans = append(spans, Span{start, at.to(s.to)})
	}
	return spans
}

// cursor goes through a text, forwards alone.
type cursor struct {
	text   []byte
	offset int
	place  Position
}

func (c *cursor) to(offset int) Position {
	for _, r := range string(c.text[c.offset:offset]) {
		c.place.Column++
		if r == '\n' {
			c.place = Position{c.place.Line + 1, 1}
		}
	}
	c.offset = offset
	return c.place
}

// stretch is a part of a text, in bytes.
type stretch struct{ from, to int }

// find returns the bytes that the statements are in. The text was read before, so that it
// is JSON and has the shape of a document.
func (d *Document) find() (all []stretch) {
	decoder := json.NewDecoder(bytes.NewReader(d.text))
	_, err := decoder.Token() // the opening brace
	var value json.RawMessage
	next := func() {
		if err = decoder.Decode(&value); err == nil {
			to := int(decoder.InputOffset())
			all = append(all, stretch{to - len(value), to})
		}
	}
	for err == nil && decoder.More() {
		name, _ := decoder.Token()
		switch {
		case name != "Statement":
			err = decoder.Decode(&value)
		case d.listed(int(decoder.InputOffset())):
			for _, err = decoder.Token(); err == nil && decoder.More(); {
				next()
			}
			return all
		default:
			next()
			return all
		}
	}
	return nil
}

// listed reports whether the value that follows is a list.
func (d *Document) listed(offset int) bool {
	rest := bytes.TrimLeft(d.text[offset:], " \t\r\n:")
	return len(rest) > 0 && rest[0] == '['
}
