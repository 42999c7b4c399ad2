package rolestore

import "time"

// Credentials are temporary security credentials of a role, as
// AssumeRole answers them
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html).
type Credentials struct {
	// AccessKeyID begins with ASIA and is no secret.
	AccessKeyID string
	// SecretAccessKey signs requests.
	SecretAccessKey Secret
	// SessionToken accompanies each signed request. EC2's metadata calls it Token.
	SessionToken Secret
	// LastUpdated is when they were issued, UTC, whole seconds.
	LastUpdated time.Time
	// Expiration is when they stop working, UTC, whole seconds.
	Expiration time.Time

	// Tokenless are the role's credentials for who asks without a session token, as
	// IMDSv1 lets him; nil for an instance that requires tokens. Policies tell them
	// apart by the condition key ec2:RoleDelivery, which is sealed into the session.
	Tokenless *Credentials
}

// Lifetime is how long the credentials live, from issue to expiry.
func (c Credentials) Lifetime() time.Duration { return c.Expiration.Sub(c.LastUpdated) }

// Left is how long the credentials live on after now; negative once expired.
func (c Credentials) Left(now time.Time) time.Duration { return c.Expiration.Sub(now) }

// Validate reports credentials that no SDK could use: a member missing, or an
// expiry that is not after the issue.
func (c Credentials) Validate() error {
	if c.AccessKeyID == "" || c.SecretAccessKey.IsZero() || c.SessionToken.IsZero() ||
		!c.Expiration.After(c.LastUpdated) {
		return ErrIncompleteCredentials
	}
	if c.Tokenless != nil {
		return c.Tokenless.Validate()
	}
	return nil
}
