// Package rolestore is the vocabulary that Rolecall's rooms share: which
// machine asks ([Instance]), what it may have ([Role]) and what it gets
// ([Credentials]). It holds no behaviour beyond validation and redaction.
//
// What lies below, from the instance's side to the core's:
//
//	hold       the agent's two files, cache.db and agent.db, and their snapshots
//	dbfile     a bbolt file whose every value is sealed: opening, damage, holders
//	seal       the envelope around a value, and the keys that open it
//	rotate     when to replace credentials, and what to do when that fails
//	source     where credentials come from: an STS, asked over HTTP
//	hosttoken  the JWT by which a host proves that it speaks for an instance
//	identity   the instance identity document, how it is signed and verified
//	issuer     the core: a Security Token Service, and who may have a role
//
// Names are EC2's and IAM's own, so that a reader of the AWS API reference
// finds here what it says there.
//
// Nothing here may import another room, a database, a network package or gin.
package rolestore
