package query

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Constraint is what the model asks of a string.
type Constraint struct {
	Name     string // of the model's member, in lower camel case
	Min, Max int
	Pattern  *regexp.Regexp // nil when anything goes
	Shown    string         // the pattern as AWS prints it
	Hidden   bool           // the value is a secret and is not repeated
}

// Reader reads parameters and gathers what is wrong with them, since AWS reports
// all violations at once.
type Reader struct {
	form       url.Values
	lists      []string // parameters that hold lists
	read       []string
	malformed  error    // a value that is not of its type
	violations []string // values that are out of bounds
	// Invalid is a value that means nothing; see Mean.
	Invalid error
}

// NewReader returns one of a request's parameters. SDKs send an empty list as an empty
// parameter, which is let pass for those that lists names.
func NewReader(form url.Values, lists []string) *Reader {
	return &Reader{form: form, lists: lists, read: []string{"Action", "Version"}}
}

// Has reports whether a parameter is there.
func (p *Reader) Has(parameter string) bool { return p.form.Has(parameter) }

// Within reports whether nothing was out of its bounds yet.
func (p *Reader) Within() bool { return len(p.violations) == 0 }

// Missing notes that a member that must be there is not.
func (p *Reader) Missing(name string) {
	p.violations = append(p.violations, "Value null at '"+name+"' failed to satisfy constraint: Member must not be null")
}

// Violate notes that a member's value must be something else.
func (p *Reader) Violate(name, value, member string) {
	p.violate(Constraint{Name: name}, value, member)
}

// Value returns a parameter and whether it is there.
func (p *Reader) Value(parameter string) (string, bool) {
	p.read = append(p.read, parameter)
	return p.form.Get(parameter), p.form.Has(parameter)
}

// MaxQuoted bounds what a refusal repeats of a value, in bytes. It is more than any value
// within its bounds has but a session policy; a caller whom nobody knows must not get
// back a multiple of what he sends.
const MaxQuoted = 4096

func (p *Reader) violate(c Constraint, value, member string) {
	switch {
	case c.Hidden:
		value = "***"
	case len(value) > MaxQuoted:
		value = strings.ToValidUTF8(value[:MaxQuoted], "") + "..."
	}
	p.violations = append(p.violations, "Value '"+value+"' at '"+c.Name+"' failed to satisfy constraint: Member must "+member)
}

// Required reads a parameter that must be there.
func (p *Reader) Required(parameter string, c Constraint) string {
	value, ok := p.Value(parameter)
	if !ok {
		p.Missing(c.Name)
		return ""
	}
	return p.Check(value, c)
}

// Optional reads a parameter that may be absent.
func (p *Reader) Optional(parameter string, c Constraint) string {
	value, ok := p.Value(parameter)
	if !ok {
		return ""
	}
	return p.Check(value, c)
}

// Check notes how a value is out of its bounds, and returns it.
func (p *Reader) Check(value string, c Constraint) string {
	length := utf8.RuneCountInString(value)
	if c.Pattern != nil && !c.Pattern.MatchString(value) {
		p.violate(c, value, "satisfy regular expression pattern: "+c.Shown)
	}
	if length < c.Min {
		p.violate(c, value, "have length greater than or equal to "+strconv.Itoa(c.Min))
	}
	if length > c.Max {
		p.violate(c, value, "have length less than or equal to "+strconv.Itoa(c.Max))
	}
	return value
}

// Mean notes what is wrong with a value that is within its bounds: the first is told.
func (p *Reader) Mean(err error) {
	if p.Invalid == nil {
		p.Invalid = err
	}
}

// AtMost notes a list that is too long.
func (p *Reader) AtMost(name string, length, most int) {
	if length > most {
		p.violate(Constraint{Name: name}, "["+strconv.Itoa(length)+" members]", "have length less than or equal to "+strconv.Itoa(most))
	}
}

// Number reads an integer within its bounds; usual is what an absent one stands for.
func (p *Reader) Number(parameter, name string, least, most, usual int) int {
	text, ok := p.Value(parameter)
	if !ok {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		p.malformed = BadRequest("MalformedInput", parameter+" is not an integer.")
		return usual
	}
	c := Constraint{Name: name}
	if n < int64(least) {
		p.violate(c, text, "have value greater than or equal to "+strconv.Itoa(least))
	}
	if n > int64(most) {
		p.violate(c, text, "have value less than or equal to "+strconv.Itoa(most))
	}
	return int(n)
}

// Bool reads a truth value; usual is what an absent one stands for.
func (p *Reader) Bool(parameter string, usual bool) bool {
	text, ok := p.Value(parameter)
	switch {
	case !ok:
		return usual
	case text == "true", text == "false":
		return text == "true"
	}
	p.malformed = BadRequest("MalformedInput", parameter+" is neither true nor false.")
	return usual
}

// Err returns what is wrong, in AWS's words, once every parameter has been read.
func (p *Reader) Err() error {
	if p.malformed != nil {
		return p.malformed
	}
	switch n := len(p.violations); n {
	case 0:
		if p.Invalid != nil {
			return p.Invalid
		}
		return p.unknown()
	case 1:
		return Validation("1 validation error detected: %s", p.violations[0])
	default:
		return Validation("%d validation errors detected: %s", n, strings.Join(p.violations, "; "))
	}
}

// unknown refuses a parameter that the action has not read, but for those of a
// presigned URL. AWS ignores what is not in its model; but a parameter of a later
// model, or one that is not implemented here, may narrow the session or mark it,
// and to ignore it would give more than was asked for.
func (p *Reader) unknown() error {
	var unknown []string
	slices.Sort(p.read) // a request may have thousands
	for parameter := range p.form {
		name, _, _ := strings.Cut(parameter, ".")
		empty := parameter == name && p.form.Get(name) == "" && slices.Contains(p.lists, name)
		if _, read := slices.BinarySearch(p.read, parameter); !empty && !read && !strings.HasPrefix(name, "X-Amz-") {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return Unsupported(slices.Min(unknown))
}

// Unsupported refuses a parameter.
func Unsupported(parameter string) *Error {
	return Validation("%s is not supported by this service.", parameter)
}
