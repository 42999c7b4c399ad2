package oidc

import (
	"errors"
	"strings"
)

// Provider is what tokens of one issuer are checked by.
type Provider struct {
	// Issuer is the URL that is iss in its tokens, to the letter; discovery begins there.
	Issuer string
	// Alias is another iss for the same; empty for none.
	Alias string
	// Endpoint is where discovery begins if not at Issuer.
	Endpoint string
	// ClientIDs are the audiences that are accepted.
	ClientIDs []string
	// AnyClient accepts every audience: the trust policy says which.
	AnyClient bool
	// Thumbprints are the SHA-1 of certificates, 40 hexadecimal digits each, that may
	// stand at the top of the server's chain where no public authority does
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
	Thumbprints []string
	// CA is a bundle of certificates in PEM that the server is checked by in the place of
	// the system's.
	CA string
	// OnPremises lets the provider be at a private address or on loopback.
	OnPremises bool
}

// Prefix is what the provider's condition keys begin with, and what its ARN ends in: the
// issuer without its scheme.
func Prefix(issuer string) string { return strings.TrimPrefix(issuer, "https://") }

// The refusals of a token. What wraps them says more, and may be told to the caller.
var (
	// ErrMalformed is of what is no ID token.
	ErrMalformed = errors.New("not a valid ID token")
	// ErrExpired is of a token that was valid once.
	ErrExpired = errors.New("token expired")
	// ErrInvalid is of any other that is not to be believed.
	ErrInvalid = errors.New("invalid identity token")
	// ErrKeys is of a provider whose keys cannot be had, or do not have the token's.
	ErrKeys = errors.New("no verification key from the identity provider")
	// ErrUnreachable is of a provider that does not answer. Asking again may help.
	ErrUnreachable = errors.New("the identity provider cannot be reached")
)
