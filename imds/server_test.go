package imds_test

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/imds"
	"github.com/rolecall/rolecall/imds/token"
	"github.com/rolecall/rolecall/rolestore"
)

const (
	webID = "i-0123456789abcdef0"
	dbID  = "i-0fedcba9876543210"

	tokenPath  = "/latest/api/token"
	rolePath   = "/latest/meta-data/iam/security-credentials/web-role"
	listPath   = "/latest/meta-data/iam/security-credentials/"
	hostIP     = "Host: 169.254.169.254"
	ttlHeader  = "X-aws-ec2-metadata-token-ttl-seconds"
	sessHeader = "X-aws-ec2-metadata-token"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// host is a server whose sockets are of the instance that their local address
// was given to.
type host struct {
	*imds.Server
	log *logBuffer

	mu  sync.Mutex
	now time.Time         // zero when broken
	ids map[string]string // by local address
}

// unreached is a limit that no test comes near, while its clock stands still.
var unreached = imds.Limit{PerSecond: 1e9, Burst: 1e12}

func newHost(t testing.TB, more ...func(*imds.Config)) *host {
	t.Helper()
	h := &host{now: start, ids: make(map[string]string), log: new(logBuffer)}
	tokens, err := token.NewKeys(token.Key{ID: 1, Secret: [token.KeySize]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	c := imds.Config{
		Identify:  h.identify,
		Tokens:    tokens,
		Signs:     true,
		Requests:  unreached,
		NewTokens: unreached,
		Now:       h.clock,
		Logger:    slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, set := range more {
		set(&c)
	}
	h.Server = imds.New(c)
	return h
}

func (h *host) identify(c net.Conn) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.ids[c.LocalAddr().String()]
	return id, ok
}

func (h *host) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now.IsZero() {
		panic("the clock is broken")
	}
	return h.now
}

func (h *host) breakClock() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = time.Time{}
}

func (h *host) sleep(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// listen serves an instance on loopback and returns the address. The id "" is
// that of a listener of nobody.
func (h *host) listen(t testing.TB, id string) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, id, l)
	return l.Addr().String()
}

func (h *host) serve(t testing.TB, id string, l net.Listener) {
	if id != "" {
		h.mu.Lock()
		h.ids[l.Addr().String()] = id
		h.mu.Unlock()
	}
	done := make(chan error, 1)
	go func() { done <- h.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// dial connects a raw socket.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// socket is a connection that is known by its local address alone.
type socket struct {
	net.Conn
	id string
}

func (s socket) LocalAddr() net.Addr { return addr(s.id) }

type addr string

func (addr) Network() string  { return "test" }
func (a addr) String() string { return string(a) }

// connect returns the context of a new connection of an instance.
func (h *host) connect(ctx context.Context, id string) context.Context {
	h.mu.Lock()
	h.ids[id] = id
	h.mu.Unlock()
	return h.ConnContext(ctx, socket{id: id})
}

// ask sends a request, given as its lines without the last empty one, in
// process and by a new connection.
func (h *host) ask(t testing.TB, id string, lines ...string) *http.Response {
	t.Helper()
	return h.askBy(t, h.connect(t.Context(), id), lines...)
}

func (h *host) askBy(t testing.TB, conn context.Context, lines ...string) *http.Response {
	t.Helper()
	raw := strings.Join(lines, "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("%q: %v", lines, err)
	}
	r.RemoteAddr = "192.0.2.9:4321"
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r.WithContext(conn))
	return w.Result()
}

// token returns a session token for an instance.
func (h *host) token(t testing.TB, id string) string {
	t.Helper()
	resp := h.ask(t, id, "PUT "+tokenPath+" HTTP/1.1", hostIP, ttlHeader+": 60")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("no token: %s", resp.Status)
	}
	return body(t, resp)
}

// get asks for a path of web, with a new session token.
func (h *host) get(t testing.TB, path string) *http.Response {
	t.Helper()
	return h.ask(t, webID, "GET "+path+" HTTP/1.1", hostIP, sessHeader+": "+h.token(t, webID))
}

func body(t testing.TB, resp *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// web is an instance that requires tokens; db differs in its id.
func web() rolestore.Instance {
	return rolestore.Instance{
		ID:          webID,
		Incarnation: rolestore.Incarnation{1},
		Profile: rolestore.InstanceProfile{
			ARN:  "arn:aws:iam::123456789012:instance-profile/web",
			ID:   "AIPAEXAMPLEWEB",
			Role: rolestore.Role{ARN: "arn:aws:iam::123456789012:role/team/web-role"},
		},
		Attachment: rolestore.Attachment{Interface: "tap0"},
		Options:    rolestore.DefaultMetadataOptions(),
		Placement:  rolestore.Placement{Region: "eu-west-1", AvailabilityZone: "eu-west-1b"},
	}
}

func db() rolestore.Instance {
	i := web()
	i.ID = dbID
	return i
}

// credentials are those of the EC2 user guide, with another token.
func credentials() rolestore.Credentials {
	return rolestore.Credentials{
		AccessKeyID:     "ASIAIOSFODNN7EXAMPLE",
		SecretAccessKey: rolestore.NewSecret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
		SessionToken:    rolestore.NewSecret("FwoGZXIvYXdzEXAMPLE+/=="),
		LastUpdated:     start,
		Expiration:      start.Add(6 * time.Hour),
	}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take empties the log.
func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.String()
	l.b.Reset()
	return text
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
