// Package imds is the metadata server: it answers instances as EC2's Instance
// Metadata Service does at 169.254.169.254, so that unmodified SDKs find their
// role's credentials
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html).
//
//	socket   which instance it belongs to is settled once, when it is accepted
//	         what never becomes a request: unread.go
//	limits   how often an instance may ask: throttle.go; how much of a body is read: body.go
//	gate     the checks before any route: gate.go
//	route    PUT /latest/api/token: session.go
//	         how far its reply goes: hops.go
//	         GET and HEAD of everything else: metadata.go
//	         what containers ask for at other addresses: containers.go
//	refusal  what can go wrong: refusals.go; its one translator: errors.go
//
// Every instance has a state: an immutable snapshot of its definition, its tree
// and its documents, rendered when they were published. A request loads the
// snapshot once, by an atomic pointer, and takes no lock. Put, Publish, Refuse
// and Remove replace it under Server.mu and wake those who wait for a document.
//
// A connection holds on to one life of an instance, not to an id: when the
// instance is removed, its open connections are of nobody, even if the id comes
// back.
//
// An instance identity document is served from the start, and listed with its signatures
// once they are published: never one that does not match the document beside it.
//
// The package takes from this module rolestore's vocabulary, rolestore/identity and
// surface, imds/token, imds/tree and imds/container, and nothing else: who attaches
// instances, who fetches credentials and who signs documents is not known here.
package imds
