// Package source is where an agent's credentials come from: it asks a Security
// Token Service over HTTP.
//
// [WebIdentity] redeems a host token with AssumeRoleWithWebIdentity
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html),
// which needs no key but the host's own. The same call works against any issuer
// that accepts the token; [Dial] lets it go over a Unix socket, so that on one
// machine no other user can put himself in the issuer's place.
//
// [Core] is what the agent asks the core besides: to release an instance, to revoke
// its sessions, what is in a profile, and to be told of what changes. [Join] enrols the
// host with a core that it knows by a join token alone: by the hash of its certificate
// authority, so that nothing is sent to anybody else. [Trust] says by what an issuer is
// known from then on.
//
// Sources do not retry and do not remember: when to ask, and what to serve when
// the answer is no, is the business of the rotate room.
package source
