package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// shelf is an [admin.View] and [admin.Instances] that keeps what it is given, and serves it at once.
type shelf struct {
	mu        sync.Mutex
	documents []admin.Document
	told      []rolestore.EventChange
	state     admin.State
}

func (s *shelf) Status() admin.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var status admin.Status
	for _, d := range s.documents {
		status.Instances = append(status.Instances, s.instance(d))
	}
	return status
}

// instance is what a document becomes. One with a profile has credentials.
func (s *shelf) instance(d admin.Document) admin.Instance {
	i := admin.Instance{ID: d.InstanceID, State: s.state, Attachment: d.Attachment.String(), AttachmentDetails: d.Attachment}
	if i.State == admin.StateWaiting {
		i.StateReason = "waiting for device " + d.Attachment.Interface
	} else {
		i.Endpoints = []string{"http://169.254.169.254"}
	}
	if d.Profile.Reference != "" {
		expiration := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
		i.RoleARN, i.AccessKeyID, i.Expiration = "arn:aws:iam::123456789012:role/"+d.Profile.Reference, "ASIAEXAMPLE", &expiration
	}
	return i
}

func (*shelf) Environment(id string) (map[string]string, error) {
	return map[string]string{"TOKEN_OF": id, "A": "first"}, nil
}

func (s *shelf) Instance(id string) (admin.Instance, bool) {
	for _, i := range s.Status().Instances {
		if i.ID == id {
			return i, true
		}
	}
	return admin.Instance{}, false
}

