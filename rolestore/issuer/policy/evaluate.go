package policy

import "strings"

// Decision is what a document says of a request.
type Decision int

const (
	// ImplicitDeny means that no statement applies.
	ImplicitDeny Decision = iota
	// Allow means that an Allow applies, and no Deny.
	Allow
	// ExplicitDeny means that a Deny applies; no Allow anywhere outweighs it.
	ExplicitDeny
)

// String implements [fmt.Stringer].
func (d Decision) String() string {
	switch d {
	case ImplicitDeny:
		return "ImplicitDeny"
	case Allow:
		return "Allow"
	case ExplicitDeny:
		return "ExplicitDeny"
	}
	return "Decision(?)"
}

// Request is what a document is asked about.
type Request struct {
	// Action is service:Name, in any case.
	Action string
	// Resource is the ARN that is acted on. Trust policies do not look at it.
	Resource string
	// Principal is the caller. Identity policies do not look at it.
	Principal Principal
	// Context holds the condition keys' values. Its keys are in lower case; one
	// without values counts as missing.
	Context map[string][]string
}

// Result is a Decision and what led to it.
type Result struct {
	Decision Decision
	// ByAccount is true when a trust policy allows only the account of the
	// caller, and does not name the caller itself or everyone: then an identity
	// policy of the caller must allow the action too.
	ByAccount bool
	// Statement is the Sid of the first statement that decided, or its place, such
	// as Statement[2]; empty for an ImplicitDeny.
	Statement string
}

// Evaluate decides about r
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
// The order of statements does not change the decision.
func (d *Document) Evaluate(r Request) Result {
	r.Action = strings.ToLower(r.Action)
	var result Result
	for i := range d.statements {
		s := &d.statements[i]
		applies, byAccount := s.applies(&r)
		switch {
		case !applies:
		case s.deny:
			return Result{Decision: ExplicitDeny, Statement: s.label}
		case result.Decision == ImplicitDeny || result.ByAccount && !byAccount:
			result = Result{Decision: Allow, ByAccount: byAccount, Statement: s.label}
		}
	}
	return result
}

// applies reports whether s applies to r, cheapest checks first. byAccount is
// true when s allows the caller only by way of its account.
func (s *statement) applies(r *Request) (applies, byAccount bool) {
	if matchAny(s.actions, r.Action) == s.notAction {
		return false, false
	}
	if s.principals != nil {
		if applies, byAccount = s.concerns(&r.Principal); !applies {
			return false, false
		}
	} else if matchAny(s.resources, r.Resource) == s.notResource {
		return false, false
	}
	held := yes
	for i := range s.conditions {
		held = min(held, s.conditions[i].holds(r.Context))
	}
	// In doubt a Deny applies and an Allow does not.
	return held == yes || held == unreadable && s.deny, byAccount
}

// concerns reports whether the caller is one whom the statement speaks of.
func (s *statement) concerns(caller *Principal) (concerned, byAccount bool) {
	itself, account := s.principals.names(caller)
	switch {
	case !s.notPrincipal:
		return itself || account, !itself
	case s.deny:
		return !s.principals.exempts(caller), false
	}
	// An Allow for all others names nobody, so it never replaces the caller's own
	// policies.
	return !itself && !account, true
}
