package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest"
)

// patience is how long a test waits for what must come. It is no claim of speed.
const patience = 30 * time.Second

// house is a directory with everything that one rolecall keeps on disk, and the
// namespace that it runs in.
type house struct {
	t       testing.TB
	ns      *nettest.Namespace
	dir     string
	secrets []string // what no output may show
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ns := nettest.New(t) // skips without root
	dir := t.TempDir()
	h := &house{t: t, ns: ns, dir: dir}
	h.write("core.yaml", "# the built-in account and role\n")
	return h
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// args are a command line with this house's paths.
func (h *house) args(command string, more ...string) []string {
	args := strings.Fields(command)
	add := func(flag, name string) { args = append(args, flag, h.path(name)) }
	switch args[0] {
	case "up", "agent", "core":
		if len(args) == 1 {
			add("--state-dir", "state")
			add("--keys", "etc/keys")
			args = append(args, "--log-level", "debug")
		}
	}
	switch command {
	case "up", "core":
		add("--config", "core.yaml")
		add("--core-socket", "run/core.sock")
	case "core credentials", "core secrets", "why":
		add("--core-socket", "run/core.sock")
	}
	switch command {
	case "up", "agent", "status", "doctor", "cleanup":
		add("--admin-socket", "run/agent.sock")
	}
	return append(args, more...)
}

// command is this program inside the namespace.
func (h *house) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := h.ns.Command(context.Background(), self, args...)
	// The race detector would make the end of each a second longer.
	cmd.Env = append(os.Environ(), roleVariable+"="+roleMain, "SUDO_UID=", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// run carries out a command that ends by itself.
func (h *house) run(command string, more ...string) (stdout, stderr string, ok bool) {
	h.t.Helper()
	cmd := h.command(h.args(command, more...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// process is a running rolecall.
type process struct {
	*house
	cmd    *exec.Cmd
	output *output
	done   chan struct{} // closed when it has ended
	err    error         // of its end, once done is closed
}

// start starts a command that runs for long. It is stopped with the test, and its
// output held against every secret that it is known to have handled.
func (h *house) start(env []string, command string, more ...string) *process {
	h.t.Helper()
	cmd := h.command(h.args(command, more...)...)
	cmd.Env = append(cmd.Env, env...)
	return h.startCommand(command, cmd)
}

func (h *house) startCommand(command string, cmd *exec.Cmd) *process {
	h.t.Helper()
	p := &process{house: h, cmd: cmd, output: &output{changed: make(chan struct{}, 1)}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	h.t.Cleanup(func() {
		p.stop()
		p.checkSecrets()
		if h.t.Failed() {
			h.t.Logf("output of rolecall %s:\n%s", command, p.output)
		}
	})
	return p
}

// up starts `rolecall up` and waits until it says that it is ready.
func (h *house) up(more ...string) *process {
	h.t.Helper()
	p := h.start(nil, "up", more...)
	p.waitFor("Rolecall is ready")
	return p
}

// waitFor waits until the output has text.
func (p *process) waitFor(text string) {
	p.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(p.output.String(), text) {
		select {
		case <-p.output.changed:
		case <-p.done:
			if !strings.Contains(p.output.String(), text) {
				p.t.Fatalf("rolecall ended (%v) and never said %q:\n%s", p.err, text, p.output)
			}
		case <-deadline:
			p.t.Fatalf("rolecall does not say %q:\n%s", text, p.output)
		}
	}
}

// stop ends the process as Ctrl-C would, and waits.
func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	p.remember()
	p.signal(syscall.SIGINT)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(s) // it may have ended
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("rolecall does not end after %s:\n%s", s, p.output)
	}
}

// remember notes the secrets that are served now.
func (p *process) remember() {
	if role := p.tryRole(); role != nil {
		p.secrets = append(p.secrets, role["SecretAccessKey"], role["Token"])
	}
}

// sessionToken matches the tokens of the metadata service, 56 characters of base64,
// and of STS, many more. TestTheLogGuardKnowsTokens holds it against both.
var sessionToken = regexp.MustCompile(`[A-Za-z0-9+/]{54}==|[A-Za-z0-9+/]{150,}`)

func (p *process) checkSecrets() {
	for _, secret := range p.secrets {
		if secret != "" && strings.Contains(p.output.String(), secret) {
			p.t.Errorf("the output shows the secret that begins with %.4s:\n%s", secret, p.output)
		}
	}
	if found := sessionToken.FindString(p.output.String()); found != "" {
		p.t.Errorf("the output shows what looks like a session token, %.12s...", found)
	}
}

// status asks the running agent.
func (h *house) status() admin.Status {
	h.t.Helper()
	out, errs, ok := h.run("status", "-o", "json")
	if !ok {
		h.t.Fatalf("status: %s", errs)
	}
	var s admin.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		h.t.Fatalf("status: %v in %s", err, out)
	}
	return s
}

// output collects what a process prints.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// http is a client whose connections are opened inside the namespace.
func (h *house) http() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			h.ns.Do(func() {
				d := net.Dialer{Timeout: 4 * time.Second} // less than the client's, so that no dial outlives the test
				conn, err = d.DialContext(ctx, network, address)
			})
			return conn, err
		},
	}}
}
