package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// stsClaims is where a token of GetWebIdentityToken has what RFC 7519 has no claim for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html).
const stsClaims = "https://sts.amazonaws.com/"

// WebIdentityConfig is what [NewWebIdentity] needs.
type WebIdentityConfig struct {
	// Issuer is an account's own, such as https://sts.example.com/0f8fad5b..., exactly as
	// it is in the tokens. Its key set is below it.
	Issuer string
	// Audience is the service's own name, which tokens must be for.
	Audience string
	// Client reaches the issuer; nil means one that trusts the system's authorities.
	Client *http.Client
	// Now is the wall clock: time.Now.
	Now func() time.Time
}

// WebIdentity verifies tokens of GetWebIdentityToken by the issuer's key set. It is safe
// for concurrent use.
type WebIdentity struct {
	config WebIdentityConfig
	parser *jwt.Parser
	keys   *keySet
}

// NewWebIdentity returns a verifier. An error names what the configuration lacks.
func NewWebIdentity(c WebIdentityConfig) (*WebIdentity, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("verify: Issuer %q: want the URL that is iss in the tokens", c.Issuer)
	case c.Audience == "":
		return nil, errors.New("verify: Audience is missing: the name that tokens for this service are for")
	case c.Now == nil:
		return nil, errors.New("verify: Now is missing: time.Now")
	}
	return &WebIdentity{
		config: c,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "ES384"}), jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(), jwt.WithTimeFunc(c.Now)),
		keys: &keySet{issuer: c.Issuer, client: direct(c.Client), now: c.Now},
	}, nil
}

type webClaims struct {
	jwt.RegisteredClaims
	Own struct {
		Account string            `json:"aws_account"`
		Region  string            `json:"source_region"`
		Tags    map[string]string `json:"principal_tags"`
	} `json:"https://sts.amazonaws.com/"`
}

// Verify returns whom a token is of: a user or a role, as the token does not say which
// session. The error is an [*Error].
func (w *WebIdentity) Verify(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxToken {
		return nil, refused("InvalidIdentityToken", "The token is longer than %d bytes.", maxToken)
	}
	var claims webClaims
	_, err := w.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) { return w.keys.find(ctx, t) })
	var unreachable *keySetError
	switch {
	case errors.As(err, &unreachable):
		return nil, unavailable(unreachable)
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, &Error{Code: "ExpiredTokenException", Message: "The token has expired.", Status: http.StatusForbidden, Err: err}
	case err != nil:
		return nil, &Error{Code: "InvalidIdentityToken", Message: "The token is not valid for this service.", Status: http.StatusForbidden, Err: err}
	case !strings.HasPrefix(claims.Subject, "arn:") || claims.Own.Account == "", claims.IssuedAt == nil:
		return nil, refused("InvalidIdentityToken", "The token does not say whose it is in %s.", stsClaims)
	}
	return &Principal{
		ARN: claims.Subject, IdentityARN: claims.Subject, Account: claims.Own.Account, Tags: claims.Own.Tags,
		Region: claims.Own.Region, Signed: claims.IssuedAt.Time, Expires: claims.ExpiresAt.Time,
	}, nil
}