func (s *shelf) Put(_ context.Context, d admin.Document) (admin.Instance, error) {
	if d.Attachment.Interface == "taken" {
		return admin.Instance{}, fmt.Errorf("%w: device taken is another's", admin.ErrConflict)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents = append(s.documents, d)
	return s.instance(d), nil
}

func (*shelf) Revoke(context.Context, string) error { return errors.New("revoked by nobody here") }

func (s *shelf) Remove(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, d := range s.documents {
		if d.InstanceID == id {
			s.documents = append(s.documents[:n], s.documents[n+1:]...)
			return nil
		}
	}
	return fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
}

func (s *shelf) Ready(ctx context.Context, id string) (admin.Instance, error) {
	i, ok := s.Instance(id)
	if !ok {
		return i, fmt.Errorf("%w: instance %s is not registered here", admin.ErrNotFound, id)
	}
	if i.Missing() != "" {
		<-ctx.Done()
		return i, ctx.Err()
	}
	return i, nil
}

// counter is a shelf behind its API, and a directory for files.
type counter struct {
	*shelf
	t           *testing.T
	dir, socket string
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	dir := t.TempDir()
	c := &counter{shelf: &shelf{state: admin.StateAttached}, t: t, dir: dir, socket: filepath.Join(dir, "agent.sock")}
	listener, err := net.Listen("unix", c.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := admin.Server(c.shelf, c.shelf, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return c
}

// run carries out `rolecall instance` with args, and returns what it prints.
func (c *counter) run(stdin io.Reader, args ...string) (string, error) {
	c.t.Helper()
	var out bytes.Buffer
	w := world{
		stdout: &out, stderr: io.Discard, env: func(string) string { return "" },
		now: func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
	}
	command := instanceCommand(w, defaultsFor(0, w.env))
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetIn(stdin)
	command.SetArgs(append(args, "--admin-socket", c.socket))
	err := command.ExecuteContext(c.t.Context())
	return out.String(), err
}

func (c *counter) want(out string, args ...string) {
	c.t.Helper()
	if got, err := c.run(nil, args...); err != nil || got != out {
		c.t.Errorf("%v: %v, prints\n%swant\n%s", args, err, got, out)
	}
}

func (c *counter) refused(say string, args ...string) {
	c.t.Helper()
	if got, err := c.run(nil, args...); err == nil || !strings.Contains(err.Error(), say) {
		c.t.Errorf("%v: %v, prints %s; want %s", args, err, got, say)
	}
}

func TestInstancesArePutListedShownAndRemoved(t *testing.T) {
	c := newCounter(t)
	h := &house{t: t, dir: c.dir}
	h.write("web.yaml", webDocument+"iam_instance_profile: web\n")
	h.write("db.json", `{"instance_id": "i-0123456789abcdef1", "attachment": {"netns": "/run/netns/db"}}`)
	const web = webID + ": role arn:aws:iam::123456789012:role/web, served on tap-web at http://169.254.169.254\n"
	c.want(web+"i-0123456789abcdef1: no role, served on /run/netns/db at http://169.254.169.254\n",
		"put", "-f", h.path("web.yaml"), "-f", h.path("db.json"))
	c.want(web, "wait", webID)
	c.want(`INSTANCE             STATE     ATTACHMENT     ROLE                                VALID FOR  FAILURES
i-0123456789abcdef0  attached  tap-web        arn:aws:iam::123456789012:role/web  6h0m0s     0
i-0123456789abcdef1  attached  /run/netns/db  -                                   -          0
`, "list")
	c.want(`INSTANCE      i-0123456789abcdef0
STATE         attached
ATTACHMENT    tap-web
ENDPOINTS     http://169.254.169.254
ROLE          arn:aws:iam::123456789012:role/web
ACCESS KEY    ASIAEXAMPLE
VALID FOR     6h0m0s
REFRESHED     never
NEXT REFRESH  now
FAILURES      0
`, "show", webID)
	for _, command := range [][]string{{"list"}, {"show", webID}} {
		out, err := c.run(nil, append(command, "-o", "json")...)
		if err != nil || !strings.Contains(out, `"instance_id": "`+webID+`"`) || !strings.Contains(out, `"interface": "tap-web"`) {
			t.Errorf("%v -o json: %v, prints %s", command, err, out)
		}
		c.refused("-o yaml: want json or table", append(command, "-o", "yaml")...)
	}
	out, err := c.run(nil, "rm", "i-0123456789abcdef2", webID)
	if err == nil || !strings.Contains(err.Error(), "404 Not Found: not found: instance i-0123456789abcdef2 is not registered here") || out != webID+": removed\n" {
		t.Errorf("rm: %v, prints %s", err, out)
	}
	c.refused("instance "+webID+" is not registered here", "show", webID)
	c.refused("instance "+webID+" is not registered here", "wait", webID)
}

func TestAnInstanceIsPutFromStandardInput(t *testing.T) {
	c := newCounter(t)
	if out, err := c.run(strings.NewReader(webDocument), "put", "-f", "-"); err != nil || !strings.HasPrefix(out, webID+": no role, served on tap-web") {
		t.Errorf("%v, prints %s", err, out)
	}
	if _, err := c.run(strings.NewReader(webDocument+"tag: {}\n"), "put", "-f", "-"); err == nil || err.Error() != `standard input:3: unknown key "tag"` {
		t.Error(err)
	}
}

func TestAnInstanceIsPutFromFlags(t *testing.T) {
	c := newCounter(t)
	c.want(webID+": role arn:aws:iam::123456789012:role/web, served on veth1@br0 at http://169.254.169.254\n",
		"put", "--id", webID, "--profile", "web", "--bridge", "br0", "--port", "veth1", "--address", "10.0.0.5",
		"--ipv6-address", "fe80::5", "--mac", "02:00:00:00:00:05", "--reattach", "name")
	out, err := c.run(nil, "put", "--interface", "tap0", "--netns", "/run/netns/vm1")
	if err != nil || !regexp.MustCompile(`^i-[0-9a-f]{17}: no role, served on tap0 in /run/netns/vm1 at `).MatchString(out) {
		t.Errorf("without an id: %v, prints %s", err, out)
	}
	a := c.documents[0].Attachment
	if a.Address != "10.0.0.5" || a.IPv6Address != "fe80::5" || a.MAC != "02:00:00:00:00:05" || a.Reattach != "name" {
		t.Errorf("the agent got %+v", a)
	}
	c.refused("leave out -f", "put", "-f", "web.yaml", "--interface", "tap0")
	c.refused("name its file with -f", "put")
	c.refused("attachment: want one of", "put", "--profile", "web")
	c.refused("conflict: device taken is another's", "put", "--interface", "taken")
}

func TestNoInstanceIsPutIfAFileIsBad(t *testing.T) {
	c := newCounter(t)
	h := &house{t: t, dir: c.dir}
	h.write("good.yaml", webDocument)
	h.write("bad.yaml", webDocument+"userdata: x\n")
	c.refused(`bad.yaml:3: unknown key "userdata"`, "put", "-f", h.path("good.yaml"), "-f", h.path("bad.yaml"))
	if len(c.documents) != 0 {
		t.Errorf("the agent got %+v", c.documents)
	}
}

func TestAnInstanceThatIsNotReadySaysWhatItWaitsFor(t *testing.T) {
	c := newCounter(t)
	c.state = admin.StateWaiting
	c.want(webID+": no role, waiting for device tap-web\n", "put", "--id", webID, "--interface", "tap-web")
	c.refused("503 Service Unavailable: not ready: instance "+webID+": waiting for device tap-web", "wait", webID, "--timeout", "1ms")
	c.refused("want a duration from 0s to 5m0s", "wait", webID, "--timeout", "6m")
}

// Tell implements [admin.Instances].
func (s *shelf) Tell(_ string, c rolestore.EventChange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, c)
	return nil
}
