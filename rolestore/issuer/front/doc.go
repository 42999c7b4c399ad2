// Package front is the door that STS and IAM share: one listener, one loop. A request
// passes, in this order, which is AWS's as far as it can be observed:
//
//	form       is it a request of the Query protocol?     query
//	version    which API is it of? is there such an operation?
//	caller     whose signature is it? (signed operations)  caller
//	operation  parameters within the model's bounds, authorisation, the deed
//	reply      one shape, and a line in the log
//
// An [API] says what it alone knows: its operations, its version, its signing name, and
// the names of AWS's that are its own. Host names of AWS's lead to that API and no other;
// else the version decides, which no two APIs share. That the signature is for the API
// that it is sent to is verified, as the service's name is in its scope.
//
// Callers who have not proved who they are share a rate by their source; see [Sources].
//
// The package must not import an API, network or a database.
package front
