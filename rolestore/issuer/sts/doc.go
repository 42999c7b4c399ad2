// Package sts speaks the wire protocol of AWS's Security Token Service, version
// 2011-06-15 (https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html).
//
// How a request comes here, and its reply back, is the business of front and query, who
// its caller is and what he may do that of caller. Here is one file an action: its
// parameters within the model's bounds (parameters.go), authorisation last of all.
//
// Authentication precedes everything that looks at a name, and a role that does
// not exist is refused as one that does, so that no caller learns which exist.
//
// A parameter that an action which makes sessions does not understand is refused,
// never ignored: it may be one that restricts the session (Policy, Tags ...). In the
// same way each action sets every condition key that AWS sets on it.
//
// The package must not import imds, network or a database.
package sts
