// Package source is where an agent's credentials come from: it asks a Security
// Token Service over HTTP.
//
// [WebIdentity] redeems a host token with AssumeRoleWithWebIdentity
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html),
// which needs no key but the host's own. The same call works against any issuer
// that accepts the token; [Dial] lets it go over a Unix socket, so that on one
// machine no other user can put himself in the issuer's place.
//
// Sources do not retry and do not remember: when to ask, and what to serve when
// the answer is no, is the business of the rotate room.
package source
