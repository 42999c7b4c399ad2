// Package policy is IAM's policy language: it reads documents, decides by them
// whether a request is allowed, and says why
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html).
//
// To decide, a caller puts together who asks for what, with which condition keys,
// and all the policies that have a say:
//
//	context := policy.NewContext()
//	context.Set("sts:ExternalId", "12345") // SetBool, SetInt, SetTime, SetAddr; SetAll for lists
//	d := policy.Evaluate(
//		policy.Request{Principal: who, Action: "sts:AssumeRole", Resource: roleARN, Context: context},
//		policy.Policies{Resource: &trust, Identity: own, Boundary: boundary, Session: session})
//
// [Decision] holds the outcome, the statements that decided, the types of policies
// that should have allowed and did not, and the condition keys that were missing.
// [Decision.Because] is the end of AWS's AccessDenied text. [Explain] says of each
// single statement why it applies or not.
//
// The caller's [Principal] has the ARN and unique id of its user or role, and in
// Session the ARN of the session that it is:
//
//	user, also with GetSessionToken    Account, ARN, UniqueID
//	role session, however assumed      Account, ARN and UniqueID of the role, Session
//	federated user                     Account, ARN and UniqueID of the user, Session
//	root, also with AssumeRoot         Account, ARN arn:aws:iam::<Account>:root
//	AWS service                        Service
//	web identity or SAML assertion     Federated
//
// How the types of policies come together:
//
//	any Deny that applies, anywhere               ExplicitDeny
//	a role's session is asked for                 its trust policy must allow
//	caller and resource of two accounts           the resource's policy must allow
//	caller without an account                     the resource's policy alone must name it
//	the resource's policy, of the same account,
//	  names the caller or everyone                nothing else is needed
//	  names the role or user behind the session   boundary and session policies must allow
//	  names the account, or nobody                identity policies too
//	else                                          identity, boundary and session must all allow
//
// with two additions: a user's boundary must allow a role's session even where the
// trust policy names the user, and a federated user made without session policies
// has only what a resource's policy grants to him directly. That sts:TagSession and
// sts:SetSourceIdentity need a decision of their own is the business of the caller,
// as is GetCallerIdentity, which asks nobody.
//
// Documents are read by [Parse]; what an [Error] has as Message is the text for the
// wire, and its whole text the one for people. [Freeze] turns the users and roles
// that a trust policy names into unique ids before it is kept, and [Thaw] turns them
// back. [CheckTrustSize] and its like know the quotas. [Fold] says which keys, and
// so which tags, are the same.
//
// One rule goes before all others: what the evaluator does not know, it does not
// ignore. An unknown element, condition operator, qualifier or principal type makes
// Parse fail. A request's value that an operator cannot read, such as an IpAddress
// that is none, or one of more than 8 KiB, lets a Deny apply and an Allow not. A
// resource that does not say whose it is belongs to another account.
//
// Work is bounded: by [MaxSize] and the nesting of a document, by the length of a
// value, by patterns that never go back, so that they take at most the product of
// the two lengths, and by the effort that one decision is worth, beyond which a
// request is denied.
//
// A Document does not change once parsed and is safe for concurrent use. The
// package is pure: no network, no database, no clock, and the request's context is
// all it knows.
package policy
