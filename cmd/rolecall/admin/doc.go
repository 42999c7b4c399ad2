// Package admin is the agent's admin API: HTTP on a Unix socket, whose
// permissions decide who may use it. Its nouns are EC2's, its bodies JSON.
//
//	GET    /v1/status                         what the agent serves to whom, and what went wrong last
//	GET    /v1/instances                      all instances
//	PUT    /v1/instances/{id}                 a [Document]; answered when it is durable, and attached or waiting
//	GET    /v1/instances/{id}                 one [Instance]
//	GET    /v1/instances/{id}/environment     the variables by which a container finds its credentials
//	DELETE /v1/instances/{id}                 ends it
//	POST   /v1/instances/{id}/revoke          its credentials end, here and at the core; others are fetched
//	POST   /v1/instances/{id}/events          sets or clears an event, at once or at a time
//	GET    /v1/instances/{id}/ready?wait=5s   answered when it is attached and its first credentials are stored
//
// A refusal is {"message": "..."} with a status by which a program can decide; the
// errors of this package stand for the statuses, in what implements [Instances] and
// in what [Client] returns. Who changed what is logged by the user and process that
// the kernel names (SO_PEERCRED).
//
// The types here are the wire; `rolecall status -o json` prints them as they are.
// No answer carries a secret, but that with a container's variables.
//
// The package knows no rooms but surface and the vocabulary of rolestore: the
// command fills in what it shows, and does what it asks for.
package admin
