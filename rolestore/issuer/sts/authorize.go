package sts

import (
	"encoding/json"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
)

// matter is one thing that the caller wants to do.
type matter struct {
	action   string
	resource string
	owner    string         // on whose account's behalf, where the resource does not say it
	trust    *policy.Policy // of the role that is to be assumed
	context  *policy.Context
}

// decide evaluates a matter with the policies that the caller has now.
func (c *call) decide(m matter) policy.Decision {
	return policy.Evaluate(m.request(c.caller), c.policies(m.trust))
}

func (m matter) request(who *caller) policy.Request {
	return policy.Request{Principal: who.principal(), Action: m.action, Resource: m.resource, Owner: m.owner, Context: m.context}
}

func (c *call) policies(trust *policy.Policy) policy.Policies {
	p := policy.Policies{Resource: trust}
	if owner := c.caller.behind(); owner != nil {
		p.Identity, p.Boundary = owner.Policies, owner.Boundary
	}
	if claims := c.caller.claims; claims != nil && claims.Restricted() {
		if c.session == nil {
			limit := sessionPolicies(c.directory, claims)
			c.session = &limit
		}
		p.Session = c.session
	}
	return p
}

// authorize refuses what the caller may not do.
func (c *call) authorize(m matter) error {
	d := c.decide(m)
	if d.Allowed() {
		return nil
	}
	e := c.notAuthorized(m, d.Because(m.action))
	e.Reason = strings.TrimSpace(d.Because(m.action))
	e.Encoded = c.encode(m, d)
	return e
}

// notAuthorized is AWS's text. What it ends in may tell whether the resource exists.
func (c *call) notAuthorized(m matter, because string) *Error {
	return forbidden("AccessDenied", "User: "+c.caller.arn()+" is not authorized to perform: "+m.action+" on resource: "+m.resource+because)
}

// refuse is authorize's refusal where the caller must not learn whether there is such
// a role. m is then without all that the role would add. That his own policies deny
// it, he may know; it is so for a role that is not there too.
func (c *call) refuse(m matter, reason string) error {
	because := ""
	d := c.decide(m)
	if d.Effect == policy.ExplicitDeny {
		because = d.Because(m.action)
	}
	e := c.notAuthorized(m, because)
	e.Reason = reason
	e.Encoded = c.encode(m, d)
	return e
}

// The decoded form of an authorization message
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html).
type (
	message struct {
		Allowed      bool           `json:"allowed"`
		ExplicitDeny bool           `json:"explicitDeny"`
		Matched      items          `json:"matchedStatements"`
		Failures     items          `json:"failures"`
		Context      messageContext `json:"context"`
	}
	messageContext struct {
		Principal  map[string]string `json:"principal"`
		Action     string            `json:"action"`
		Resource   string            `json:"resource"`
		Conditions items             `json:"conditions"`
	}
	items struct {
		Items []any `json:"items"`
	}
)

// encode seals what a refusal was about, for those who may decode it. What does not
// fit loses its conditions.
func (c *call) encode(m matter, d policy.Decision) string {
	said := message{
		ExplicitDeny: d.Effect == policy.ExplicitDeny, Matched: items{[]any{}}, Failures: items{[]any{}},
		Context: messageContext{
			Principal: map[string]string{"id": c.caller.userID(), "arn": c.caller.arn()},
			Action:    m.action, Resource: m.resource, Conditions: items{[]any{}},
		},
	}
	if said.ExplicitDeny {
		for _, match := range d.Statements {
			said.Matched.Items = append(said.Matched.Items, map[string]string{
				"statementId": match.Statement().Sid, "effect": "DENY", "policy": match.Policy.Name, "policyType": match.Type.String(),
			})
		}
	}
	for key, values := range m.context.All() {
		var all []any
		for _, v := range values {
			all = append(all, map[string]string{"value": v})
		}
		said.Context.Conditions.Items = append(said.Context.Conditions.Items, map[string]any{"key": key, "values": items{all}})
	}
	if sealed, ok := c.sealMessage(said); ok {
		return sealed
	}
	said.Context.Conditions.Items = []any{}
	sealed, _ := c.sealMessage(said)
	return sealed
}

func (c *call) sealMessage(said message) (string, bool) {
	text, err := json.Marshal(said)
	if err != nil {
		return "", false
	}
	return c.directory.Sealer().SealMessage(text, c.caller.account, c.now)
}
