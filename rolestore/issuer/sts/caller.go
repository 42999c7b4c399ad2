package sts

import (
	"errors"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// service is the signing name of this API.
const service = "sts"

// caller is who signed a request: a session of a role.
type caller struct {
	role   *directory.Role
	claims session.Claims
}

// arn is the caller's, as GetCallerIdentity shows it.
func (c *caller) arn() string { return c.role.SessionARN(c.claims.SessionName) }

// userID is the unique id of the role and the session's name.
func (c *caller) userID() string { return c.role.UniqueID + ":" + c.claims.SessionName }

// principal is the caller as policies name him: by his session and by his role.
func (c *caller) principal() policy.Principal {
	return policy.Principal{Account: c.role.Account, ARNs: []string{c.role.ARN(), c.arn()}}
}

// context holds the condition keys that every signed request has
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
func (c *caller) context(now time.Time) map[string][]string {
	return map[string][]string{
		"aws:principalarn":     {c.role.ARN()},
		"aws:principalaccount": {c.role.Account},
		"aws:principaltype":    {"AssumedRole"},
		"aws:userid":           {c.userID()},
		"aws:currenttime":      {now.UTC().Format(time.RFC3339)},
		"aws:tokenissuetime":   {c.claims.Issued.Format(time.RFC3339)},
	}
}

// identify returns the caller of a signed request. A session that is over is
// reported only to somebody who holds its secret.
func (s *Server) identify(req *request, d *directory.Snapshot) (*caller, error) {
	signature, err := sigv4.Parse(req.signed)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(signature.AccessKeyID, session.TemporaryPrefix) {
		return nil, invalidClientToken()
	}
	now := s.config.Now()
	claims, secret, opened := d.Sealer().Open(signature.AccessKeyID, signature.SessionToken.Reveal(), now)
	if errors.Is(opened, session.ErrInvalid) {
		return nil, invalidClientToken()
	}
	if opened != nil && !errors.Is(opened, session.ErrExpired) {
		return nil, opened
	}
	if err := s.verifier.Verify(signature, secret, now); err != nil {
		return nil, err
	}
	role := d.RoleByID(claims.Principal)
	switch {
	case role == nil:
		return nil, invalidClientToken()
	case opened != nil:
		return nil, forbidden("ExpiredToken", "The security token included in the request is expired")
	}
	return &caller{role: role, claims: claims}, nil
}
