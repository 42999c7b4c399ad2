package rolestore

import "errors"

var (
	// ErrIncompleteCredentials is returned when an issuer answered credentials
	// that lack a member or have expired before they began.
	ErrIncompleteCredentials = errors.New("the issuer's credentials are incomplete: want an access key, a secret, a token and a later expiry")

	// ErrRefused is returned when the issuer said no with authority, as with
	// AccessDenied: asking again will not help until someone changes a policy.
	ErrRefused = errors.New("the issuer refuses the role")
)
