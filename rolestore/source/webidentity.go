package source

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// WebIdentityConfig is what [NewWebIdentity] needs.
type WebIdentityConfig struct {
	// Client reaches the issuer, and Endpoint is its URL; see [Dial].
	Client   *http.Client
	Endpoint string
	// Host, Key and Core fill the host tokens: this host's id and P-256 key, and
	// the id of the core that they are for.
	Host string
	Key  *ecdsa.PrivateKey
	Core string
	// Lifetime is how long the sessions are to live, 15 minutes to 12 hours, as
	// AssumeRoleWithWebIdentity bounds it.
	Lifetime time.Duration
	// Now is the wall clock.
	Now func() time.Time
}

// WebIdentity fetches role credentials with host tokens.
type WebIdentity struct {
	config WebIdentityConfig
	client *sts.Client
}

// NewWebIdentity returns a source. It does not ask the issuer anything yet.
func NewWebIdentity(c WebIdentityConfig) *WebIdentity {
	return &WebIdentity{config: c, client: sts.New(sts.Options{
		// The region matters to signatures alone, and this call has none.
		Region:       "us-east-1",
		BaseEndpoint: aws.String(c.Endpoint),
		HTTPClient:   c.Client,
		Credentials:  aws.AnonymousCredentials{},
		Retryer:      aws.NopRetryer{},
	})}
}

// Fetch asks for a session of the instance's role, named by the instance id as
// EC2 does. The error wraps [rolestore.ErrRefused] if the issuer answered
// AccessDenied.
func (w *WebIdentity) Fetch(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error) {
	now := w.config.Now()
	role := i.Profile.Role.ARN
	token, err := hosttoken.Sign(w.config.Key, hosttoken.Claims{
		Host:        w.config.Host,
		Core:        w.config.Core,
		InstanceID:  i.ID,
		RoleARN:     role,
		SessionName: i.ID,
		Duration:    w.config.Lifetime,
	}, now)
	if err != nil {
		return rolestore.Credentials{}, err
	}
	out, err := w.client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(role),
		RoleSessionName:  aws.String(i.ID),
		WebIdentityToken: aws.String(token),
		DurationSeconds:  aws.Int32(int32(w.config.Lifetime / time.Second)),
	})
	if err != nil {
		return rolestore.Credentials{}, w.explain(err)
	}
	if out.Credentials == nil {
		return rolestore.Credentials{}, rolestore.ErrIncompleteCredentials
	}
	return rolestore.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: rolestore.NewSecret(aws.ToString(out.Credentials.SecretAccessKey)),
		SessionToken:    rolestore.NewSecret(aws.ToString(out.Credentials.SessionToken)),
		LastUpdated:     now.UTC().Truncate(time.Second),
		Expiration:      aws.ToTime(out.Credentials.Expiration).UTC().Truncate(time.Second),
	}, nil
}

// explain keeps what an operator needs of an SDK's error: the issuer's own code
// and words, or that it could not be reached and where it was looked for.
func (w *WebIdentity) explain(err error) error {
	var answered smithy.APIError
	if !errors.As(err, &answered) {
		return fmt.Errorf("the issuer does not answer: %w", rootCause(err))
	}
	if answered.ErrorCode() == "AccessDenied" {
		return fmt.Errorf("%w: %s", rolestore.ErrRefused, answered.ErrorMessage())
	}
	return fmt.Errorf("the issuer answers %s: %s", answered.ErrorCode(), answered.ErrorMessage())
}

// rootCause strips the SDK's layers, each of which says the same again, down to
// the failed dial, which names the address, or else the innermost error.
func rootCause(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) {
		return dial
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
