package sts

import (
	"strconv"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// call is one request on its way through an action.
type call struct {
	*request
	*Server
	directory *directory.Snapshot
	desk      *hosts.Desk
	caller    *caller     // nil in an action that takes no signature
	session   *policy.Set // the caller's session policies, once they were asked for
	now       time.Time
	who       string // for the log; empty until it is known
}

// action is one operation of the API.
type action struct {
	// signed is false for the operations that present a token of another issuer.
	signed bool
	// regional operations are not there at the global endpoint.
	regional bool
	do       func(*call) ([]element, error)
}

// actions are the operations by their names.
var actions = map[string]action{
	"AssumeRole":                 {signed: true, do: assumeRole},
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
func assumedRoleUser(role *directory.Role, name string) element {
	return element{name: "AssumedRoleUser", children: []element{
		{name: "AssumedRoleId", text: role.UniqueID + ":" + name},
		{name: "Arn", text: role.SessionARN(name)},
	}}
}

func credentials(c rolestore.Credentials) element {
	return element{name: "Credentials", children: []element{
		{name: "AccessKeyId", text: c.AccessKeyID},
		{name: "SecretAccessKey", text: c.SecretAccessKey.Reveal()},
		{name: "SessionToken", text: c.SessionToken.Reveal()},
		{name: "Expiration", instant: c.Expiration},
	}}
}

// number is an element with an integer.
func number(name string, n int) element {
	return element{name: name, text: strconv.Itoa(n), bare: true}
}
