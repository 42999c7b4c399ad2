package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// MaxSize bounds a document in bytes. IAM takes at most this much over the
	// wire for any policy, before its quotas for each kind
	// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html).
	MaxSize = 131072

	// maxNesting is as deep as the grammar goes: document, statements, statement,
	// conditions, operator, list of values.
	maxNesting = 6
)

// object is a JSON object with its members in order. Values are string,
// json.Number, bool, nil, object or []any.
type object []member

type member struct {
	name  string
	value any
}

// decode reads text as one JSON value. Other than encoding/json by itself, it
// refuses duplicate names: another reader might take the other one.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	for _, r := range string(text) {
		if r > '\u00ff' || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return nil, fmt.Errorf("character %U is not one that a policy may hold", r)
		}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return value, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	delimiter, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxNesting {
		return nil, fmt.Errorf("it is nested more than %d deep", maxNesting)
	}
	if delimiter == '{' {
		return decodeObject(d, depth+1)
	}
	list := []any{}
	for d.More() {
		value, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err = d.Token() // the closing bracket
	return list, err
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	o, seen := object{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder lets nothing else be a name
		if seen[name] {
			return nil, fmt.Errorf("duplicate key %q", name)
		}
		seen[name] = true
		value, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name, value})
	}
	_, err := d.Token() // the closing brace
	return o, err
}

// listOf returns value as a list: IAM lets a scalar stand for a list of one.
func listOf(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// stringList returns value as a list of strings.
func stringList(value any) (list []string, ok bool) {
	for _, e := range listOf(value) {
		s, ok := e.(string)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// MarshalJSON implements [json.Marshaler]: the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, part := range []any{m.name, m.value} {
			if err := encoder.Encode(part); err != nil {
				return nil, err
			}
			b.Truncate(b.Len() - 1) // the newline
			b.WriteByte(':')
		}
		b.Truncate(b.Len() - 1) // the colon behind the value
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
