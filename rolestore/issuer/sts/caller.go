package sts

import (
	"errors"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// service is the signing name of this API.
const service = "sts"

// caller is who signed a request.
type caller struct {
	account string
	// role is that of a role's session, user the one behind a long-term key and behind
	// what GetSessionToken and GetFederationToken make. An account's root has neither.
	role *directory.Role
	user *directory.User
	// claims are the session's; nil with a long-term key.
	claims *session.Claims
	region string // that he signed for
}

func (c *caller) is(k session.Kind) bool { return c.claims != nil && c.claims.Kind == k }

// arn is the caller's, as GetCallerIdentity shows it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
func (c *caller) arn() string {
	switch {
	case c.role != nil:
		return c.role.SessionARN(c.claims.SessionName)
	case c.is(session.FederatedUser):
		return directory.FederatedUserARN(c.account, c.claims.SessionName)
	case c.user != nil:
		return c.user.ARN()
	}
	return "arn:" + directory.Partition + ":sts::" + c.account + ":assumed-root"
}

// userID is aws:userid.
func (c *caller) userID() string {
	switch {
	case c.role != nil:
		return c.role.UniqueID + ":" + c.claims.SessionName
	case c.is(session.FederatedUser):
		return c.account + ":" + c.claims.SessionName
	case c.user != nil:
		return c.user.UniqueID
	}
	return c.account
}

// principal is the caller as policies name him, also by the unique id, which is what
// AWS writes into a policy when it is saved.
func (c *caller) principal() policy.Principal {
	p := policy.Principal{Account: c.account}
	switch {
	case c.role != nil:
		p.ARN, p.UniqueID, p.Session = c.role.ARN(), c.role.UniqueID, c.arn()
	case c.user != nil:
		p.ARN, p.UniqueID = c.user.ARN(), c.user.UniqueID
		if c.is(session.FederatedUser) {
			p.Session = c.arn()
		}
	default:
		p.ARN = directory.RootARN(c.account)
	}
	return p
}

// behind is the user or role whose policies the caller has; nil for a root.
func (c *caller) behind() *directory.Principal {
	switch {
	case c.role != nil:
		return &c.role.Principal
	case c.user != nil:
		return &c.user.Principal
	}
	return nil
}

// identify returns the caller of a signed request. A session that is over is
// reported only to somebody who holds its secret.
func (s *Server) identify(c *call) (*caller, error) {
	signature, err := sigv4.Parse(c.signed)
	if err != nil {
		return nil, err
	}
	if !c.regionFits(signature.Region) {
		return nil, signature.RegionError()
	}
	switch {
	case strings.HasPrefix(signature.AccessKeyID, session.TemporaryPrefix):
		return s.sessionOf(c, signature)
	case strings.HasPrefix(signature.AccessKeyID, directory.LongTermPrefix):
		return s.userOf(c, signature)
	}
	return nil, invalidClientToken()
}

// userOf returns the user whose long-term access key signed.
func (s *Server) userOf(c *call, signature *sigv4.Signature) (*caller, error) {
	key := c.directory.AccessKey(signature.AccessKeyID)
	if key == nil || !key.Active || !signature.SessionToken.IsZero() {
		return nil, invalidClientToken()
	}
	if err := s.verifier.Verify(signature, key.Secret, c.now); err != nil {
		return nil, err
	}
	return &caller{account: key.User.Account, user: key.User, region: signature.Region}, nil
}

// sessionOf returns whose session signed.
func (s *Server) sessionOf(c *call, signature *sigv4.Signature) (*caller, error) {
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
	who := &caller{account: claims.Account, claims: &claims, region: signature.Region}
	switch claims.Kind {
	case session.AssumedRole:
		who.role = c.directory.RoleByID(claims.Principal)
	case session.FederatedUser, session.UserSession:
		who.user = c.directory.UserByID(claims.Principal)
	case session.AssumedRoot: // nobody is behind it but the account
	}
	switch {
	case who.behind() == nil && (claims.Kind != session.AssumedRoot || !c.directory.HasAccount(claims.Account)), !c.desk.Stands(c.directory, claims):
		return nil, invalidClientToken()
	case opened != nil:
		return nil, forbidden("ExpiredToken", "The security token included in the request is expired")
	}
	return who, nil
}

// claim are the claims of a new session, before what it alone has.
func (c *call) claim(kind session.Kind, owner, account, name string, life time.Duration) session.Claims {
	return session.Claims{
		Kind: kind, Principal: owner, Account: account, SessionName: name,
		Issued: c.now, Expires: c.now.Add(life),
	}
}

// seal makes a session. What it carries beyond the space for it is the caller's
// doing.
func (c *call) seal(claims session.Claims) (rolestore.Credentials, error) {
	issued, err := c.directory.Sealer().Issue(claims)
	var large *session.TooLargeError
	if errors.As(err, &large) {
		return issued, packedTooLarge(large.Percent, claims.Restricted())
	}
	return issued, err
}
