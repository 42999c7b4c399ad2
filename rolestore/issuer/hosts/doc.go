// Package hosts decides what a host may ask the core for. It is the counterpart
// of EC2 itself, which at AWS is trusted to hand each instance its own role.
//
// A host presents a host token (see hosttoken). It is redeemed if
//
//	its signature is that of the registered host that it names,
//	the request around it asks for exactly what the token says,
//	it was not used before,
//	the session is named after the instance,
//	a grant of the host's covers the instance and a profile that holds the role,
//	the grant lists the keys of all session tags that the token sets,
//	the role's trust policy lets the service ec2.amazonaws.com assume it, and
//	the instance is leased to no other host,
//
// evaluated once, as action sts:AssumeRole, so that trust policies copied from
// AWS work as they are. A grant alone gives nothing, and neither does trust. The
// session's tags are the grant's own, which no token changes, and those of the token.
//
// The session carries the lease of its instance. It is good for as long as
// [Desk.Stands] says: until the lease is released or revoked, the grant is taken away
// or the host removed.
//
// Which tokens were used is remembered for the minute that they live, and not over a
// restart: a token of before the start of the core is refused. All that comes of
// tokens is counted; see [Desk.Counts].
//
// The package must not import gin, network, a database or a clock.
package hosts
