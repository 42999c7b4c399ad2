package sts

import "github.com/rolecall/rolecall/rolestore/issuer/session"

// admit refuses those who may not call an action whatever any policy says
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
// and its neighbours).
func (c *call) admit() error {
	who := c.caller
	switch c.action {
	case "GetCallerIdentity":
		return nil
	case "GetSessionToken", "GetFederationToken":
		if who.claims != nil {
			return forbidden("AccessDenied", "Cannot call "+c.action+" with session credentials")
		}
	case "AssumeRole":
		if who.is(session.AssumedRoot) {
			return forbidden("AccessDenied", "Roles may not be assumed by root accounts.")
		}
		if who.is(session.FederatedUser) {
			return forbidden("AccessDenied", "Cannot call AssumeRole with session credentials")
		}
	default:
		if who.is(session.FederatedUser) || who.is(session.UserSession) || who.is(session.AssumedRoot) {
			return forbidden("AccessDenied", "Cannot call "+c.action+" with session credentials")
		}
	}
	return nil
}
