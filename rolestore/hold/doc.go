// Package hold keeps what a host's agent must not forget, in two sealed files
// below its state directory, and serves it from memory.
//
//	agent.db  host       id, key, fingerprint, token_keys, enrolment
//	          instances  <instance id> -> rolestore.Instance and its registration
//	          releases   <instance id>, of those whose lease is to be given up at the core
//	cache.db  credentials <instance id> -> incarnation, role and credentials
//	          identity_documents <instance id> -> incarnation and the signed document
//
// [Agent] is the identity of the host and of its instances. Every change of it is
// on the disk before the call returns, and a damaged file stops the agent. It is
// tied to the machine that made it: a copy of a machine's image does not go on as
// the original, but makes identities of its own. A life of an instance is its
// incarnation:
//
//	put ──> waiting ──bind──> bound ──end──> ended ──put──> waiting, a new life
//
// [Cache] is what the issuer would give again. A credential is served from the
// moment of [Cache.Put] and on the disk a tenth of a second later; a full disk
// costs nothing but the cache's use after a restart; a damaged file is set aside.
// Only [Cache.Remove] waits for the disk.
//
// Invariants: a wrong key is no damage, and is an error that changes nothing. A
// record is served only to the incarnation, the role and the pod that it was fetched for.
// What one instance costs does not grow with the number of the others, and nobody
// who reads waits for the disk.
// Nothing here may import rolestore/issuer, a network package or gin.
package hold
