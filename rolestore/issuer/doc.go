// Package issuer is the issuing core: a Security Token Service that makes
// temporary credentials on demand and says who may have which role.
//
//	front      the door that AWS's APIs share: one listener, one loop
//	query      the wire protocol of these APIs
//	caller     who signed a request, and what he may do
//	sts        the Security Token Service: one file an action
//	iam        the API that accounts are managed by: one file a noun
//	hosts      what a host may ask for on behalf of its instances
//	relying    what services ask about requests that they received
//	saml       what a SAML identity provider says of a person
//	session    session tokens: credentials without a record of them
//	sigv4      whose signature is this
//	policy     what do these documents allow
//	directory  accounts, roles, profiles, hosts, grants, leases and keys, in core.db
//
// [Core] puts them together and has two surfaces. [Core.Public] is for everybody:
// AWS's API, and below [hosttoken.Prefix] what hosts ask for besides credentials, each
// request signed with the host's key. A host keeps a stream of events open, by which it
// hears at once that a session has become worthless. [Core.Certificates] are for that
// surface off loopback, signed by an authority of the core's own that its join tokens
// name. Services that rely on the core's credentials ask it there too, by the package
// rolestore/verify. Identity documents are signed by another key, of the site's certificate, which
// is on the same surface for everybody to verify by.
//
// [Core.Private] is the same for a network that shall reach no more of it than a policy
// lets through.
//
// [Core.Admin] is for a Unix socket whose permissions
// decide who may open it: no administrator's key lies on a disk, and whoever may
// open the socket gets a short session of the administrator's role instead.
//
// The core keeps nothing for a session, so memory does not grow with what it
// issues, and a restart forgets nothing.
//
// It must not import imds, network, hold, rotate or source: those are the agent's.
package issuer
