package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// getSessionToken gives a user temporary credentials of his own, which may say that he
// has his MFA device. It needs no permission, and no policy can deny it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).
func getSessionToken(c *call) ([]query.Element, error) {
	p := newReader(c.Form)
	life := p.duration(sessionTokenLife)
	m := p.mfa()
	if err := p.Err(); err != nil {
		return nil, err
	}
	proved, err := c.prove(m)
	if err != nil {
		return nil, err
	}
	user := c.Caller.User
	claims := c.claim(session.UserSession, user.UniqueID, user.Account, "", life)
	claims.MFA = proved
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	return []query.Element{credentials(issued)}, nil
}
