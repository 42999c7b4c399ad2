package caller

import (
	"encoding/json"
	"strings"

	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// Matter is one thing that the caller wants to do.
type Matter struct {
	Action   string
	Resource string
	Owner    string         // on whose account's behalf, where the resource does not say it
	Trust    *policy.Policy // of the role that is to be assumed
	Context  *policy.Context
}

// Decide evaluates a matter with the policies that the caller has now.
func (c *Call) Decide(m Matter) policy.Decision {
	return policy.Evaluate(m.request(c.Caller), c.Policies(m.Trust))
}

func (m Matter) request(who *Caller) policy.Request {
	return policy.Request{Principal: who.Principal(), Action: m.Action, Resource: m.Resource, Owner: m.Owner, Context: m.Context}
}

// Policies are all that have a say in what the caller does; trust is that of a role that
// he assumes.
func (c *Call) Policies(trust *policy.Policy) policy.Policies {
	p := policy.Policies{Resource: trust}
	if owner := c.Caller.Behind(); owner != nil {
		p.Identity, p.Boundary = owner.Policies, owner.Boundary
	}
	if claims := c.Caller.Claims; claims != nil && claims.Restricted() {
		if c.session == nil {
			limit := sessionPolicies(c.Directory, claims)
			c.session = &limit
		}
		p.Session = c.session
	}
	return p
}

// Authorize refuses what the caller may not do.
func (c *Call) Authorize(m Matter) error {
	d := c.Decide(m)
	if d.Allowed() {
		return nil
	}
	e := c.notAuthorized(m, d.Because(m.Action))
	e.Reason = strings.TrimSpace(d.Because(m.Action))
	e.Encoded = c.encode(m, d)
	return e
}

// notAuthorized is AWS's text. What it ends in may tell whether the resource exists.
func (c *Call) notAuthorized(m Matter, because string) *query.Error {
	return query.Forbidden("AccessDenied", "User: "+c.Caller.ARN()+" is not authorized to perform: "+m.Action+" on resource: "+m.Resource+because)
}

// Refuse is Authorize's refusal where the caller must not learn whether there is such
// a role. m is then without all that the role would add. That his own policies deny
// it, he may know; it is so for a role that is not there too.
func (c *Call) Refuse(m Matter, reason string) error {
	because := ""
	d := c.Decide(m)
	if d.Effect == policy.ExplicitDeny {
		because = d.Because(m.Action)
	}
	e := c.notAuthorized(m, because)
	e.Reason = reason
	e.Encoded = c.encode(m, d)
	return e
}

// The decoded form of an authorization message
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html).
type (
	// Message is what a refusal was about.
	Message struct {
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
func (c *Call) encode(m Matter, d policy.Decision) string {
	said := Message{
		ExplicitDeny: d.Effect == policy.ExplicitDeny, Matched: items{[]any{}}, Failures: items{[]any{}},
		Context: messageContext{
			Principal: map[string]string{"id": c.Caller.UserID(), "arn": c.Caller.ARN()},
			Action:    m.Action, Resource: m.Resource, Conditions: items{[]any{}},
		},
	}
	if said.ExplicitDeny {
		for _, match := range d.Statements {
			said.Matched.Items = append(said.Matched.Items, map[string]string{
				"statementId": match.Statement().Sid, "effect": "DENY", "policy": match.Policy.Name, "policyType": match.Type.String(),
			})
		}
	}
	for key, values := range m.Context.All() {
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

func (c *Call) sealMessage(said Message) (string, bool) {
	text, err := json.Marshal(said)
	if err != nil {
		return "", false
	}
	return c.Directory.Sealer().SealMessage(text, c.Caller.Account, c.Now)
}
