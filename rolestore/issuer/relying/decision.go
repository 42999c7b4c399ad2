package relying

import (
	"errors"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// decide evaluates what the caller wants to do, with the policies that he has now and
// that of the resource.
func decide(m *wire.Matter, who *caller.Call) (*wire.Decision, error) {
	var own *policy.Policy
	if m.Policy != "" {
		document, err := policy.Parse(policy.Resource, []byte(m.Policy))
		var malformed *policy.Error
		if errors.As(err, &malformed) {
			return nil, query.BadRequest("MalformedPolicyDocument", "authorize.policy: "+malformed.Error())
		}
		if err != nil {
			return nil, err
		}
		own = &policy.Policy{Name: "the resource's policy", Document: document}
	}
	context, err := contextOf(m, who)
	if err != nil {
		return nil, err
	}
	d := policy.Evaluate(policy.Request{
		Principal: who.Caller.Principal(), Action: m.Action, Resource: m.Resource, Owner: m.Owner, Context: context,
	}, who.Policies(own))
	return &wire.Decision{Effect: d.Effect.String(), Because: strings.TrimSpace(d.Because(m.Action))}, nil
}

// contextOf are the condition keys of the caller and those that the service says. A
// request did not come safely unless the service says so: the core did not see it.
func contextOf(m *wire.Matter, who *caller.Call) (*policy.Context, error) {
	context := who.Context()
	context.SetBool("aws:SecureTransport", false)
	for key, values := range m.Context {
		switch {
		case !strings.HasPrefix(policy.Fold(key), "aws:") && context.Has(key):
			return nil, query.Validation("authorize.context: %q is of the caller's session and not for a service to say", key)
		case len(values) == 1 && policy.Fold(key) != "aws:tagkeys":
			context.Set(key, values[0])
		default:
			context.SetAll(key, values)
		}
	}
	return context, nil
}
