package policy

import "strings"

// Evaluate decides about a request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
// and its cross-account page). The order of policies and statements does not change
// what comes of it.
func Evaluate(r Request, p Policies) Decision {
	r.Context = r.Context.evaluated()
	q := &asked{&r, strings.ToLower(r.Action)}
	return q.decide(p)
}

func (r *asked) decide(p Policies) Decision {
	var resource outcome
	if p.Resource != nil {
		resource = r.ask(ResourceBased, Set{*p.Resource})
	}
	identity := r.ask(IdentityBased, p.Identity)
	boundary := r.limit(PermissionsBoundary, p.Boundary)
	session := r.limit(SessionBased, p.Session)
	if session.absent && r.Principal.isFederatedUser() {
		session.absent = false // a federated user has what he was given, else nothing
	}
	all := []*outcome{&resource, &identity, &boundary, &session}
	for _, o := range all {
		if o.denied {
			return Decision{Effect: ExplicitDeny, Statements: []Match{o.match}, Missing: r.lackedBy(o.match)}
		}
	}
	if r.Context.exhausted() {
		return Decision{Effect: ExplicitDeny}
	}
	d := Decision{Effect: ImplicitDeny, Lacking: r.lacking(&resource, &identity, &boundary, &session)}
	for _, o := range all {
		if o.allowed {
			d.Statements = append(d.Statements, o.match)
		}
	}
	if len(d.Lacking) == 0 {
		d.Effect = Allow
	} else {
		d.Missing = r.lackedFor(d.Lacking, p)
	}
	return d
}

// lacking returns the types of policies that would have to allow and do not.
func (r *asked) lacking(resource, identity, boundary, session *outcome) []Type {
	var lacking []Type
	need := func(needed bool, t Type, o *outcome) {
		if needed && !o.allowed && !o.absent {
			lacking = append(lacking, t)
		}
	}
	caller := &r.Principal
	if caller.Account == "" {
		// A service, a web identity or somebody unknown has no policies of its own.
		if resource.level != direct {
			return []Type{ResourceBased}
		}
		return nil
	}
	same, trust := r.sameAccount(), r.needsTrust()
	need(trust || !same, ResourceBased, resource)

	// Within an account, whom a resource's policy names needs no other policy. For a
	// role that is named, what limits the role limits its sessions. A role's trust
	// policy alone does not lift a user's boundary
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html).
	granted := nobody
	if same {
		granted = resource.level
	}
	need(granted < byIdentity && !caller.isRoot(), IdentityBased, identity)
	need(granted < direct || trust && caller.Session == "", PermissionsBoundary, boundary)
	need(granted < direct, SessionBased, session)
	return lacking
}

// outcome is what the policies of one type say.
type outcome struct {
	absent  bool // it is a limit that is not there
	denied  bool
	allowed bool
	match   Match // the first statement that denies, else the first that allows most
	level   grant // of what is allowed
}

// limit asks policies that need not be there.
func (r *asked) limit(t Type, s *Set) outcome {
	if s == nil {
		return outcome{absent: true}
	}
	return r.ask(t, *s)
}

func (r *asked) ask(t Type, set Set) (o outcome) {
	for _, p := range set {
		for i := range p.Document.statements {
			s := &p.Document.statements[i]
			applies, level := s.applies(r)
			switch {
			case !applies || !s.deny && p.misplaced(t):
			case s.deny:
				return outcome{denied: true, match: Match{t, p, i}}
			case level > o.level:
				o = outcome{allowed: true, match: Match{t, p, i}, level: level}
			}
		}
	}
	return o
}
