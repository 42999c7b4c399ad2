// Package iam is AWS's Identity and Access Management API, version 2010-05-08
// (https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html), for what the core
// has: how an administrator manages the accounts of a core with the tools that he has.
//
// How a request comes here, and its reply back, is the business of front and query, who
// its caller is and what he may do that of caller, what there is and how it changes that
// of directory. Here is one file a noun, and in it one [operation] an action:
//
//	takes    its parameters, with the bounds of the model (parameters.go)
//	on       what it is done to: the ARN and the tags that policies judge
//	keys     condition keys beyond those of every request and of tags
//	do       what it does, once the caller may, and what is answered
//
// [Server.perform] goes through them in this order for every operation: parameters,
// authorisation, the deed. No operation is without authorisation, and none looks a name up
// before it but to say whose tags count, so that a caller without a permission hears the
// same whether there is such a thing or not.
//
// To add a noun:
//
//  1. directory: its definition, record and snapshot, and a file <noun>change.go with
//     Create<Noun>, Change<Noun> and Delete<Noun>, each one d.change; see rolechange.go.
//     Refusals there are the sentinels of apichange.go, [policy.Error] and
//     [policy.QuotaError].
//  2. <noun>.go: a noun{...} with AWS's texts of what is gone and what exists; a table
//     of operations, which operations.go adds to the others; how it is shown.
//  3. <noun>_test.go: over HTTP with the SDK; who may and who may not; what is in use;
//     what the file manages.
//
// A list goes through [page], tags through tags.go, managed policies that are attached
// through attached.go, inline ones through inline.go, and errors of the directory through
// [refusal], the one place where they become AWS's codes.
//
// What core.yaml names is the file's: changes are refused, with its name. So is a change of
// the administrator's role of an account, which the core keeps. What else is built in is
// the API's once it was changed by it.
//
// The package must not import gin, net/http or a database.
package iam
