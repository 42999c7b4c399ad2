// Package relying answers services that rely on the core's credentials: who signed a
// request that the service received, and may he do what it asks for?
//
// A service asks by a [wire.Question], which its own credentials sign, of a role that is
// allowed [wire.VerifyAction], and for a decision [wire.AuthorizeAction]. In this order:
//
//	the asker      whose signature is it, and may he ask?       server.go
//	the question   is it one?                                   question.go
//	the request    whose signature is it?                       request.go
//	the decision   by the policies of that caller               decision.go
//
// What a service may say of a request is what it knows: its own condition keys, and the
// way that the request came. What policies ask about the caller comes from the core.
//
// The package must not import an API, network or a database.
package relying
