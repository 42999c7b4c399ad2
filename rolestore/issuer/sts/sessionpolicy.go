package sts

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// maxPolicyARNs is how many managed policies can narrow a session
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const maxPolicyARNs = 10

// maxSessionPolicy bounds a session policy where the model does not, in characters. It
// is read with each call that the session signs. What packs into a token and is longer
// says the same again and again.
const maxSessionPolicy = 16 << 10

// limits are the session policies that are asked for.
type limits struct {
	policy string
	arns   []string
}

// limits reads Policy and PolicyArns. The model bounds Policy for all actions but
// AssumeRole, where the packed size does, and [maxSessionPolicy].
func (p *reader) limits(maxPolicy int) limits {
	var l limits
	c := sessionPolicyBounds
	c.max = maxPolicy
	if l.policy = p.optional("Policy", c); l.policy != "" {
		if _, err := policy.Parse(policy.Identity, []byte(l.policy)); err != nil {
			p.mean(malformedPolicy(err))
		}
	}
	for i := 1; ; i++ {
		arn, ok := p.value("PolicyArns.member." + strconv.Itoa(i) + ".arn")
		if !ok {
			break
		}
		p.checked(arn, arnBounds("policyArns."+strconv.Itoa(i)+".member.arn"))
		l.arns = append(l.arns, arn)
	}
	p.atMost("policyArns", len(l.arns), maxPolicyARNs)
	return l
}

func malformedPolicy(err error) *Error {
	var malformed *policy.Error
	if errors.As(err, &malformed) {
		return badRequest("MalformedPolicyDocument", malformed.Message)
	}
	return badRequest("MalformedPolicyDocument", "The policy is not in the valid JSON format.")
}

// check refuses a managed policy that a session of the account cannot have: one of
// another account, or none.
func (l limits) check(d *directory.Snapshot, account string) error {
	for _, arn := range l.arns {
		p := d.ManagedPolicy(arn)
		if p == nil || p.Account != account && p.Account != "aws" {
			return validation("Policy %s does not exist or is not attachable.", arn)
		}
	}
	return nil
}

// packedTooLarge words what AWS words.
func packedTooLarge(percent int, policies bool) *Error {
	if policies {
		return badRequest("PackedPolicyTooLarge", fmt.Sprintf("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent))
	}
	return badRequest("PackedPolicyTooLarge", fmt.Sprintf("Packed size of session tags consumes %d%% of allotted space.", percent))
}

// denyAll is AWS's own policy that does so.
const denyAll = "arn:aws:iam::aws:policy/AWSDenyAll"

// sessionPolicies are those that a session was made with, as their documents are now.
// If one cannot be read any more, nobody knows what it would have denied, and
// everything is, also what a trust policy grants to the session by its name.
func sessionPolicies(d *directory.Snapshot, claims *session.Claims) policy.Set {
	set := policy.Set{}
	unknown := func(name string) {
		set = append(set, policy.Policy{Name: name + ", which is gone", Document: d.ManagedPolicy(denyAll).Document})
	}
	if claims.Policy != "" {
		const name = "session policy"
		if document, err := policy.Parse(policy.Identity, []byte(claims.Policy)); err == nil {
			set = append(set, policy.Policy{Name: name, Document: document})
		} else {
			unknown(name)
		}
	}
	for _, arn := range claims.PolicyARNs {
		if p := d.ManagedPolicy(arn); p != nil {
			set = append(set, policy.Policy{Name: arn, Document: p.Document})
		} else {
			unknown(arn)
		}
	}
	return set
}
