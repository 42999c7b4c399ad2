package caller

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// Caller is who signed a request.
type Caller struct {
	Account string
	// Role is that of a role's session, User the one behind a long-term key and behind
	// what GetSessionToken and GetFederationToken make. An account's root has neither.
	Role *directory.Role
	User *directory.User
	// Claims are the session's; nil with a long-term key.
	Claims *session.Claims
	Region string // that he signed for
}

// Is reports whether the caller is a session of that kind.
func (c *Caller) Is(k session.Kind) bool { return c.Claims != nil && c.Claims.Kind == k }

// ARN is the caller's, as GetCallerIdentity shows it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
func (c *Caller) ARN() string {
	switch {
	case c.Role != nil:
		return c.Role.SessionARN(c.Claims.SessionName)
	case c.Is(session.FederatedUser):
		return directory.FederatedUserARN(c.Account, c.Claims.SessionName)
	case c.User != nil:
		return c.User.ARN()
	}
	return "arn:" + directory.Partition + ":sts::" + c.Account + ":assumed-root"
}

// UserID is aws:userid.
func (c *Caller) UserID() string {
	switch {
	case c.Role != nil:
		return c.Role.UniqueID + ":" + c.Claims.SessionName
	case c.Is(session.FederatedUser):
		return c.Account + ":" + c.Claims.SessionName
	case c.User != nil:
		return c.User.UniqueID
	}
	return c.Account
}

// Principal is the caller as policies name him, also by the unique id, which is what
// AWS writes into a policy when it is saved.
func (c *Caller) Principal() policy.Principal {
	p := policy.Principal{Account: c.Account}
	switch {
	case c.Role != nil:
		p.ARN, p.UniqueID, p.Session = c.Role.ARN(), c.Role.UniqueID, c.ARN()
	case c.User != nil:
		p.ARN, p.UniqueID = c.User.ARN(), c.User.UniqueID
		if c.Is(session.FederatedUser) {
			p.Session = c.ARN()
		}
	default:
		p.ARN = directory.RootARN(c.Account)
	}
	return p
}

// Behind is the user or role whose policies the caller has; nil for a root.
func (c *Caller) Behind() *directory.Principal {
	switch {
	case c.Role != nil:
		return &c.Role.Principal
	case c.User != nil:
		return &c.User.Principal
	}
	return nil
}
