package relying

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rolecall/rolecall/rolestore/issuer/caller"
	"github.com/rolecall/rolecall/rolestore/issuer/directory"
	"github.com/rolecall/rolecall/rolestore/issuer/front"
	"github.com/rolecall/rolecall/rolestore/issuer/query"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
	"github.com/rolecall/rolecall/rolestore/surface"
	"github.com/rolecall/rolecall/rolestore/verify/wire"
)

// maxQuestion bounds a question, in bytes. The largest part is a query, or a policy.
const maxQuestion = 256 << 10

// Directory is where the definitions are looked up.
type Directory interface {
	// Snapshot returns them as they are now. It is called for each question and must not
	// block.
	Snapshot() *directory.Snapshot
}

// Config is what [New] needs.
type Config struct {
	Directory Directory
	Leases    caller.Leases
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets a line for each question.
	Logger *slog.Logger
}

// Server answers questions.
type Server struct {
	config    Config
	verifier  *sigv4.Verifier
	strangers *front.Sources // who asked without being known
}

// New returns a server.
func New(c Config) *Server {
	return &Server{config: c, verifier: sigv4.NewVerifier(wire.Service), strangers: front.NewSources()}
}

// Answer answers a POST of [wire.Path].
func (s *Server) Answer(g *gin.Context) {
	who, q, answer, err := s.answer(g.Request)
	if err != nil {
		refusal := query.Translate(err)
		if who == "" && !s.strangers.Allow(g.Request, s.config.Now()) {
			refusal = &query.Error{Code: "Throttling", Message: "Rate exceeded", Status: http.StatusTooManyRequests}
		}
		level := slog.LevelInfo
		if refusal.Status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		s.config.Logger.Log(g.Request.Context(), level, "question refused", "asker", who, "code", refusal.Code, "reason", refusal.Reason, "peer", g.Request.RemoteAddr)
		g.JSON(refusal.Status, wire.Refusal{Code: refusal.Code, Message: refusal.Message, Status: refusal.Status})
		return
	}
	s.log(g, who, q, answer)
	g.Header("Cache-Control", "no-store")
	g.JSON(http.StatusOK, answer)
}

func (s *Server) log(g *gin.Context, who string, q *wire.Question, a wire.Answer) {
	attrs := []any{"asker", who, "service", q.Service}
	switch {
	case a.Refusal != nil:
		attrs = append(attrs, "code", a.Refusal.Code)
	case a.Decision != nil:
		attrs = append(attrs, "caller", a.Principal.ARN, "action", q.Authorize.Action, "effect", a.Decision.Effect)
	default:
		attrs = append(attrs, "caller", a.Principal.ARN)
	}
	s.config.Logger.Info("question answered", append(attrs, "peer", g.Request.RemoteAddr)...)
}

// answer returns the ARN of who asks, as soon as that is known.
func (s *Server) answer(r *http.Request) (who string, q *wire.Question, a wire.Answer, err error) {
	if surface.FromPage(r) {
		return "", nil, a, query.Forbidden("AccessDenied", "Requests of web pages are not answered.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxQuestion))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return "", nil, a, &query.Error{Code: "RequestEntityTooLarge", Message: "The question is too large.", Status: http.StatusRequestEntityTooLarge}
	case err != nil:
		return "", nil, a, query.BadRequest("MalformedInput", "The question could not be read.")
	}
	asker := &caller.Call{Request: query.New(r), Directory: s.config.Directory.Snapshot(), Now: s.config.Now()}
	asker.Signed = sigv4.Request{Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.Host, Header: r.Header, Body: body}
	if asker.Caller, err = s.identify(asker.Signed, asker, s.verifier, anyRegion); err != nil {
		return "", nil, a, err
	}
	who = asker.Caller.ARN()
	if q, err = read(body); err != nil {
		return who, nil, a, err
	}
	actions := []string{wire.VerifyAction}
	if q.Authorize != nil {
		actions = append(actions, wire.AuthorizeAction)
	}
	for _, action := range actions {
		if err := asker.AtEndpoint(r.Context(), action, wire.ServiceARN(asker.Caller.Account, q.Service)); err != nil {
			return who, nil, a, err
		}
		m := caller.Matter{Action: action, Resource: wire.ServiceARN(asker.Caller.Account, q.Service), Context: asker.Context()}
		if err := asker.Authorize(m); err != nil {
			return who, nil, a, err
		}
	}
	a, err = s.look(q, asker)
	return who, q, a, err
}

func anyRegion(region string) bool { return region != "" }

func (s *Server) identify(signed sigv4.Request, at *caller.Call, v *sigv4.Verifier, fits func(string) bool) (*caller.Caller, error) {
	return caller.Signed{
		Request: signed, Directory: at.Directory, Leases: s.config.Leases, Verifier: v, Fits: fits, Now: at.Now,
	}.Identify()
}

// read decodes a question. One with members that are not known may be meant to ask for
// more than is answered.
func read(body []byte) (*wire.Question, error) {
	var q wire.Question
	if err := strict(body, &q); err != nil {
		return nil, query.BadRequest("MalformedInput", "The body is no JSON of a question: "+err.Error())
	}
	return &q, check(&q)
}

var errTrailing = errors.New("something follows it")

func strict(body []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}
