package sts

import (
	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// assumeRoleWithWebIdentity gives a session of a role for a token that somebody
// else signed: a host of ours for one of its instances, or an OpenID Connect provider for
// a person or a program
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
func assumeRoleWithWebIdentity(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	arn := p.roleARN()
	name := p.Required("RoleSessionName", sessionNamePattern)
	token := p.Required("WebIdentityToken", webTokenBounds)
	provider := p.Optional("ProviderId", providerIDBounds)
	narrowed := p.limits(sessionPolicyBounds.Max)
	life := p.duration(assumeRoleLife)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if hosttoken.Is(token) && provider == "" {
		return redeemHostToken(c, token, hosts.Request{RoleARN: arn, SessionName: name, Duration: life}, narrowed)
	}
	who, err := c.webIdentity(arn, token, provider)
	if err != nil {
		return nil, err
	}
	return c.assumeFederated(who, federatedRequest{arn: arn, name: name, life: life, limits: narrowed})
}
