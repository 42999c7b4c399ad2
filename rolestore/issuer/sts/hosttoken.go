package sts

import (
	"errors"
	"net/http"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
)

// redeemHostToken gives a host the session of an instance's role. As when EC2
// itself assumes a role, MaxSessionDuration does not bound it. The token is for the role,
// the name and the duration that are asked for and says nothing of session policies:
// these can only take away, so whoever redeems the token may add them. They are looked at
// when it has been accepted, so that no stranger learns which managed policies there are.
func redeemHostToken(c *call, token string, asked hosts.Request, narrowed limits) ([]query.Element, error) {
	asked.Context = policy.NewContext()
	caller.DescribeWay(asked.Context, c.Request)
	bought, err := c.desk.Redeem(token, asked, c.Now)
	if err != nil {
		return nil, explainHostToken(err, bought.Claims)
	}
	c.Who = "host " + bought.Claims.Host
	if err := narrowed.check(c.Directory, bought.Role.Account); err != nil {
		return nil, err
	}
	claims := c.leased(bought, asked.Duration)
	claims.Policy, claims.PolicyARNs = narrowed.policy, narrowed.arns
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	result := []query.Element{
		credentials(issued),
		{Name: "SubjectFromWebIdentityToken", Text: bought.Claims.InstanceID},
		assumedRoleUser(bought.Role, asked.SessionName),
		{Name: "Provider", Text: bought.Claims.Host},
		{Name: "Audience", Text: bought.Claims.Core},
	}
	if claims.Restricted() {
		result = append(result, query.Number("PackedPolicySize", claims.PackedSize()))
	}
	return result, nil
}

// explainHostToken words why a host token buys nothing.
func explainHostToken(err error, claims hosttoken.Claims) error {
	var unlisted *hosts.TagError
	switch {
	case errors.Is(err, hosttoken.ErrExpired):
		return query.BadRequest("ExpiredTokenException", "Token expired: it must be redeemed within a minute; check the clocks of the host and of this service.")
	case errors.Is(err, hosttoken.ErrInvalid):
		return &query.Error{Code: "InvalidIdentityToken", Message: "The host token is not valid for this security token service.",
			Status: http.StatusBadRequest, Reason: err.Error()}
	case errors.Is(err, hosts.ErrReplayed):
		return &query.Error{Code: "InvalidIdentityToken", Message: "The host token was used before, or is from before the start of this security token service.",
			Status: http.StatusBadRequest, Reason: "host " + claims.Host + ": " + err.Error()}
	case errors.Is(err, hosts.ErrBusy), errors.Is(err, directory.ErrTooManyLeases):
		return &query.Error{Code: "Throttling", Message: "Rate exceeded", Status: http.StatusBadRequest, Reason: "host " + claims.Host + ": " + err.Error()}
	case errors.As(err, &unlisted):
		return &query.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: unlisted.Error() + ", which its host sets as session tags of " + claims.InstanceID +
			": add them by `rolecall core grant put " + unlisted.Grant + " --tag-keys ...`, or to tag_keys in core.yaml; or have the host set none, for a pod by container_credentials.pod.session_tags: disabled",
			Reason: "host " + claims.Host + ", instance " + claims.InstanceID + ": " + err.Error()}
	case errors.Is(err, hosts.ErrDenied):
		return &query.Error{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
			Status: http.StatusForbidden, Reason: "host " + claims.Host + ", instance " + claims.InstanceID + ": " + err.Error()}
	}
	return err
}
