package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// getFederationToken gives credentials to somebody whom the calling user vouches for,
// with what both the user and the session policies allow
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html).
func getFederationToken(c *call) ([]element, error) {
	p := newReader(c.form)
	name := p.required("Name", federatedNamePattern)
	asked := p.limits(sessionPolicyBounds.max)
	life := p.duration(sessionTokenLife)
	tags := sessionTags{passed: p.tags(false)}
	if err := p.err(); err != nil {
		return nil, err
	}
	user := c.caller.user
	arn := directory.FederatedUserARN(user.Account, name)
	context := c.context()
	tags.setRequest(context)
	actions := []string{"sts:GetFederationToken"}
	if len(tags.passed) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	for _, action := range actions {
		if err := c.authorize(matter{action: action, resource: arn, context: context}); err != nil {
			return nil, err
		}
	}
	if err := asked.check(c.directory, user.Account); err != nil {
		return nil, err
	}
	claims := c.claim(session.FederatedUser, user.UniqueID, user.Account, name, life)
	claims.Policy, claims.PolicyARNs, claims.Tags = asked.policy, asked.arns, tags.passed
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	return []element{
		credentials(issued),
		{name: "FederatedUser", children: []element{
			{name: "FederatedUserId", text: user.Account + ":" + name},
			{name: "Arn", text: arn},
		}},
		number("PackedPolicySize", claims.PackedSize()),
	}, nil
}
