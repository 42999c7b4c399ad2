package sts

import (
	"errors"
	"strings"

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
	region string // that he signed for
}

// arn is the caller's, as GetCallerIdentity shows it.
func (c *caller) arn() string { return c.role.SessionARN(c.claims.SessionName) }

// userID is the unique id of the role and the session's name.
func (c *caller) userID() string { return c.role.UniqueID + ":" + c.claims.SessionName }

// principal is the caller as policies name him: by his session and by his role,
// whose unique id is what AWS writes into a policy when it is saved.
func (c *caller) principal() policy.Principal {
	return policy.Principal{Account: c.role.Account, ARN: c.role.ARN(), UniqueID: c.role.UniqueID, Session: c.arn()}
}

// identify returns the caller of a signed request. A session that is over is
// reported only to somebody who holds its secret.
func (s *Server) identify(c *call) (*caller, error) {
	signature, err := sigv4.Parse(c.signed)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(signature.AccessKeyID, session.TemporaryPrefix) {
		return nil, invalidClientToken()
	}
	claims, secret, opened := c.directory.Sealer().Open(signature.AccessKeyID, signature.SessionToken.Reveal(), c.now)
	if errors.Is(opened, session.ErrInvalid) {
		return nil, invalidClientToken()
	}
	if opened != nil && !errors.Is(opened, session.ErrExpired) {
		return nil, opened
	}
	if err := s.verifier.Verify(signature, secret, c.now); err != nil {
		return nil, err
	}
	role := c.directory.RoleByID(claims.Principal)
	switch {
	case role == nil, !c.desk.Stands(c.directory, claims):
		return nil, invalidClientToken()
	case opened != nil:
		return nil, forbidden("ExpiredToken", "The security token included in the request is expired")
	}
	return &caller{role: role, claims: claims, region: signature.Region}, nil
}
