package front

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/surface"
)

// Directory is where the definitions are looked up.
type Directory interface {
	// Snapshot returns them as they are now. It is called for each request and
	// must not block.
	Snapshot() *directory.Snapshot
}

// Config is what [New] needs.
type Config struct {
	Directory Directory
	Leases    caller.Leases
	// URL is where parties outside reach the service, without a slash at its end, if they
	// do: its name is one that we are called by, and so are those of the APIs below it.
	URL string
	// Domain is the site's, in lower case: each API is called by its name below it. It may
	// be empty.
	Domain string
	// UnsignedBurst is how many calls without a signature one source may make at once; the
	// usual when zero.
	UnsignedBurst int
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets a line for each call: who, what, and why not. It may be nil.
	Logger *slog.Logger
}

// Server answers APIs.
type Server struct {
	config   Config
	engine   *gin.Engine
	apis     []*API
	known    []string // names of our own
	domains  []string // below which each API has its name
	unsigned *Sources
	refused  *Sources // whose caller is not known
}

// New returns a server without an API; see [Server.Serve].
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.UnsignedBurst == 0 {
		c.UnsignedBurst = UnsignedBurst
	}
	s := &Server{config: c, engine: surface.Engine(), unsigned: newSources(c.UnsignedBurst), refused: newSources(c.UnsignedBurst)}
	if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" {
		s.known, s.domains = append(s.known, strings.ToLower(u.Hostname())), append(s.domains, strings.ToLower(u.Hostname()))
	}
	if c.Domain != "" {
		s.domains = append(s.domains, c.Domain)
	}
	s.engine.NoRoute(s.serve) // the protocol has one path and says itself what it lacks
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// URL is where parties outside reach the service, without a slash at its end; empty if
// they do not.
func (s *Server) URL() string { return s.config.URL }

// Publish serves a document that is public to everybody who asks at path.
func (s *Server) Publish(path string, document gin.HandlerFunc) {
	s.engine.GET(path, func(g *gin.Context) {
		if status := s.Unsigned(g.Request); status != 0 {
			g.AbortWithStatus(status)
			return
		}
		document(g)
	})
}

// Unsigned returns the status by which a request for something that is public is
// refused, or 0: a web page's, or one of too many from its source.
func (s *Server) Unsigned(r *http.Request) int {
	req := query.New(r)
	switch {
	case surface.Browser(r, s.names(req)...) != "":
		return http.StatusForbidden
	case !s.unsigned.allow(req.Source, s.config.Now()):
		return http.StatusTooManyRequests
	}
	return 0
}

// EncodedHeader has what DecodeAuthorizationMessage decodes. AWS's own STS has no
// place for it.
const EncodedHeader = "X-Rolecall-Encoded-Authorization-Message"

func (s *Server) serve(g *gin.Context) {
	id := newRequestID()
	c, api, result, err := s.answer(g.Request)
	var out query.Reply
	if err != nil {
		s.slow(g.Request.Context(), c)
		refusal := query.Translate(err)
		s.logRefusal(g.Request, c, api, id, refusal)
		out = query.Refusal(api.Namespace, refusal, id, c.JSON)
		if refusal.Encoded != "" {
			g.Writer.Header()[EncodedHeader] = []string{refusal.Encoded}
		}
	} else {
		s.log(g.Request, slog.LevelInfo, "call answered", c, api, slog.String("request_id", id))
		out = query.Result(api.Namespace, c.Action, id, result, c.JSON)
	}
	h := g.Writer.Header()
	h.Set("Date", c.Now.UTC().Format(http.TimeFormat)) // SDKs set their clocks by it
	h["x-amzn-RequestId"] = []string{id}               // AWS's own spelling
	h.Set("Content-Type", out.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(out.Body)))
	h.Set("Cache-Control", "no-store")
	if out.Status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, POST") // RFC 9110 section 15.5.6
	}
	g.Status(out.Status)
	_, _ = g.Writer.Write(out.Body) // who does not read his answer is his own loss
	out.Release()
}

// answer carries a request through its operation. Neither the call nor the API is nil.
func (s *Server) answer(r *http.Request) (c *caller.Call, api *API, result []query.Element, err error) {
	c = &caller.Call{Request: query.New(r), Directory: s.config.Directory.Snapshot(), Now: s.config.Now()}
	api = s.apis[0] // in whose words it is refused before it is known which it is for
	if why := surface.Browser(r, s.names(c.Request)...); why != "" {
		return c, api, nil, &query.Error{Code: "AccessDenied", Message: "Requests of web pages are not answered.", Status: http.StatusForbidden, Reason: why}
	}
	if err = c.Read(r); err != nil {
		return c, api, nil, err
	}
	asked := s.find(c.Request)
	if asked == nil {
		return c, api, nil, c.UnknownVersion()
	}
	api = asked
	operation, ok := api.Find(c.Request)
	if !ok {
		return c, api, nil, query.UnknownAction(c.Action, api.Version)
	}
	if c.Long() && (!operation.Long || operation.Unsigned) {
		return c, api, nil, query.TooLong()
	}
	if !operation.Unsigned {
		if c.Caller, err = s.identify(c, api); err != nil {
			return c, api, nil, err
		}
		c.Who = c.Caller.ARN()
		if c.Long() {
			if err = c.ReadLong(); err != nil {
				return c, api, nil, err
			}
		}
	} else if !s.unsigned.allow(c.Source, c.Now) {
		return c, api, nil, query.Throttled("too many unsigned calls of one source")
	}
	if err = c.AtEndpoint(r.Context(), api.Service+":"+c.Action, cmp.Or(operation.Resource, "*")); err != nil {
		return c, api, nil, err
	}
	result, err = operation.Do(c)
	return c, api, result, err
}

func (s *Server) identify(c *caller.Call, api *API) (*caller.Caller, error) {
	return caller.Signed{
		Request: c.Signed, Directory: c.Directory, Leases: s.config.Leases, Verifier: api.verifier, Now: c.Now,
		Fits: func(region string) bool { return api.Fits(c.Host, region) },
	}.Identify()
}

func (s *Server) logRefusal(r *http.Request, c *caller.Call, api *API, id string, e *query.Error) {
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	because := []slog.Attr{slog.String("code", e.Code), slog.Int("status", e.Status)}
	if e.Reason != "" {
		because = append(because, slog.String("reason", cut(e.Reason)))
	}
	s.log(r, level, "call refused", c, api, append(because, slog.String("request_id", id))...)
}

// log writes who asked for what.
func (s *Server) log(r *http.Request, level slog.Level, message string, c *caller.Call, api *API, more ...slog.Attr) {
	if !s.config.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 12), slog.String("action", cut(c.Action)), slog.String("caller", c.Who))
	for _, l := range api.Logged {
		if c.Form.Has(l.Parameter) {
			attrs = append(attrs, slog.String(l.Key, cut(c.Form.Get(l.Parameter))))
		}
	}
	attrs = append(append(attrs, slog.String("peer", r.RemoteAddr)), more...)
	s.config.Logger.LogAttrs(r.Context(), level, message, attrs...)
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
