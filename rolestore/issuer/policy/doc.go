// Package policy reads IAM's JSON policy documents and decides what they say
// about a request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
//
// [Parse] compiles a document, [Document.Evaluate] asks it:
//
//	any Deny that applies                     ExplicitDeny
//	else any Allow that applies               Allow
//	else                                      ImplicitDeny
//
// A statement applies when its principal, its action and its resource match and
// all its conditions hold. How the results of several documents combine (trust
// and identity policies, boundaries, sessions, accounts) is decided not here but
// in the issuer's sts room.
//
// One rule goes before all others: what the evaluator does not know, it does not
// ignore. An unknown element, condition operator, qualifier, principal type, or a
// policy variable where the document's version has them, makes Parse fail with an
// [*Error] that names it and its place. A request's value that an operator cannot
// read, such as an IpAddress that is none, lets a Deny apply and an Allow not.
//
// A Document does not change once parsed and is safe for concurrent use. The
// package is pure: no network, no clock, and the request's context is all it knows.
package policy
