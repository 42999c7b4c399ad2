package source

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rolecall/rolecall/rolestore"
	"github.com/rolecall/rolecall/rolestore/hosttoken"
)

// noCode is the SDK's code for an error whose body has none: a redirect, or what a
// web server answers in the issuer's place.
const noCode = "UnknownError"

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
	// Tags are the session tags that this host sets for an instance, as the core's grant
	// must let it. It may be nil.
	Tags func(rolestore.Instance) map[string]string
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
// EC2 does, and for a second one if the instance may ask without session tokens.
// The error wraps [rolestore.ErrRefused] if the issuer answered
// AccessDenied; any other names the address that was asked.
func (w *WebIdentity) Fetch(ctx context.Context, i rolestore.Instance) (rolestore.Credentials, error) {
	c, err := w.fetch(ctx, i, hosttoken.DeliveryV2)
	if err != nil || i.Options.HTTPTokens != "optional" {
		return c, err
	}
	tokenless, err := w.fetch(ctx, i, hosttoken.DeliveryV1)
	if err != nil {
		return rolestore.Credentials{}, err
	}
	c.Tokenless = &tokenless
	return c, nil
}

// fetch asks for the session that is delivered that way.
func (w *WebIdentity) fetch(ctx context.Context, i rolestore.Instance, delivery string) (rolestore.Credentials, error) {
	now := w.config.Now()
	role := i.Profile.Role.ARN
	var tags map[string]string
	if w.config.Tags != nil {
		tags = w.config.Tags(i)
	}
	token, err := hosttoken.Sign(w.config.Key, hosttoken.Claims{
		Host:        w.config.Host,
		Core:        w.config.Core,
		InstanceID:  i.ID,
		RoleARN:     role,
		SessionName: i.ID,
		Duration:    w.config.Lifetime,
		Delivery:    delivery,
		Tags:        tags,
	}, now)
	if err != nil {
		return rolestore.Credentials{}, err
	}
	where := w.config.Endpoint
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		where = c.Conn.RemoteAddr().String() // the endpoint does not tell which Unix socket
	}})
	out, err := w.client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(role),
		RoleSessionName:  aws.String(i.ID),
		WebIdentityToken: aws.String(token),
		DurationSeconds:  aws.Int32(int32(w.config.Lifetime / time.Second)),
	})
	if err != nil {
		return rolestore.Credentials{}, explain(err, where, token)
	}
	if out.Credentials == nil {
		out.Credentials = &types.Credentials{}
	}
	c := rolestore.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: rolestore.NewSecret(aws.ToString(out.Credentials.SecretAccessKey)),
		SessionToken:    rolestore.NewSecret(aws.ToString(out.Credentials.SessionToken)),
		LastUpdated:     now.UTC().Truncate(time.Second),
		Expiration:      aws.ToTime(out.Credentials.Expiration).UTC().Truncate(time.Second),
	}
	if err := c.Validate(); err != nil {
		return rolestore.Credentials{}, fmt.Errorf("%s: %w", where, err)
	}
	return c, nil
}

// explain keeps what an operator needs of an SDK's error: the issuer's own code
// and words, or that it could not be reached and where it was looked for.
func explain(err error, where, token string) error {
	var (
		answered smithy.APIError
		reply    *smithyhttp.ResponseError
	)
	switch {
	case !errors.As(err, &answered):
		return fmt.Errorf("the issuer does not answer: %w", rootCause(err, where))
	case answered.ErrorCode() == noCode && errors.As(err, &reply):
		status := reply.HTTPStatusCode()
		return fmt.Errorf("the issuer does not answer: %s says HTTP %d %s", where, status, http.StatusText(status))
	}
	// Some issuers quote what they were given.
	words := strings.ReplaceAll(answered.ErrorMessage(), token, rolestore.NewSecret(token).String())
	if answered.ErrorCode() == "AccessDenied" {
		return fmt.Errorf("%w: %s", rolestore.ErrRefused, words)
	}
	return fmt.Errorf("the issuer %s answers %s: %s", where, answered.ErrorCode(), words)
}

// rootCause strips the SDK's layers, each of which says the same again, down to
// what failed on the network, if that names an address, or else to the innermost
// error, which is told with where the issuer was looked for.
func rootCause(err error, where string) error {
	var network *net.OpError
	if errors.As(err, &network) && network.Addr != nil {
		return network
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		err = inner
	}
}
