package sts

import (
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// call is one request on its way through an action.
type call struct {
	*caller.Call
	*Server
	desk *hosts.Desk
}

// action is one operation of the API.
type action struct {
	// signed is false for the operations that present a token of another issuer.
	signed bool
	// regional operations are not there at the global endpoint.
	regional bool
	do       func(*call) ([]query.Element, error)
}

// actions are the operations by their names.
var actions = map[string]action{
	"AssumeRole":                 {signed: true, do: assumeRole},
	"AssumeRoleWithSAML":         {signed: false, do: assumeRoleWithSAML},
	"AssumeRoleWithWebIdentity":  {signed: false, do: assumeRoleWithWebIdentity},
	"AssumeRoot":                 {signed: true, regional: true, do: assumeRoot},
	"DecodeAuthorizationMessage": {signed: true, do: decodeAuthorizationMessage},
	"GetAccessKeyInfo":           {signed: true, do: getAccessKeyInfo},
	"GetCallerIdentity":          {signed: true, do: getCallerIdentity},
	"GetDelegatedAccessToken":    {signed: true, do: getDelegatedAccessToken},
	"GetFederationToken":         {signed: true, do: getFederationToken},
	"GetSessionToken":            {signed: true, do: getSessionToken},
	"GetWebIdentityToken":        {signed: true, regional: true, do: getWebIdentityToken},
}

// leased is the session of a role that a host is given: it ends with the lease
// of its instance.
func (c *call) leased(bought hosts.Redemption, life time.Duration) session.Claims {
	claims := c.claim(session.AssumedRole, bought.Role.UniqueID, bought.Role.Account, bought.Claims.SessionName, life)
	claims.Lease, claims.Region, claims.Tags = bought.Lease, bought.Region, bought.Tags
	claims.Context = []session.Fact{{Key: "ec2:RoleDelivery", Value: bought.Claims.Delivery}}
	return claims
}

// assumedRoleUser describes a session of a role to whoever assumed it.
func assumedRoleUser(role *directory.Role, name string) query.Element {
	return query.Element{Name: "AssumedRoleUser", Children: []query.Element{
		{Name: "AssumedRoleId", Text: role.UniqueID + ":" + name},
		{Name: "Arn", Text: role.SessionARN(name)},
	}}
}

func credentials(c rolestore.Credentials) query.Element {
	return query.Element{Name: "Credentials", Children: []query.Element{
		{Name: "AccessKeyId", Text: c.AccessKeyID},
		{Name: "SecretAccessKey", Text: c.SecretAccessKey.Reveal()},
		{Name: "SessionToken", Text: c.SessionToken.Reveal()},
		{Name: "Expiration", Instant: c.Expiration},
	}}
}
