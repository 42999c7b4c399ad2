package sts

import (
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// admit refuses those who may not call an action whatever any policy says
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
// and its neighbours).
func (c *call) admit() error {
	who := c.Caller
	switch c.Action {
	case "GetCallerIdentity":
		return nil
	case "GetSessionToken", "GetFederationToken":
		if who.Claims != nil {
			return query.Forbidden("AccessDenied", "Cannot call "+c.Action+" with session credentials")
		}
	case "AssumeRole":
		if who.Is(session.AssumedRoot) {
			return query.Forbidden("AccessDenied", "Roles may not be assumed by root accounts.")
		}
		if who.Is(session.FederatedUser) {
			return query.Forbidden("AccessDenied", "Cannot call AssumeRole with session credentials")
		}
	default:
		if who.Is(session.FederatedUser) || who.Is(session.UserSession) || who.Is(session.AssumedRoot) {
			return query.Forbidden("AccessDenied", "Cannot call "+c.Action+" with session credentials")
		}
	}
	return nil
}
