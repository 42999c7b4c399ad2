package sts

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore/issuer/session"
	"github.com/rolecall/rolecall/rolestore/issuer/sigv4"
)

// servingVariable makes of this test program the server of BenchmarkSTS, so that the
// system counts its CPU apart from that of whoever asks.
const servingVariable = "ROLECALL_BENCH_STS"

// profilesVariable is the directory, if any, where that server leaves a CPU profile for
// each operation: go tool pprof -focus='sts.*serve' <directory>/<operation>.
const profilesVariable = "ROLECALL_BENCH_PROFILES"

const (
	benchConnections = 8
	benchRequests    = 4000 // each good for one use, as host tokens are
)

// served is what a server process says of itself: where it is, and what to ask it.
type served struct {
	URL, Bare string
	Wire      [][]byte
}

// TestServeForBenchmark is no test: it is the server process.
func TestServeForBenchmark(t *testing.T) {
	operation := os.Getenv(servingVariable)
	if operation == "" {
		return
	}
	w := newWorld(t, withPeople())
	w.unlimited() // all come from here
	w.unlogged = true
	var s served
	for range benchRequests {
		s.Wire = append(s.Wire, w.operation(t, operation))
	}
	s.URL = serve(t, w)
	reply := w.send(parsed(t, w.operation(t, operation))).Body.Bytes()
	bare := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", "text/xml")
		_, _ = rw.Write(reply)
	}))
	defer bare.Close()
	s.Bare = bare.URL
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark is over
}

// operation is a call as it goes over the wire.
func (w *world) operation(t testing.TB, name string) []byte {
	t.Helper()
	var r *http.Request
	switch name {
	case "AssumeRole":
		r = w.signed(t, alice, form(name, "RoleArn", roleARN(account, "target"), "RoleSessionName", "alice"))
	case "AssumeRoleWithWebIdentity":
		r = post(form(name, "RoleArn", roleARN(account, "web"), "RoleSessionName", callerID, "WebIdentityToken", w.hostToken(t, w.claims()), "DurationSeconds", "3600"))
	case "GetCallerIdentity":
		r = w.signed(t, w.session(t, account, "web"), form(name))
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func parsed(t testing.TB, wire []byte) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// BenchmarkSTS is what a call costs the server in CPU time, over kept connections,
// with everything on: signatures, policies, limits and the log. Beside it stand a bare
// net/http handler that reads the same and returns the same bytes, and the
// cryptography that nobody can leave out: one signature or token verified, one session
// opened or sealed.
func BenchmarkSTS(b *testing.B) {
	for _, name := range []string{"AssumeRole", "GetCallerIdentity", "AssumeRoleWithWebIdentity"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p := startServer(b, name)
				bare := p.cpuOf(b, p.Bare)
				ours := p.cpuOf(b, p.URL)
				p.stop()
				b.ReportMetric(ours, "cpu-µs/call")
				b.ReportMetric(bare, "bare-cpu-µs/call")
			}
			b.ReportMetric(cryptography(b, name), "crypto-µs/call")
			b.ReportMetric(0, "ns/op") // of a process's whole life
		})
	}
}

type serverProcess struct {
	served
	cmd  *exec.Cmd
	stop func()
}

func startServer(b *testing.B, operation string) *serverProcess {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &serverProcess{cmd: exec.CommandContext(b.Context(), self, "-test.run=^TestServeForBenchmark$")}
	if at := os.Getenv(profilesVariable); at != "" {
		p.cmd.Args = append(p.cmd.Args, "-test.cpuprofile="+filepath.Join(at, operation))
	}
	p.cmd.Env = append(os.Environ(), servingVariable+"="+operation)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.stop = func() { _ = in.Close(); _ = p.cmd.Wait() }
	if err := json.NewDecoder(out).Decode(&p.served); err != nil {
		b.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // "PASS"
	return p
}

// cpuOf asks all that was prepared, and returns the server's CPU for each in
// microseconds.
func (p *serverProcess) cpuOf(b *testing.B, url string) float64 {
	b.Helper()
	before := p.cpu(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchConnections {
		wg.Go(func() {
			l := dial(b, strings.TrimPrefix(url, "http://"))
			for i := next.Add(1) - 1; i < benchRequests; i = next.Add(1) - 1 {
				l.ask(b, p.Wire[i])
			}
		})
	}
	wg.Wait()
	return float64((p.cpu(b) - before).Microseconds()) / benchRequests
}

// cpu is what the process has used, of proc_pid_stat(5)'s hundredths of a second.
func (p *serverProcess) cpu(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		b.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// cryptography is the least that a call takes, in microseconds.
func cryptography(b *testing.B, operation string) float64 {
	b.Helper()
	w := newWorld(b, withPeople())
	sealer, verifier := w.directory.Snapshot().Sealer(), sigv4.NewVerifier(service)
	signed := func(wire []byte) *sigv4.Signature {
		r := parsed(b, wire)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Fatal(err)
		}
		s, err := sigv4.Parse(sigv4.Request{Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.Host, Header: r.Header, Body: body})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	issue := func() {
		if _, err := sealer.Issue(session.Claims{Principal: "AROAJQABLZS4A3QDU576Q", Account: account, SessionName: "alice", Issued: w.clock(), Expires: w.clock()}); err != nil {
			b.Fatal(err)
		}
	}
	var once func()
	switch operation {
	case "AssumeRole":
		s := signed(w.operation(b, operation))
		once = func() {
			if err := verifier.Verify(s, alice.SecretAccessKey, w.clock()); err != nil {
				b.Fatal(err)
			}
			issue()
		}
	case "GetCallerIdentity":
		s := signed(w.operation(b, operation))
		once = func() {
			_, secret, err := sealer.Open(s.AccessKeyID, s.SessionToken.Reveal(), w.clock())
			if err == nil {
				err = verifier.Verify(s, secret, w.clock())
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	default:
		verify := w.hostTokenVerification(b)
		once = func() { verify(); issue() }
	}
	const rounds = 2000
	start := time.Now()
	for range rounds {
		once()
	}
	return float64(time.Since(start).Microseconds()) / rounds
}

// hostTokenVerification is one ES256 signature of a host, as such.
func (w *world) hostTokenVerification(b *testing.B) func() {
	b.Helper()
	sum := []byte("0123456789abcdef0123456789abcdef")
	signature, err := ecdsa.SignASN1(rand.Reader, w.hostKey, sum)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if !ecdsa.VerifyASN1(&w.hostKey.PublicKey, sum, signature) {
			b.Fatal("a signature is not its own")
		}
	}
}
