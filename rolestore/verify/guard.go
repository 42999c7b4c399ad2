package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

type (
	// Principal is who signed a request.
	Principal = wire.Principal
	// Matter is an action on a resource, for the core to decide.
	Matter = wire.Matter
)

const (
	// maxBody is how much of a request's body is read to be hashed, unless the service
	// says otherwise.
	maxBody = 1 << 20

	// maxWindow is how far from now SigV4 lets a request be signed
	// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
	maxWindow = 15 * time.Minute

	// askTimeout bounds a call of the core or of an STS: a caller waits for it.
	askTimeout = 10 * time.Second
)

// Config is what [New] needs.
type Config struct {
	// Core is the core's URL, such as https://sts.example.com.
	Core string
	// Client reaches it; nil means one that trusts the system's authorities.
	Client *http.Client
	// Credentials are the service's own, of a role that is allowed rolecall:VerifyRequest
	// and rolecall:AuthorizeRequest on arn:aws:rolecall::ACCOUNT:service/SERVICE.
	Credentials aws.CredentialsProvider
	// Now is the wall clock: time.Now.
	Now func() time.Time

	// Service is the name that callers sign for, and Region the region; empty means any.
	Service, Region string
	// Hosts are the names by which callers reach the service, without a port. A request
	// for another host was not meant for it.
	Hosts []string
	// MaxBody bounds the body of a request, in bytes, all of which is held in memory;
	// 1 MiB if zero.
	MaxBody int64
	// Window bounds how far from now a request may have been signed; 15 minutes if zero.
	Window time.Duration
	// Nonce names a header, such as X-Request-Id, that callers must sign and may use once.
	// Empty means that a request can be replayed within the window.
	Nonce string
	// Failed is told of what [Guard.Protect] refuses, with the reason in full. It may be nil.
	Failed func(*http.Request, error)
}

// Guard verifies requests. It is safe for concurrent use.
type Guard struct {
	config Config
	client *http.Client
	signer *v4.Signer
	used   *once
}

// New returns a guard. An error names what the configuration lacks.
func New(c Config) (*Guard, error) {
	u, err := url.Parse(c.Core)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return nil, fmt.Errorf("verify: Core %q: want the core's URL without a path, as in https://sts.example.com", c.Core)
	case c.Credentials == nil:
		return nil, errors.New("verify: Credentials are missing: the core answers services that it knows")
	case c.Now == nil:
		return nil, errors.New("verify: Now is missing: time.Now")
	case c.Service == "" || len(c.Hosts) == 0:
		return nil, errors.New("verify: Service and Hosts are missing: what callers sign for, and the names that they reach it by")
	case c.Window < 0 || c.Window > maxWindow || c.Window%time.Second != 0:
		return nil, fmt.Errorf("verify: Window %s: want whole seconds, at most %s", c.Window, maxWindow)
	}
	c.Core = strings.TrimSuffix(c.Core, "/")
	if c.MaxBody == 0 {
		c.MaxBody = maxBody
	}
	if c.Window == 0 {
		c.Window = maxWindow
	}
	return &Guard{config: c, client: direct(c.Client), signer: v4.NewSigner(), used: &once{window: c.Window}}, nil
}

// direct is a client that goes where it is sent and no further.
func direct(c *http.Client) *http.Client {
	own := http.Client{Timeout: askTimeout}
	if c != nil {
		own = *c
	}
	if own.Timeout == 0 {
		own.Timeout = askTimeout
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Verify returns who signed a request, and nil for the error if he may do m, or if m is
// nil. It reads the request's body and puts it back. The error is an [*Error].
func (g *Guard) Verify(r *http.Request, m *Matter) (*Principal, error) {
	if host := hostname(r.Host); !slices.ContainsFunc(g.config.Hosts, func(own string) bool { return strings.EqualFold(own, host) }) {
		return nil, refused("SignatureDoesNotMatch", "The request is for the host %q, which this service is not.", host)
	}
	s := signedBy(r)
	if s.names == nil {
		return nil, refused("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	nonce, err := g.nonce(r, s)
	if err != nil {
		return nil, err
	}
	q := wire.Question{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Headers: s.headers(r),
		Service: g.config.Service, Authorize: withWay(m, r),
	}
	if g.config.Region != "" {
		q.Regions = []string{g.config.Region}
	}
	if g.config.Window < maxWindow {
		q.WindowSeconds = int(g.config.Window / time.Second)
	}
	if q.PayloadSHA256, err = g.hash(r); err != nil {
		return nil, err
	}
	answer, err := g.ask(r.Context(), &q)
	if err != nil {
		return nil, err
	}
	if g.config.Nonce != "" && !g.used.take(answer.Principal.AccessKeyID+" "+nonce, g.config.Now()) {
		return nil, refused("RequestReplayed", "The value of %s was used before, or too many are in use.", g.config.Nonce)
	}
	if d := answer.Decision; d != nil && d.Effect != "Allow" {
		e := refused("AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", answer.Principal.ARN, m.Action, m.Resource)
		if d.Because != "" {
			e.Message += " " + d.Because
		}
		return nil, e
	}
	return answer.Principal, nil
}

func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

type callerKey struct{}

// Caller returns who makes the request that the context is of, or nil where nobody was
// verified.
func Caller(ctx context.Context) *Principal {
	p, _ := ctx.Value(callerKey{}).(*Principal)
	return p
}

// Protect lets through to next what verifies, with its caller; see [Caller]. matter says
// what a request wants to do; nil, or a Matter that is nil, asks for no decision, and
// every caller whom the core knows is let in.
func (g *Guard) Protect(next http.Handler, matter func(*http.Request) *Matter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m *Matter
		if matter != nil {
			m = matter(r)
		}
		who, err := g.Verify(r, m)
		if err != nil {
			if g.config.Failed != nil {
				g.config.Failed(r, err)
			}
			Reply(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}
