package surface

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
)

// buffer is a log that a server writes while a test reads.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve serves e on loopback, and returns its address and its log.
func serve(t *testing.T, e *gin.Engine) (address string, log *buffer) {
	t.Helper()
	log = &buffer{}
	s := Server(e, slog.New(slog.NewTextHandler(log, nil)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String(), log
}

// exchange sends raw bytes and returns all that comes back.
func exchange(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, request) // the server may have answered and closed
	reply, _ := io.ReadAll(conn)
	return string(reply)
}

func TestTheEngineHasNoOpinions(t *testing.T) {
	e := Engine()
	e.GET("/a", func(c *gin.Context) { c.String(http.StatusOK, c.ClientIP()) })
	address, log := serve(t, e)
	for _, request := range []string{"GET /a/", "GET //a", "GET /A", "GET /%61/", "GET /b/../a", "POST /a", "OPTIONS /a", "OPTIONS *"} {
		reply := exchange(t, address, request+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(reply, "HTTP/1.1 404") || strings.Contains(reply, "Location") || !strings.HasSuffix(reply, "\r\n\r\n") {
			t.Errorf("%s is answered %q, want an empty 404", request, reply)
		}
	}
	if reply := exchange(t, address, "GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(reply, "127.0.0.1") {
		t.Errorf("a forwarding header is believed: %s", reply)
	}
	if log.String() != "" {
		t.Errorf("the engine logs %s", log)
	}
}

func TestAPanicIsLoggedWithoutHeaders(t *testing.T) {
	e := Engine()
	e.GET("/", func(*gin.Context) { panic("out of order") })
	address, log := serve(t, e)
	exchange(t, address, "GET /?X-Amz-Security-Token=the-secret HTTP/1.1\r\nHost: x\r\nAuthorization: the-secret\r\n\r\n")
	if text := log.String(); !strings.Contains(text, "out of order") || strings.Contains(text, "the-secret") {
		t.Errorf("the log has %s", text)
	}
}

func TestAHeaderBlockIsBounded(t *testing.T) {
	e := Engine()
	e.GET("/", func(c *gin.Context) { c.Status(http.StatusOK) })
	address, _ := serve(t, e)
	const slack = 4 << 10 // net/http's own
	reply := exchange(t, address, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", maxHeader+slack)+"\r\n\r\n")
	if !strings.HasPrefix(reply, "HTTP/1.1 431") {
		t.Errorf("an oversized header block got %.40s", reply)
	}
}
