package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultHeader is where aws-iam-authenticator's tokens say for whom they are.
const DefaultHeader = "X-K8s-Aws-Id"

// IdentityConfig is what [NewIdentity] needs.
type IdentityConfig struct {
	// STS is the one endpoint that tokens may be for, such as
	// https://sts.eu-central-1.example.com, and that is asked.
	STS string
	// Client reaches it; nil means one that trusts the system's authorities.
	Client *http.Client
	// Now is the wall clock: time.Now.
	Now func() time.Time
	// ServerID is the service's own name, which a token must have been signed for, in
	// Header; [DefaultHeader] if that is empty. A token for another service, which could
	// be presented here by that service, is refused.
	ServerID, Header string
}

// Identity verifies presigned calls of GetCallerIdentity. It is safe for concurrent use,
// and needs neither credentials nor a core: any STS will do.
type Identity struct {
	config   IdentityConfig
	endpoint *url.URL
	client   *http.Client
}

// NewIdentity returns a verifier. An error names what the configuration lacks.
func NewIdentity(c IdentityConfig) (*Identity, error) {
	if c.Header == "" {
		c.Header = DefaultHeader
	}
	u, err := url.Parse(c.STS)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return nil, fmt.Errorf("verify: STS %q: want an endpoint without a path, as in https://sts.example.com", c.STS)
	case c.Now == nil:
		return nil, errors.New("verify: Now is missing: time.Now")
	case c.ServerID == "":
		return nil, errors.New("verify: ServerID is missing: the name that tokens for this service are signed for")
	case strings.EqualFold(c.Header, "host"):
		return nil, errors.New("verify: Header is host, which every token signs, and for the STS")
	}
	return &Identity{config: c, endpoint: &url.URL{Scheme: u.Scheme, Host: u.Host}, client: direct(c.Client)}, nil
}

// Verify returns who made a token. Its IdentityARN is empty for a role's session, whose
// ARN does not have the role's path. The error is an [*Error].
func (i *Identity) Verify(ctx context.Context, token string) (*Principal, error) {
	p, err := i.readToken(token)
	if err != nil {
		return nil, &Error{Code: "InvalidIdentityToken", Message: "The token is no presigned GetCallerIdentity for this service.", Status: http.StatusForbidden, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.endpoint.String()+"/?"+p.query.Encode(), nil)
	if err != nil {
		return nil, unavailable(errors.New("the token's parameters make no request"))
	}
	r.Header.Set(i.config.Header, i.config.ServerID)
	r.Header.Set("Accept", "application/json")
	var reply struct {
		Response struct {
			Result struct {
				Account, Arn string
				UserID       string `json:"UserId"`
			} `json:"GetCallerIdentityResult"`
		} `json:"GetCallerIdentityResponse"`
	}
	err = fetch(i.client, r, &reply)
	var status *statusError
	var network *url.Error
	switch result := reply.Response.Result; {
	case errors.As(err, &status) && status.status >= 400 && status.status < 500:
		return nil, &Error{Code: "AccessDenied", Message: "The security token service does not know the token's signer.", Status: http.StatusForbidden, Err: err}
	case errors.As(err, &network): // it has the URL in it
		return nil, unavailable(fmt.Errorf("ask %s: %w", i.endpoint, network.Err))
	case err != nil:
		return nil, unavailable(fmt.Errorf("ask %s: %w", i.endpoint, err))
	case result.Arn == "" || result.Account == "" || result.UserID == "":
		return nil, unavailable(fmt.Errorf("%s answers without an identity", i.endpoint))
	default:
		return principal(result.Arn, result.Account, result.UserID, p), nil
	}
}

// principal takes the unique id and the session's name out of what an STS says
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable).
func principal(arn, account, userID string, p presigned) *Principal {
	who := &Principal{ARN: arn, Account: account, UserID: userID, AccessKeyID: p.accessKeyID, Signed: p.signed}
	if scope := strings.Split(p.query.Get("X-Amz-Credential"), "/"); len(scope) > 2 {
		who.Region = scope[2]
	}
	who.UniqueID, who.SessionName, _ = strings.Cut(userID, ":")
	if strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":iam::") {
		who.IdentityARN = arn
	}
	return who
}
