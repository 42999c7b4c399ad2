package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// getFederationToken gives credentials to somebody whom the calling user vouches for,
// with what both the user and the session policies allow
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html).
func getFederationToken(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	name := p.Required("Name", federatedNamePattern)
	asked := p.limits(sessionPolicyBounds.Max)
	life := p.duration(sessionTokenLife)
	tags := sessionTags{passed: p.tags(false)}
	if err := p.Err(); err != nil {
		return nil, err
	}
	user := c.Caller.User
	arn := directory.FederatedUserARN(user.Account, name)
	context := c.Context()
	tags.setRequest(context)
	actions := []string{"sts:GetFederationToken"}
	if len(tags.passed) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	for _, action := range actions {
		if err := c.Authorize(caller.Matter{Action: action, Resource: arn, Context: context}); err != nil {
			return nil, err
		}
	}
	if err := asked.check(c.Directory, user.Account); err != nil {
		return nil, err
	}
	claims := c.claim(session.FederatedUser, user.UniqueID, user.Account, name, life)
	claims.Policy, claims.PolicyARNs, claims.Tags = asked.policy, asked.arns, tags.passed
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	return []query.Element{
		credentials(issued),
		{Name: "FederatedUser", Children: []query.Element{
			{Name: "FederatedUserId", Text: user.Account + ":" + name},
			{Name: "Arn", Text: arn},
		}},
		query.Number("PackedPolicySize", claims.PackedSize()),
	}, nil
}
