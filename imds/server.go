package imds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rolecall/rolecall/imds/container"
	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore"
)

const (
	// maxHeaderBytes bounds what an unauthenticated caller makes us hold. SDKs
	// send under 1 KiB. net/http allows 4 KiB more, then answers 431.
	maxHeaderBytes = 8 << 10
	// requestTimeout ends connections that send nothing, or a byte now and then,
	// be it of a body, which nobody needs and net/http reads to its end. All SDKs
	// have given up long before.
	requestTimeout = 5 * time.Second
	// replyTimeout ends connections that do not read their reply.
	replyTimeout = 10 * time.Second
	// idleTimeout keeps a connection for an SDK's next request in the same
	// refresh, and frees its descriptor well before the next refresh.
	idleTimeout = time.Minute
)

// Config is what a [Server] needs.
type Config struct {
	// Identify returns the id of the instance that a socket belongs to, and
	// whether there is one. It is called once for each accepted connection, from
	// several goroutines, and must not block: it decides by the socket alone.
	Identify func(net.Conn) (instanceID string, ok bool)
	// Form says in which form a socket's address is answered; nil is always [Metadata].
	Form func(net.Conn) Form
	// Cluster returns what the tokens of pods of a cluster are checked by, and whether
	// there is one of that name. It must not block; nil knows no cluster.
	Cluster func(name string) (container.Cluster, bool)
	// Pod returns the id of the instance that a pod on a node is, which has been put then.
	// The errors are [container.ErrNoAssociation], [container.ErrNotGranted] and [container.ErrTooManyPods], or those of
	// a pod that is not known yet and will be in a moment. It waits for less than SDKs do. It
	// may be nil if no instance is a node.
	Pod func(ctx context.Context, node rolestore.Instance, pod rolestore.Pod) (instanceID string, err error)
	// Tokens mints and verifies session tokens.
	Tokens *token.Keys
	// Signs says that somebody signs the identity documents of instances with a role, see
	// [Server.PublishIdentity]: requests for a signature wait for the first one. Else
	// there is none.
	Signs bool
	// Requests is how often each instance may ask, whatever it asks for, and NewTokens how
	// often it may ask for a session token.
	Requests, NewTokens Limit
	// Now is the clock for tokens and for the times in documents.
	Now func() time.Time
	// Logger takes refusals and faults; nil discards them.
	Logger *slog.Logger
}

// Server answers the instances that were put into it. Get one by [New]. Its
// methods may be called from many goroutines.
type Server struct {
	identify func(net.Conn) (string, bool)
	form     func(net.Conn) Form
	cluster  func(name string) (container.Cluster, bool)
	pod      func(context.Context, rolestore.Instance, rolestore.Pod) (string, error)
	tokens   *token.Keys
	signs    bool

	requests, newTokens Limit

	now   func() time.Time
	began time.Time
	log   *slog.Logger
	http  *http.Server

	mu        sync.Mutex           // guards instances, and all writes to their states
	instances map[string]*instance // by id

	told telling // what the log says of those who belong to no instance
}

// New returns a server that knows no instance and listens nowhere.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Cluster == nil {
		c.Cluster = func(string) (container.Cluster, bool) { return container.Cluster{}, false }
	}
	s := &Server{
		identify:  c.Identify,
		form:      c.Form,
		cluster:   c.Cluster,
		pod:       c.Pod,
		tokens:    c.Tokens,
		signs:     c.Signs,
		requests:  c.Requests,
		newTokens: c.NewTokens,
		now:       c.Now,
		began:     c.Now(),
		log:       c.Logger,
		instances: make(map[string]*instance),
	}
	s.http = &http.Server{
		Handler:                      s.forms(),
		ConnContext:                  s.ConnContext,
		ConnState:                    watch,
		MaxHeaderBytes:               maxHeaderBytes,
		ReadHeaderTimeout:            requestTimeout,
		ReadTimeout:                  requestTimeout,
		WriteTimeout:                 replyTimeout,
		IdleTimeout:                  idleTimeout,
		DisableGeneralOptionsHandler: true, // OPTIONS * passes the gate too
		ErrorLog:                     faultLog(s.log),
	}
	return s
}

// Serve answers what arrives at l, until l is closed or [Server.Shutdown] is
// called, and returns nil then. It may be called for any number of listeners.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(accepting{l, s})
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve metadata at %s: %w", l.Addr(), err)
}

// Shutdown closes all listeners and waits for requests in progress, until ctx
// is done. No Serve succeeds after it.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// Handler is what Serve answers with. Its requests need a context from
// [Server.ConnContext]: without one they belong to no instance and are refused.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// instanceKey finds the *instance that a request's connection belongs to.
type instanceKey struct{}

// ConnContext returns ctx with the socket and the instance that it belongs to, as
// [http.Server] asks for each connection.
func (s *Server) ConnContext(ctx context.Context, nc net.Conn) context.Context {
	c, ok := nc.(*conn)
	if !ok {
		c = &conn{Conn: nc, server: s}
	}
	nc = c.Conn
	if s.form != nil {
		c.form = s.form(nc)
	}
	ctx = context.WithValue(ctx, connKey{}, c)
	id, ok := s.identify(nc)
	if !ok {
		return ctx
	}
	if c.of = s.find(id); c.of == nil {
		return ctx
	}
	return context.WithValue(ctx, instanceKey{}, c.of)
}
