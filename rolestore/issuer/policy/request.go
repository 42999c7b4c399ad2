package policy

import "strings"

// Request is what somebody wants to do.
type Request struct {
	// Principal is who asks.
	Principal Principal
	// Action is service:Name, in any case.
	Action string
	// Resource is the ARN that is acted on, or * for an action without one.
	Resource string
	// Owner is the account that the resource belongs to, or on whose behalf the caller
	// acts, as with sts:AssumeRoot. It need not be said of an ARN that names its
	// account, nor of *, which is the caller's.
	Owner string
	// Context holds the condition keys' values. Nothing is added to it: what the
	// request does not say, such as aws:PrincipalArn, no condition sees.
	Context *Context
}

// Policies are all that have a say in a request.
type Policies struct {
	// Resource is the policy of what is acted on, such as a role's trust policy;
	// nil for a resource that has none.
	Resource *Policy
	// Identity are those of the user and its groups, or of the role.
	Identity Set
	// Boundary limits the user or role; nil when it has no permissions boundary.
	Boundary *Set
	// Session are those that a session was made with, inline or managed; nil when
	// it was made without. One that is there and empty allows nothing.
	Session *Set
}

// Set are policies of one type; what one allows, they all allow.
type Set []Policy

// Policy is a document and what people call it.
type Policy struct {
	// Name is for explanations: the name of an inline policy, the ARN of a managed one.
	Name     string
	Document *Document
}

// misplaced reports whether the policy is of a kind that has no business among those
// of the type: one that names nobody would, as a resource's, speak of everyone. It
// can still deny.
func (p *Policy) misplaced(t Type) bool {
	return (t == ResourceBased) == (p.Document.kind == Identity)
}

// asked is a request as evaluation needs it.
type asked struct {
	*Request
	action string // in lower case
}

// sameAccount reports whether caller and resource are of one account. A resource
// that does not say whose it is, is somebody else's.
func (r *Request) sameAccount() bool {
	owner := r.Owner
	if fields := strings.SplitN(r.Resource, ":", arnFields); owner == "" && len(fields) == arnFields {
		owner = fields[4]
	}
	return owner == r.Principal.Account || owner == "" && r.Resource == "*"
}

// needsTrust reports whether the request is one for a role's session. No identity
// policy gives those away: the role's trust policy must allow them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
func (r *asked) needsTrust() bool {
	fields := strings.SplitN(r.Resource, ":", arnFields)
	return strings.HasPrefix(r.action, "sts:") && len(fields) == arnFields && strings.HasPrefix(fields[5], "role/")
}

// applies judges whether the statement applies to the request, cheapest checks
// first, and how it speaks of the caller.
func (s *statement) applies(r *asked) (bool, grant) {
	if matchAny(s.actions, r.action) == s.text.NotAction {
		return false, nobody
	}
	level := direct
	if s.principals != nil {
		if level = s.concerns(&r.Principal); level == nobody {
			return false, nobody
		}
	}
	if s.resources != nil && !s.covers(r) {
		return false, nobody
	}
	return s.held(r.Context), level
}

// covers reports whether the resource is one of the statement's. A variable
// without a value matches nothing; where it stands in NotResource, an Allow does
// not profit from that.
func (s *statement) covers(r *asked) bool {
	doubt := false
	for i := range s.resources {
		v, resolved := s.resources[i].match(r.Resource, r.Context)
		if v == yes {
			return !s.text.NotResource
		}
		doubt = doubt || v == unreadable && s.deny || !resolved && s.text.NotResource && !s.deny
	}
	return doubt && s.deny || !doubt && s.text.NotResource
}

// held reports whether all conditions hold. In doubt those of a Deny do and those of
// an Allow do not.
func (s *statement) held(c *Context) bool {
	held := yes
	for i := range s.conditions {
		if held = min(held, s.conditions[i].holds(c)); held == no {
			return false
		}
	}
	return held == yes || s.deny
}
