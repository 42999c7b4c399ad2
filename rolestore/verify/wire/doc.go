// Package wire is what a service and the core say to each other about a request that
// the service received: [Question], which a service POSTs to [Path], signed by SigV4
// with credentials of its own for the service name [Service]; and [Answer].
//
// What goes over is what a signature covers: method, path, query, the signed headers,
// and the hash of the body. None of it is a secret: a signature is good for its request
// alone, and a session token for nobody who lacks the secret access key. The body itself
// stays where it is.
//
// The package is pure, and imports nothing of the core's or of a service's.
package wire
