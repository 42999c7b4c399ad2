// Package query is AWS's Query protocol, as STS and IAM speak it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html): by GET or by
// POST of a form, answered in XML or, to those who accept application/json, in JSON.
//
//	request.go  what was asked: action, version and parameters
//	reader.go   parameters within the bounds of a service's model
//	reply.go    one shape of replies, which xml.go and json.go write
//	errors.go   [Error], the one form in which a refusal reaches the wire
//
// A parameter that an operation does not understand is refused, never ignored: it may be
// one that restricts what is asked for.
//
// The package knows no operation, no caller and no directory, and imports of this module
// the vocabulary of sigv4 alone.
package query
