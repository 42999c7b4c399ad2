package sts

import (
	"errors"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// claim are the claims of a new session, before what it alone has.
func (c *call) claim(kind session.Kind, owner, account, name string, life time.Duration) session.Claims {
	return session.Claims{
		Kind: kind, Principal: owner, Account: account, SessionName: name,
		Issued: c.Now, Expires: c.Now.Add(life),
	}
}

// seal makes a session. What it carries beyond the space for it is the caller's
// doing.
func (c *call) seal(claims session.Claims) (rolestore.Credentials, error) {
	if err := c.checkRegion(claims.Account); err != nil {
		return rolestore.Credentials{}, err
	}
	issued, err := c.Directory.Sealer().Issue(claims)
	var large *session.TooLargeError
	if errors.As(err, &large) {
		return issued, packedTooLarge(large.Percent, claims.Restricted())
	}
	return issued, err
}
