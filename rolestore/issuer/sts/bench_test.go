package sts

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// operations are the calls whose cost is measured, as they go over the wire.
func operations(b *testing.B, w *world) map[string][]byte {
	b.Helper()
	c := w.session(b, account, "web")
	assume := form("AssumeRole", "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice")
	redeem := form("AssumeRoleWithWebIdentity", "RoleArn", roleARN(account, "web"), "RoleSessionName", callerID,
		"WebIdentityToken", w.hostToken(b, w.claims()), "DurationSeconds", "3600")
	wire := map[string][]byte{}
	for name, r := range map[string]*http.Request{
		"AssumeRole":                w.signed(b, c, assume),
		"AssumeRoleWithWebIdentity": post(redeem),
		"GetCallerIdentity":         w.signed(b, c, form("GetCallerIdentity")),
	} {
		var text bytes.Buffer
		if err := r.Write(&text); err != nil {
			b.Fatal(err)
		}
		wire[name] = text.Bytes()
	}
	return wire
}

// sink takes replies in process.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkInProcess is what the handler alone costs, the parsing of HTTP not
// counted.
func BenchmarkInProcess(b *testing.B) {
	w := newWorld(b, standard())
	w.unlimited()
	for name, text := range operations(b, w) {
		b.Run(name, func(b *testing.B) {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				b.Fatal(err)
			}
			again := bytes.NewReader(body)
			s := &sink{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				again.Reset(body)
				r.Body = io.NopCloser(again)
				w.forgetTokens()
				w.ServeHTTP(s, r)
			}
			if s.status != http.StatusOK {
				b.Fatalf("status %d", s.status)
			}
		})
	}
}

// BenchmarkLoopback sends each call over one kept connection, and in turn with it
// the same bytes to a bare net/http handler that reads the body and returns the
// same reply. It reports the medians of both and their ratio, since the times
// themselves say more about the machine.
func BenchmarkLoopback(b *testing.B) {
	w := newWorld(b, standard())
	w.unlimited()
	for name, text := range operations(b, w) {
		b.Run(name, func(b *testing.B) {
			ours := connect(b, w)
			reply := ours.ask(b, text)
			bare := connect(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/xml")
				_, _ = w.Write(reply)
			}))
			var mine, theirs []time.Duration
			for b.Loop() {
				w.forgetTokens()
				start := time.Now()
				ours.ask(b, text)
				middle := time.Now()
				bare.ask(b, text)
				mine, theirs = append(mine, middle.Sub(start)), append(theirs, time.Since(middle))
			}
			us, them := median(mine), median(theirs)
			b.ReportMetric(float64(us.Nanoseconds()), "ns/call")
			b.ReportMetric(float64(them.Nanoseconds()), "bare-ns/call")
			b.ReportMetric(float64(us)/float64(them), "x-of-bare")
			b.ReportMetric(0, "ns/op") // it would be the sum of both
		})
	}
}

// line is a kept connection to a server.
type line struct {
	net.Conn
	replies *bufio.Reader
}

func connect(b *testing.B, h http.Handler) line {
	b.Helper()
	s := httptest.NewServer(h)
	b.Cleanup(s.Close)
	return dial(b, s.Listener.Addr().String())
}

func dial(b *testing.B, address string) line {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return line{conn, bufio.NewReader(conn)}
}

func (l line) ask(b *testing.B, text []byte) []byte {
	if _, err := l.Write(text); err != nil {
		b.Fatal(err)
	}
	response, err := http.ReadResponse(l.replies, nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("got %s %s (%v)", response.Status, body, err)
	}
	return body
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
