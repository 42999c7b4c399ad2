// Package oidc verifies the ID tokens of OpenID Connect providers
// (https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation), by the
// rules of AssumeRoleWithWebIdentity
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
//
// [Verify] is pure: a token, the keys, what the provider is configured with and the
// time. [Keys] finds the keys: by discovery
// (https://openid.net/specs/openid-connect-discovery-1_0.html), over a [door] that opens
// to public addresses alone unless an operator says otherwise, and keeps them.
//
// Whoever presents a token is a stranger. So
//
//   - nothing is fetched for a token whose issuer is not configured;
//   - a key id that is not known makes the keys be read again once in a while, not each
//     time;
//   - a provider that is away costs its own callers its time-out, others nothing, and is
//     left in peace for a while;
//   - errors say what is wrong and quote nothing of the token.
//
// It must not import gin, bbolt or the directory.
package oidc
