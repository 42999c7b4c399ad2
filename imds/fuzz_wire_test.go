package imds_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tape is a connection in memory on which everything has been sent already, and the
// sending side closed.
type tape struct {
	net.Conn // none: what is not below is not asked for
	in       *strings.Reader
	closed   chan struct{}
	end      func()

	mu  sync.Mutex
	out bytes.Buffer
}

func newTape(raw string) *tape {
	p := &tape{in: strings.NewReader(raw), closed: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *tape) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.in.Read(b)
}

func (p *tape) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *tape) Close() error                     { p.end(); return nil }
func (*tape) LocalAddr() net.Addr                { return addr(webID) }
func (*tape) RemoteAddr() net.Addr               { return addr("192.0.2.9:4321") }
func (*tape) SetDeadline(time.Time) error        { return nil }
func (*tape) SetReadDeadline(_ time.Time) error  { return nil }
func (*tape) SetWriteDeadline(_ time.Time) error { return nil }

// wire is a server that is sent raw bytes.
type wire struct {
	*host
	conns pipes
	token string
	may   func(*http.Request) bool // whether a request may be answered 200
}

func (h *host) wire(f *testing.F, may func(*http.Request) bool) *wire {
	f.Helper()
	w := &wire{host: h, conns: make(pipes), may: may}
	h.connect(f.Context(), webID) // makes the id known
	done := make(chan error, 1)
	go func() { done <- h.Serve(w.conns) }()
	f.Cleanup(func() {
		close(w.conns)
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	return w
}

// check sends raw on a connection of its own. Whatever it is, nothing panics, and what
// comes back until the end of the connection are replies of HTTP, one for each request at
// most. What may not be answered is not, and a secret is in no other reply.
func (w *wire) check(t *testing.T, raw string) {
	t.Helper()
	p := newTape(raw)
	w.conns <- p
	select {
	case <-p.closed:
	case <-time.After(time.Minute):
		t.Fatalf("%q: the connection is not closed", raw)
	}
	if log := w.log.take(); strings.Contains(log, "panic") {
		t.Fatalf("%q: %s", raw, log)
	}
	asked, replies := requests{Reader: bufio.NewReader(strings.NewReader(raw))}, bufio.NewReader(&p.out)
	for {
		if _, err := replies.Peek(1); errors.Is(err, io.EOF) {
			return
		}
		r := asked.next()
		resp, err := http.ReadResponse(replies, r)
		if err != nil {
			t.Fatalf("%q: what comes back is no reply: %v", raw, err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%q: a reply is cut short: %v", raw, err)
		}
		w.checkReply(t, raw, r, resp, string(text))
	}
}

// ours is how the service may be named.
var ours = regexp.MustCompile(`^(?i)([0-9]+(\.[0-9]+){3}|\[[0-9a-f:.]+(%.*)?\]|localhost|instance-data(\.ec2\.internal)?)(:[0-9]*)?$`)

func (w *wire) checkReply(t *testing.T, raw string, r *http.Request, resp *http.Response, text string) {
	t.Helper()
	if resp.Header.Get("Server") != "EC2ws" && resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%q: a reply of nobody: %v", raw, resp)
	}
	if resp.StatusCode != http.StatusOK {
		for _, secret := range []string{credentials().SecretAccessKey.Reveal(), credentials().SessionToken.Reveal(), w.token} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q: a reply %d has a secret", raw, resp.StatusCode)
			}
		}
		return
	}
	if r == nil || !w.may(r) || !ours.MatchString(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)) ||
		r.Header["Origin"] != nil || r.Header["Sec-Fetch-Site"] != nil || r.Header["X-Forwarded-For"] != nil || r.Header["Expect"] != nil {
		t.Errorf("%q: answered %q", raw, text)
	}
}

// requests are those that a connection carries.
type requests struct {
	*bufio.Reader
	last *http.Request
}

// next is the next one, nil if what follows is none.
func (a *requests) next() *http.Request {
	if a.last != nil {
		_, _ = io.Copy(io.Discard, a.last.Body)
		if a.last.Method == http.MethodPost { // net/http bears line ends behind it
			ahead, _ := a.Peek(4)
			_, _ = a.Discard(len(ahead) - len(bytes.TrimLeft(ahead, "\r\n")))
		}
	}
	r, err := http.ReadRequest(a.Reader)
	if a.last = r; err != nil {
		a.last = nil
		return nil
	}
	return r
}

var byteOf = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// scripted is what the connections of testdata/imds send: see cmd/rolecall.
func scripted(f *testing.F) (raw []string) {
	f.Helper()
	paths, err := filepath.Glob("../testdata/imds/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for connection := range strings.SplitSeq(string(text), "\n\n") {
			if sent := sends(connection); sent != "" {
				raw = append(raw, sent)
			}
		}
	}
	return raw
}

func sends(connection string) string {
	var b strings.Builder
	sent, open := "", false
	for line := range strings.Lines(connection + "\n<") {
		mark, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case mark == ">":
			b.WriteString(rest + "\r\n")
			sent, open = rest, true
		case open && sent != "":
			b.WriteString("\r\n")
			fallthrough
		default:
			open = false
		}
	}
	return byteOf.ReplaceAllStringFunc(b.String(), func(s string) string {
		n, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}
