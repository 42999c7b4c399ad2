package policy

import "strings"

// EvaluateEndpoint decides whether the policy of a private endpoint, which has principals
// as a resource's has, lets a request through. It allows nothing that other policies do
// not: those are asked besides
// (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html).
func EvaluateEndpoint(r Request, p Policy) Decision {
	r.Context = r.Context.evaluated()
	q := &asked{&r, strings.ToLower(r.Action)}
	o := q.ask(ResourceBased, Set{p})
	o.match.Type = VPCEndpoint
	switch {
	case o.denied:
		return Decision{Effect: ExplicitDeny, Statements: []Match{o.match}, Missing: q.lackedBy(o.match)}
	case r.Context.exhausted():
		return Decision{Effect: ExplicitDeny}
	case o.allowed:
		return Decision{Effect: Allow, Statements: []Match{o.match}}
	}
	return Decision{Effect: ImplicitDeny, Lacking: []Type{VPCEndpoint}}
}
