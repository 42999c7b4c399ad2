// Package hosts decides what a host may ask the core for. It is the counterpart
// of EC2 itself, which at AWS is trusted to hand each instance its own role.
//
// A host presents a host token (see hosttoken). It is redeemed if
//
//	its signature is that of the registered host that it names,
//	the request around it asks for exactly what the token says,
//	the session is named after the instance,
//	the host's grant covers the instance and a profile that holds the role, and
//	the role's trust policy lets the service ec2.amazonaws.com assume it,
//
// evaluated once, as action sts:AssumeRole, so that trust policies copied from
// AWS work as they are. A grant alone gives nothing, and neither does trust.
//
// The package must not import gin, network, a database or a clock.
package hosts
