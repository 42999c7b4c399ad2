package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// getSessionToken gives a user temporary credentials of his own, which may say that he
// has his MFA device. It needs no permission, and no policy can deny it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html).
func getSessionToken(c *call) ([]element, error) {
	p := newReader(c.form)
	life := p.duration(sessionTokenLife)
	m := p.mfa()
	if err := p.err(); err != nil {
		return nil, err
	}
	proved, err := c.prove(m)
	if err != nil {
		return nil, err
	}
	user := c.caller.user
	claims := c.claim(session.UserSession, user.UniqueID, user.Account, "", life)
	claims.MFA = proved
	issued, err := c.seal(claims)
	if err != nil {
		return nil, err
	}
	return []element{credentials(issued)}, nil
}
