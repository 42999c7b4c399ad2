package sts

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
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
}

// New returns a server.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, verifier: sigv4.NewVerifier(service), engine: surface.Engine()}
	s.engine.NoRoute(s.serve) // the protocol has one path and says itself what it lacks
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

func (s *Server) serve(c *gin.Context) {
	id := newRequestID()
	req, result, err := s.answer(c.Request)
	status, body := http.StatusOK, []byte(nil)
	switch {
	case err != nil:
		refusal := translate(err)
		status, body = refusal.Status, renderError(refusal, id, req.json)
		s.logRefusal(c.Request, req, id, refusal)
	case req.json:
		body = renderJSON(req.action, id, result)
	default:
		body = renderXML(req.action, id, result)
	}
	contentType := "text/xml"
	if req.json {
		contentType = "application/json"
	}
	h := c.Writer.Header()
	h["x-amzn-RequestId"] = []string{id} // AWS's own spelling
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	c.Status(status)
	_, _ = c.Writer.Write(body)
}

// answer carries a request through its action. The request is never nil.
func (s *Server) answer(r *http.Request) (*request, []element, error) {
	req, err := readRequest(r)
	if err != nil {
		return req, nil, err
	}
	if why := surface.Browser(r); why != "" {
		return req, nil, &Error{Code: "AccessDenied", Message: "Requests of web pages are not answered.", Status: http.StatusForbidden, Reason: why}
	}
	known, ok := actions[req.action]
	if !ok {
		return req, nil, badRequest("InvalidAction", "Could not find operation "+req.action+" for version "+version)
	}
	c := &call{request: req, directory: s.config.Directory.Snapshot(), now: s.config.Now(), who: "anonymous"}
	if known.signed {
		if c.caller, err = s.identify(req, c.directory); err != nil {
			return req, nil, err
		}
		c.who = c.caller.arn()
	}
	result, err := known.do(c)
	if err == nil {
		s.config.Logger.Info("call answered", "action", req.action, "caller", c.who, "role_arn", req.form.Get("RoleArn"), "session", req.form.Get("RoleSessionName"))
	}
	return req, result, err
}

func (s *Server) logRefusal(r *http.Request, req *request, id string, e *Error) {
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	const longest = 128 // of what an unknown caller may write into the log
	action := req.action
	if len(action) > longest {
		action = action[:longest]
	}
	s.config.Logger.Log(r.Context(), level, "call refused", "action", action, "code", e.Code, "status", e.Status,
		"reason", e.Reason, "peer", r.RemoteAddr, "request_id", id)
}

// newRequestID returns a random UUID (RFC 9562 section 5.4), as AWS's request ids are.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
