package caller

import (
	"errors"
	"strings"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// Leases says which sessions have ended before their time.
type Leases interface {
	// Stands reports whether the lease that a session is of, if any, still holds.
	Stands(*directory.Snapshot, session.Claims) bool
}

// Signed is a request whose caller is to be found.
type Signed struct {
	Request   sigv4.Request
	Directory *directory.Snapshot
	Leases    Leases
	Verifier  *sigv4.Verifier
	// Fits reports whether the caller may have signed for a region.
	Fits func(region string) bool
	Now  time.Time
}

// Identify returns the caller of a signed request. A session that is over is
// reported only to somebody who holds its secret.
func (s Signed) Identify() (*Caller, error) {
	signature, err := sigv4.Parse(s.Request)
	if err != nil {
		return nil, err
	}
	if !s.Fits(signature.Region) {
		return nil, signature.RegionError()
	}
	switch {
	case strings.HasPrefix(signature.AccessKeyID, session.TemporaryPrefix):
		return s.sessionOf(signature)
	case strings.HasPrefix(signature.AccessKeyID, directory.LongTermPrefix):
		return s.userOf(signature)
	}
	return nil, invalidClientToken()
}

// userOf returns the user whose long-term access key signed.
func (s Signed) userOf(signature *sigv4.Signature) (*Caller, error) {
	key := s.Directory.AccessKey(signature.AccessKeyID)
	if key == nil || !key.Active || !signature.SessionToken.IsZero() {
		return nil, invalidClientToken()
	}
	if err := s.Verifier.Verify(signature, key.Secret, s.Now); err != nil {
		return nil, err
	}
	return &Caller{Account: key.User.Account, User: key.User, Region: signature.Region}, nil
}

// sessionOf returns whose session signed.
func (s Signed) sessionOf(signature *sigv4.Signature) (*Caller, error) {
	claims, secret, opened := s.Directory.Sealer().Open(signature.AccessKeyID, signature.SessionToken.Reveal(), s.Now)
	if errors.Is(opened, session.ErrInvalid) {
		return nil, invalidClientToken()
	}
	if opened != nil && !errors.Is(opened, session.ErrExpired) {
		return nil, opened
	}
	if err := s.Verifier.Verify(signature, secret, s.Now); err != nil {
		return nil, err
	}
	who := &Caller{Account: claims.Account, Claims: &claims, Region: signature.Region}
	switch claims.Kind {
	case session.AssumedRole:
		who.Role = s.Directory.RoleByID(claims.Principal)
	case session.FederatedUser, session.UserSession:
		who.User = s.Directory.UserByID(claims.Principal)
	case session.AssumedRoot: // nobody is behind it but the account
	}
	switch {
	case who.Behind() == nil && (claims.Kind != session.AssumedRoot || !s.Directory.HasAccount(claims.Account)), !s.Leases.Stands(s.Directory, claims):
		return nil, invalidClientToken()
	case opened != nil:
		return nil, query.Forbidden("ExpiredToken", "The security token included in the request is expired")
	}
	return who, nil
}

func invalidClientToken() *query.Error {
	return query.Forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
}
