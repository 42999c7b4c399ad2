package policy

import "strings"

// Effect is what comes of a request.
type Effect int

const (
	// ImplicitDeny means that nothing allows the request, or that something which
	// would have to allow it does not.
	ImplicitDeny Effect = iota
	// Allow means that the request is allowed.
	Allow
	// ExplicitDeny means that a Deny applies; no Allow anywhere outweighs it.
	ExplicitDeny
)

// String implements [fmt.Stringer].
func (e Effect) String() string {
	switch e {
	case ImplicitDeny:
		return "ImplicitDeny"
	case Allow:
		return "Allow"
	case ExplicitDeny:
		return "ExplicitDeny"
	}
	return "Effect(?)"
}

// Type is a type of policies
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#access_policy-types).
type Type int

// The types, in the order in which AWS looks at them and names the first.
const (
	ResourceBased Type = iota
	IdentityBased
	PermissionsBoundary
	SessionBased
	VPCEndpoint // which is asked before all others
)

// String returns the type as AWS's messages name it.
func (t Type) String() string {
	switch t {
	case ResourceBased:
		return "resource-based policy"
	case IdentityBased:
		return "identity-based policy"
	case PermissionsBoundary:
		return "permissions boundary"
	case SessionBased:
		return "session policy"
	case VPCEndpoint:
		return "VPC endpoint policy"
	}
	return "Type(?)"
}

// Match is a statement that had a say.
type Match struct {
	Type   Type
	Policy Policy
	// Index is the statement's in its document; see [Document.Statement].
	Index int
}

// Statement returns the statement as it was written.
func (m Match) Statement() Statement { return m.Policy.Document.Statement(m.Index) }

// Decision is what comes of a request, and why.
type Decision struct {
	Effect Effect
	// Statements are those that decided: the Deny of an ExplicitDeny, of which there is
	// none if the policies made more work than is put into a decision, or the first
	// Allow of each type of policies that had to allow. For an ImplicitDeny they are
	// the Allows that were not enough.
	Statements []Match
	// Lacking are the types of policies that would have had to allow and did not.
	Lacking []Type
	// Missing are the condition keys that the request lacked, as the policies spell
	// them: those that kept an Allow from applying, or that the Deny which applied
	// asks for.
	Missing []string
}

// Allowed reports whether the request may go on.
func (d *Decision) Allowed() bool { return d.Effect == Allow }

// Because returns the end of AWS's text of an AccessDenied, after the caller, the
// action and the resource: with an explicit deny in which type of policy, or which
// type does not allow the action. It is empty if the request is allowed. It tells
// whether the resource exists; who must not know that must not get it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).
func (d *Decision) Because(action string) string {
	switch {
	case d.Effect == ExplicitDeny && len(d.Statements) > 0:
		kind := d.Statements[0].Type.String()
		article := "a "
		if strings.HasPrefix(kind, "i") {
			article = "an "
		}
		return " with an explicit deny in " + article + kind
	case d.Effect == ImplicitDeny && len(d.Lacking) > 0:
		return " because no " + d.Lacking[0].String() + " allows the " + action + " action"
	}
	return ""
}
