package policy

import "fmt"

// Kind says where a document is attached, and so which elements it must and must
// not have.
type Kind int

const (
	// Trust is a role's trust policy: its statements have a principal and no
	// resource, which is the role itself.
	Trust Kind = iota
	// Identity is a policy of a user, group, role or session: its statements have
	// a resource and no principal, who is whoever the policy is attached to.
	Identity
)

// The versions of the policy language
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html).
const (
	version2008 = "2008-10-17" // the default; ${...} is plain text
	version2012 = "2012-10-17" // ${...} is a policy variable
)

// Document is a compiled policy document. The zero Document says nothing, so
// everything is an ImplicitDeny.
type Document struct {
	statements []statement
}

// Parse compiles text, at most [MaxSize] bytes of JSON. The error is an [*Error].
func Parse(kind Kind, text []byte) (*Document, error) {
	if len(text) > MaxSize {
		return nil, errorAt("", "The policy must be at most %d bytes long.", MaxSize)
	}
	value, err := decode(text)
	if err != nil {
		return nil, errorAt("", "This policy contains invalid Json: %s", err)
	}
	top, ok := value.(object)
	if !ok {
		return nil, errorAt("", "Syntax errors in policy: the document must be an object.")
	}

	p := parser{kind: kind}
	var list []any
	for _, m := range top {
		switch m.name {
		case "Version":
			p.variables = m.value == version2012
			if m.value != version2008 && m.value != version2012 {
				return nil, errorAt("Version", "The policy must contain a valid version string.")
			}
		case "Id":
			if _, ok := m.value.(string); !ok {
				return nil, errorAt("Id", "Syntax errors in policy: Id must be a string.")
			}
		case "Statement":
			if list, ok = m.value.([]any); !ok {
				list = []any{m.value}
			}
		default:
			return nil, errorAt("", "Syntax errors in policy: unknown element %q.", m.name)
		}
	}
	if len(list) == 0 {
		return nil, errorAt("", "Syntax errors in policy: Statement is missing or empty.")
	}
	return p.document(list)
}

// parser carries what a statement needs to know of its document.
type parser struct {
	kind      Kind
	variables bool // the version gives ${...} a meaning
}

func (p parser) document(list []any) (*Document, error) {
	d := &Document{statements: make([]statement, len(list))}
	sids := map[string]bool{}
	for i, value := range list {
		where := fmt.Sprintf("Statement[%d]", i)
		s, err := p.statement(where, value)
		if err != nil {
			return nil, err
		}
		if s.label == "" {
			s.label = where
		} else if sids[s.label] {
			return nil, errorAt(where+".Sid", "Statement IDs (SID) in a single policy must be unique: %q.", s.label)
		}
		sids[s.label] = true
		d.statements[i] = s
	}
	return d, nil
}
