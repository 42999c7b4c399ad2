// Package rolecall is the repository's root. It holds no code: only the drawing
// of its rooms, which layout_test.go holds the code against.
//
//	instance ── 169.254.169.254 ──> network ──> imds          which instance asks, and what it sees
//	                                   │           ▲
//	                                cmd/rolecall   │ credentials, already rendered
//	                                   │           │
//	                                rolestore/rotate ──> hold    when to replace them, where they are kept
//	                                   │
//	                                rolestore/source             asks, with a host token
//	                                   │
//	                                   ▼  AssumeRoleWithWebIdentity
//	                                rolestore/issuer             the core: sts, hosts, policy, session, directory
//
// cmd/rolecall puts the rooms together. network knows no roles, imds no links;
// the agent's rooms never import the issuer's, nor the issuer's the agent's:
// between them is HTTP, even in one process.
package rolecall
