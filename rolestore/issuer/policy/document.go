package policy

import "fmt"

// Kind says where a document is attached, and so which elements it must and must
// not have.
type Kind int

const (
	// Trust is a role's trust policy: its statements have a principal and no
	// resource, which is the role itself.
	Trust Kind = iota
	// Identity is a policy of a user, group, role or session, inline or managed, or
	// a permissions boundary: its statements have a resource and no principal, who
	// is whoever the policy is attached to.
	Identity
	// Resource is the policy of another resource than a role, such as a bucket: its
	// statements have a principal and a resource.
	Resource
)

// The versions of the policy language
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html).
const (
	version2008 = "2008-10-17" // the default; ${...} is plain text
	version2012 = "2012-10-17" // ${...} is a policy variable
)

// Document is a compiled policy document. The zero Document says nothing, so it
// neither allows nor denies.
type Document struct {
	kind       Kind
	statements []statement
	text       []byte // that it was compiled from
}

// Parse compiles text, at most [MaxSize] bytes of JSON, which must not change afterwards.
// The error is an [*Error].
func Parse(kind Kind, text []byte) (*Document, error) {
	top, err := decodeDocument(text)
	if err != nil {
		return nil, err
	}
	p := parser{kind: kind}
	var list []any
	for _, m := range top {
		switch m.name {
		case "Version":
			p.variables = m.value == version2012
			if m.value != version2008 && m.value != version2012 {
				return nil, explained("Version", syntaxErrors, "The policy must contain a valid version string: want %s or %s.", version2012, version2008)
			}
		case "Id":
			if _, ok := m.value.(string); !ok {
				return nil, explained("Id", syntaxErrors, "Id must be a string.")
			}
		case "Statement":
			list = listOf(m.value)
		default:
			return nil, explained("", syntaxErrors, "Unknown element %q.", m.name)
		}
	}
	if len(list) == 0 {
		return nil, explained("", syntaxErrors, "Statement is missing or empty.")
	}
	d, err := p.document(list)
	if err == nil {
		d.text = text
	}
	return d, err
}

// decodeDocument reads text as far as it is JSON of the right size and shape.
func decodeDocument(text []byte) (object, error) {
	if len(text) > MaxSize {
		return nil, errorAt("", "The policy must be at most %d bytes long.", MaxSize)
	}
	value, err := decode(text)
	if err != nil {
		return nil, explained("", "This policy contains invalid Json", "%s", err)
	}
	top, ok := value.(object)
	if !ok {
		return nil, explained("", syntaxErrors, "The document must be an object.")
	}
	return top, nil
}

// parser carries what a statement needs to know of its document.
type parser struct {
	kind      Kind
	variables bool // the version gives ${...} a meaning
}

func (p parser) document(list []any) (*Document, error) {
	d := &Document{kind: p.kind, statements: make([]statement, len(list))}
	sids := map[string]bool{}
	for i, value := range list {
		where := fmt.Sprintf("Statement[%d]", i)
		s, err := p.statement(where, value)
		if err != nil {
			return nil, err
		}
		if s.text.Sid != "" && sids[s.text.Sid] {
			return nil, explained(where+".Sid", "Statement IDs (SID) in a single policy must be unique.", "%q is there twice.", s.text.Sid)
		}
		sids[s.text.Sid] = true
		d.statements[i] = s
	}
	return d, nil
}
