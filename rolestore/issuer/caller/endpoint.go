package caller

import (
	"context"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// Endpoint is a private one: a listener of its own, whose policy narrows what may be
// asked there (https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html).
type Endpoint struct {
	// ID is aws:SourceVpce, as in vpce-0123456789abcdef0.
	ID     string
	Policy policy.Policy
}

type endpointKey struct{}

// Through returns a context for requests that come through an endpoint. Which one that is
// the listener says, and never the request.
func (e *Endpoint) Through(ctx context.Context) context.Context {
	return context.WithValue(ctx, endpointKey{}, e)
}

// AtEndpoint refuses what the endpoint that the request came through does not let
// through. Callers who are not known yet may be asked for by Principal * alone.
func (c *Call) AtEndpoint(ctx context.Context, action, resource string) error {
	e, _ := ctx.Value(endpointKey{}).(*Endpoint)
	if e == nil {
		return nil
	}
	c.Endpoint = e.ID
	m := Matter{Action: action, Resource: resource, Context: policy.NewContext()}
	var who policy.Principal
	if c.Caller != nil {
		m.Context, who = c.Context(), c.Caller.Principal()
	} else {
		m.Context.SetTime("aws:CurrentTime", c.Now)
		DescribeWay(m.Context, c.Request)
	}
	d := policy.EvaluateEndpoint(policy.Request{Principal: who, Action: action, Resource: resource, Context: m.Context}, e.Policy)
	if d.Allowed() {
		return nil
	}
	because := d.Because(action)
	refusal := query.Forbidden("AccessDenied", "Not authorized to perform "+action)
	if c.Caller != nil {
		refusal = c.notAuthorized(m, because)
		refusal.Encoded = c.encode(m, d)
	}
	refusal.Reason = strings.TrimSpace(because) + " at " + e.ID
	return refusal
}
