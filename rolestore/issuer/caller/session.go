package caller

import (
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/policy"
	"github.com/rolecall/rolecall/rolestore/issuer/session"
)

// denyAll is AWS's own policy that does so.
const denyAll = "arn:aws:iam::aws:policy/AWSDenyAll"

// sessionPolicies are those that a session was made with, as their documents are now.
// If one cannot be read any more, nobody knows what it would have denied, and
// everything is, also what a trust policy grants to the session by its name.
func sessionPolicies(d *directory.Snapshot, claims *session.Claims) policy.Set {
	set := policy.Set{}
	unknown := func(name string) {
		set = append(set, policy.Policy{Name: name + ", which is gone", Document: d.ManagedPolicy(denyAll).Document})
	}
	if claims.Policy != "" {
		const name = "session policy"
		if document, err := policy.Parse(policy.Identity, []byte(claims.Policy)); err == nil {
			set = append(set, policy.Policy{Name: name, Document: document})
		} else {
			unknown(name)
		}
	}
	for _, arn := range claims.PolicyARNs {
		if p := d.ManagedPolicy(arn); p != nil {
			set = append(set, policy.Policy{Name: arn, Document: p.Document})
		} else {
			unknown(arn)
		}
	}
	return set
}
