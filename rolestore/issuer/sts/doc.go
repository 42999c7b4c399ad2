// Package sts speaks the wire protocol of AWS's Security Token Service, version
// 2011-06-15 (https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html):
// AWS's Query protocol, by GET or by POST of a form, answered in XML or, to those
// who accept application/json, in JSON.
//
// A request passes, in this order, which is AWS's as far as it can be observed:
//
//	form       is it a request of this protocol?          request.go
//	action     is there such an action?                   actions.go
//	caller     whose signature is it? (signed actions)    caller.go
//	parameters are they within the model's bounds?        parameters.go
//	action     one file each; authorisation comes last of all
//	reply      one shape, written as XML or JSON          reply.go
//
// Authentication precedes everything that looks at a name, and a role that does
// not exist is refused as one that does, so that no caller learns which exist.
// [Error] is the one form in which a refusal reaches the wire, in errors.go.
//
// A parameter that would restrict the session (Policy, Tags ...) and that is not
// understood is refused, never ignored.
//
// The package must not import imds, network or a database.
package sts
