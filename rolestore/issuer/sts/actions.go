package sts

import (
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// call is one request on its way through an action.
type call struct {
	*request
	directory *directory.Snapshot
	desk      *hosts.Desk
	caller    *caller // nil in an action that takes no signature
	now       time.Time
	who       string // for the log; empty until it is known
}

// action is one operation of the API.
type action struct {
	// signed is false for the operations that present a token of another issuer.
	signed bool
	do     func(*call) ([]element, error)
}

// actions are the operations by their names.
var actions = map[string]action{
	"AssumeRole":                {signed: true, do: assumeRole},
	"AssumeRoleWithWebIdentity": {signed: false, do: assumeRoleWithWebIdentity},
	"GetCallerIdentity":         {signed: true, do: getCallerIdentity},
}

// issue makes the session of a role.
func (c *call) issue(role *directory.Role, name string, life time.Duration) (rolestore.Credentials, error) {
	return c.directory.Sealer().Issue(c.claims(role, name, life))
}

// issueLeased is issue, of a session that a host is given: it ends with the lease of
// its instance.
func (c *call) issueLeased(bought hosts.Redemption, life time.Duration) (rolestore.Credentials, error) {
	claims := c.claims(bought.Role, bought.Claims.SessionName, life)
	claims.Lease = bought.Lease
	for _, k := range slices.Sorted(maps.Keys(bought.Tags)) {
		claims.Tags = append(claims.Tags, session.Tag{Key: k, Value: bought.Tags[k]})
	}
	return c.directory.Sealer().Issue(claims)
}

func (c *call) claims(role *directory.Role, name string, life time.Duration) session.Claims {
	return session.Claims{
		Principal:   role.UniqueID,
		Account:     role.Account,
		SessionName: name,
		Issued:      c.now,
		Expires:     c.now.Add(life),
	}
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
