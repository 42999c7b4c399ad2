package sts

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/hosts"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// Directory is where the definitions are looked up.
type Directory interface {
	// Snapshot returns them as they are now. It is called for each request and
	// must not block.
	Snapshot() *directory.Snapshot
}

// Codes takes codes of MFA devices.
type Codes interface {
	// UseCode reports whether the code of that time step may be used, which it may once.
	UseCode(device *directory.MFADevice, step int64) (bool, error)
}

// Config is what [New] needs.
type Config struct {
	Directory Directory
	// Codes are used where the directory is kept. It may be nil without MFA devices.
	Codes Codes
	// URL is where parties outside reach this service, without a slash at its end; the
	// issuer of the tokens of GetWebIdentityToken is below it. Empty means that they do
	// not, and there are no such tokens.
	URL string
	// Desk is where hosts redeem their tokens.
	Desk *hosts.Desk
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets a line for each call: who, what, and why not. It may be nil.
	Logger *slog.Logger
}

// Server answers the API.
type Server struct {
	config   Config
	verifier *sigv4.Verifier
	engine   *gin.Engine
	codes    Codes
	known    []string         // names of our own
	guesses  *limiter[string] // of MFA codes, by user
	unsigned *Sources
	refused  *Sources // whose caller is not known
}

// New returns a server.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		config: c, verifier: sigv4.NewVerifier(service), engine: surface.Engine(), codes: c.Codes,
		guesses: newGuesses(), unsigned: NewSources(), refused: NewSources(),
	}
	if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" {
		s.known = append(s.known, strings.ToLower(u.Hostname()))
	}
	s.discovery(s.engine)
	s.engine.NoRoute(s.serve) // the protocol has one path and says itself what it lacks
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// encodedHeader has what DecodeAuthorizationMessage decodes. AWS's own STS has no
// place for it.
const encodedHeader = "X-Rolecall-Encoded-Authorization-Message"

func (s *Server) serve(g *gin.Context) {
	id := newRequestID()
	c, result, err := s.answer(g.Request)
	var out reply
	if err != nil {
		s.slow(g.Request.Context(), c)
		refusal := translate(err)
		s.logRefusal(g.Request, c, id, refusal)
		out = renderRefusal(refusal, id, c.json)
		if refusal.Encoded != "" {
			g.Writer.Header()[encodedHeader] = []string{refusal.Encoded}
		}
	} else {
		s.config.Logger.LogAttrs(g.Request.Context(), slog.LevelInfo, "call answered", slog.String("action", c.action), slog.String("caller", c.who),
			slog.String("role_arn", c.form.Get("RoleArn")), slog.String("session", c.form.Get("RoleSessionName")),
			slog.String("peer", g.Request.RemoteAddr), slog.String("request_id", id))
		out = renderResult(c.action, id, result, c.json)
	}
	h := g.Writer.Header()
	h.Set("Date", c.now.UTC().Format(http.TimeFormat)) // SDKs set their clocks by it
	h["x-amzn-RequestId"] = []string{id}               // AWS's own spelling
	h.Set("Content-Type", out.contentType)
	h.Set("Content-Length", strconv.Itoa(len(out.body)))
	h.Set("Cache-Control", "no-store")
	if out.status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, POST") // RFC 9110 section 15.5.6
	}
	g.Status(out.status)
	_, _ = g.Writer.Write(out.body) // who does not read his answer is his own loss
}

// answer carries a request through its action. The call is never nil.
func (s *Server) answer(r *http.Request) (c *call, result []element, err error) {
	c = &call{Server: s, directory: s.config.Directory.Snapshot(), desk: s.config.Desk, now: s.config.Now()}
	if c.request, err = s.readRequest(r); err != nil {
		return c, nil, err
	}
	known, ok := actions[c.action]
	if !ok || known.regional && c.region == globalRegion {
		return c, nil, unknownAction(c.action, version)
	}
	if known.signed {
		if c.caller, err = s.identify(c); err != nil {
			return c, nil, err
		}
		c.who = c.caller.arn()
		err = c.admit()
	} else if !s.unsigned.allow(c.source, c.now) {
		err = throttled("too many unsigned calls of one source")
	}
	if err != nil {
		return c, nil, err
	}
	result, err = known.do(c)
	return c, result, err
}

func (s *Server) logRefusal(r *http.Request, c *call, id string, e *Error) {
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.config.Logger.Log(r.Context(), level, "call refused", "action", cut(c.action), "caller", c.who,
		"role_arn", cut(c.form.Get("RoleArn")), "code", e.Code, "status", e.Status, "reason", cut(e.Reason), "peer", r.RemoteAddr, "request_id", id)
}

// cut bounds what an unknown caller may write into the log.
func cut(text string) string {
	const longest = 256 // bytes
	return text[:min(len(text), longest)]
}

// newRequestID returns a random UUID (RFC 9562 section 5.4), as AWS's request ids are.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
