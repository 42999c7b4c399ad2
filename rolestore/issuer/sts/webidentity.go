package sts

import (
	"errors"
	"net/http"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
)

// assumeRoleWithWebIdentity gives a session of a role for a token that somebody
// else signed
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
// The only such tokens yet are those of this core's own hosts.
func assumeRoleWithWebIdentity(c *call) ([]element, error) {
	p := newReader(c.form)
	asked := hosts.Request{
		RoleARN:     p.roleARN(),
		SessionName: p.required("RoleSessionName", sessionNamePattern),
	}
	token := p.required("WebIdentityToken", webTokenBounds)
	asked.Duration = p.duration(assumeRoleLife)
	if err := p.err(); err != nil {
		return nil, err
	}
	if !hosttoken.Is(token) {
		return nil, badRequest("InvalidIdentityToken", "No OpenIDConnect provider found in your account for this token.")
	}
	return redeemHostToken(c, token, asked)
}

// redeemHostToken gives a host the session of an instance's role. As when EC2
// itself assumes a role, MaxSessionDuration does not bound it.
func redeemHostToken(c *call, token string, asked hosts.Request) ([]element, error) {
	role, claims, err := hosts.Redeem(c.directory, token, asked, c.now)
	if err != nil {
		return nil, explainHostToken(err, claims)
	}
	c.who = "host " + claims.Host
	issued, err := c.issue(role, asked.SessionName, asked.Duration)
	if err != nil {
		return nil, err
	}
	return []element{
		credentials(issued),
		{name: "SubjectFromWebIdentityToken", text: claims.InstanceID},
		assumedRoleUser(role, asked.SessionName),
		{name: "Provider", text: claims.Host},
		{name: "Audience", text: claims.Core},
	}, nil
}

func explainHostToken(err error, claims hosttoken.Claims) error {
	switch {
	case errors.Is(err, hosttoken.ErrExpired):
		return badRequest("ExpiredTokenException", "Token expired: it must be redeemed within a minute; check the clocks of the host and of this service.")
	case errors.Is(err, hosttoken.ErrInvalid):
		return &Error{Code: "InvalidIdentityToken", Message: "The host token is not valid for this security token service.",
			Status: http.StatusBadRequest, Reason: err.Error()}
	case errors.Is(err, hosts.ErrDenied):
		return &Error{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
			Status: http.StatusForbidden, Reason: "host " + claims.Host + ", instance " + claims.InstanceID + ": " + err.Error()}
	}
	return err
}
