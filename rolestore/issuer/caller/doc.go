// Package caller knows who signed a request, and what he may do: whose signature it is,
// the condition keys that policies may ask for, and all the policies that have a say.
//
//	caller.go     a user, a role's session, a federated user, or an account's root
//	identify.go   from a signature to its caller
//	context.go    the condition keys that every signed request has
//	session.go    the policies that a session was made with
//	endpoint.go   what the private endpoint that the request came through lets through
//	authorize.go  a decision, AWS's text of a refusal, and its encoded message
//
// Every condition key that AWS sets on each request is set here, so that no Deny stays
// silent for the lack of one. Authentication precedes everything that looks at a name.
//
// [Call] is one signed request on its way. Services add what their own operations need.
//
// The package must not import gin, net/http or a database.
package caller
