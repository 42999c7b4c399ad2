package sts

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// maxPolicyARNs is how many managed policies can narrow a session
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const maxPolicyARNs = 10

// maxSessionPolicy bounds a session policy where the model does not, in characters. It
// is read with each call that the session signs. What packs into a token and is longer
// says the same again and again.
const maxSessionPolicy = 16 << 10

// maxContexts is how many contexts can be provided.
const maxContexts = 5

// limits are the session policies that are asked for.
type limits struct {
	policy string
	arns   []string
}

// contexts reads ProvidedContexts
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_ProvidedContext.html). What is
// asserted there has been signed by AWS's own STS on behalf of IAM Identity Center, and
// nobody signs so here: beyond the model's bounds each is refused, as a session without
// the context would be another than was asked for.
func (p reader) contexts() {
	for i := 1; ; i++ {
		member := "ProvidedContexts.member." + strconv.Itoa(i)
		provider, named := p.Value(member + ".ProviderArn")
		assertion, asserted := p.Value(member + ".ContextAssertion")
		if !named && !asserted {
			p.AtMost("providedContexts", i-1, maxContexts)
			return
		}
		name := "providedContexts." + strconv.Itoa(i) + ".member."
		if named {
			p.Check(provider, arnBounds(name+"providerArn"))
		}
		if asserted {
			p.Check(assertion, query.Constraint{Name: name + "contextAssertion", Min: 4, Max: 2048, Hidden: true})
		}
		p.Mean(query.Unsupported("ProvidedContexts"))
	}
}

// limits reads Policy and PolicyArns. The model bounds Policy for all actions but
// AssumeRole, where the packed size does, and [maxSessionPolicy].
func (p reader) limits(maxPolicy int) limits {
	var l limits
	c := sessionPolicyBounds
	c.Max = maxPolicy
	// One that is out of bounds is not parsed: who is not known yet costs no more than that.
	if l.policy = p.Optional("Policy", c); l.policy != "" && p.Within() {
		if _, err := policy.Parse(policy.Identity, []byte(l.policy)); err != nil {
			p.Mean(malformedPolicy(err))
		}
	}
	for i := 1; ; i++ {
		arn, ok := p.Value("PolicyArns.member." + strconv.Itoa(i) + ".arn")
		if !ok {
			break
		}
		p.Check(arn, arnBounds("policyArns."+strconv.Itoa(i)+".member.arn"))
		l.arns = append(l.arns, arn)
	}
	p.AtMost("policyArns", len(l.arns), maxPolicyARNs)
	return l
}

func malformedPolicy(err error) *query.Error {
	var malformed *policy.Error
	if errors.As(err, &malformed) {
		return query.BadRequest("MalformedPolicyDocument", malformed.Message)
	}
	return query.BadRequest("MalformedPolicyDocument", "The policy is not in the valid JSON format.")
}

// check refuses a managed policy that a session of the account cannot have: one of
// another account, or none.
func (l limits) check(d *directory.Snapshot, account string) error {
	for _, arn := range l.arns {
		p := d.ManagedPolicy(arn)
		if p == nil || p.Account != account && p.Account != "aws" {
			return query.Validation("Policy %s does not exist or is not attachable.", arn)
		}
	}
	return nil
}

// packedTooLarge words what AWS words.
func packedTooLarge(percent int, policies bool) *query.Error {
	if policies {
		return query.BadRequest("PackedPolicyTooLarge", fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent))
	}
	return query.BadRequest("PackedPolicyTooLarge", fmt.Sprintf("Packed size of session tags consumes %d%% of allotted space.", percent))
}
