// Package hosttoken is the JSON Web Token by which a host proves to the issuing
// core that it asks on behalf of one of its instances.
//
// It is a JWT (RFC 7519) in JWS compact form, signed with the host's own key by
// ES256 (RFC 7518 section 3.4), presented as the WebIdentityToken of
// AssumeRoleWithWebIdentity, and told apart from every identity provider's token
// by its header, as RFC 8725 section 3.11 advises:
//
//	{"typ": "rolecall-host+jwt", "alg": "ES256"}
//	{"iss": "h-...", "aud": "<core id>", "sub": "i-...", "iat": ..., "exp": ..., "jti": "...",
//	 "role_arn": "arn:aws:iam::...:role/...", "role_session_name": "i-...", "duration_seconds": 21600,
//	 "role_delivery": "2.0", "tags": {"kubernetes-namespace": "shop"}}
//
// It lives for at most [MaxLifetime] and names the role, the session and the
// duration, so that one that is overheard buys nothing but the very same request,
// and as the core remembers its name (jti), that once. Whether the host may have
// what it asks for is not decided here but in the issuer's hosts room.
//
// A second token, of the type rolecall-call+jwt, makes one call of the core's host
// API, which it names by method and path (htm and htu, as in RFC 9449 section 4.2);
// see [SignCall]. Neither is taken for the other. The calls are listed at [Prefix].
// A host comes to be registered by an [Invitation].
//
// The agent signs and the core verifies; both take the form from here, so that
// it is written down once. The package reads no clock and no network.
package hosttoken
