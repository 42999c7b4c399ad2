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
//	reply      one shape                                  reply.go, xml.go, json.go
//
// Authentication precedes everything that looks at a name, and a role that does
// not exist is refused as one that does, so that no caller learns which exist.
// [Error] is the one form in which a refusal reaches the wire, in errors.go.
//
// A parameter that an action which makes sessions does not understand is refused,
// never ignored: it may be one that restricts the session (Policy, Tags ...). In the
// same way every condition key that AWS sets on each request is set here, in
// context.go, so that no Deny stays silent for the lack of one.
//
// The package must not import imds, network or a database.
package sts
