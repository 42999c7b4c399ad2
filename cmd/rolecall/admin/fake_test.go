package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/rolestore"
)

// patience is how long a test waits for what must come. It is no claim of speed.
const patience = 30 * time.Second

const (
	webID   = "i-0123456789abcdef0"
	otherID = "i-0123456789abcdef1"
)

// fake is a [View] and the [Instances] in memory. An instance is ready from change to change.
type fake struct {
	mu        sync.Mutex
	instances map[string]Instance
	put       []Document
	revoked   []string // ids
	told      []rolestore.EventChange
	fail      error         // what Put, Remove and Ready return, if not nil
	changed   chan struct{} // closed with each change
	waits     chan struct{} // told of each who begins to wait
	left      chan error    // told how each waiting ended before the instance was ready
}

func newFake() *fake {
	return &fake{
		instances: map[string]Instance{}, changed: make(chan struct{}),
		waits: make(chan struct{}, 10), left: make(chan error, 10),
	}
}

// set changes one instance, and wakes who waits.
func (f *fake) set(i Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances[i.ID] = i
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Status{RefusedPackets: map[string]uint64{"undeclared_source": 3}, Unclaimed: []string{"tap9"}}
	for _, id := range []string{webID, otherID} {
		if i, ok := f.instances[id]; ok {
			s.Instances = append(s.Instances, i)
		}
	}
	return s
}

func (f *fake) Instance(id string) (Instance, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[id]
	return i, ok
}

func (f *fake) Environment(id string) (map[string]string, error) {
	if _, ok := f.Instance(id); !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return map[string]string{"NAME": "of " + id}, nil
}

func (f *fake) Tell(id string, c rolestore.EventChange) error {
	if _, ok := f.Instance(id); !ok {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, c)
	return f.fail
}

func (f *fake) Put(_ context.Context, d Document) (Instance, error) {
	f.mu.Lock()
	fail := f.fail
	f.put = append(f.put, d)
	f.mu.Unlock()
	if fail != nil {
		return Instance{}, fail
	}
	i := Instance{
		ID: d.InstanceID, State: StateWaiting, StateReason: "waiting for device " + d.Attachment.Interface,
		Attachment: d.Attachment.String(), AttachmentDetails: d.Attachment,
	}
	f.set(i)
	return i, nil
}

func (f *fake) Revoke(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.instances[id]; !ok {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	f.revoked = append(f.revoked, id)
	return f.fail
}

func (f *fake) Remove(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	if _, ok := f.instances[id]; !ok {
		return fmt.Errorf("%w: instance %s is not registered here", ErrNotFound, id)
	}
	delete(f.instances, id)
	return nil
}

func (f *fake) Ready(ctx context.Context, id string) (Instance, error) {
	for first := true; ; first = false {
		f.mu.Lock()
		i, ok := f.instances[id]
		changed, fail := f.changed, f.fail
		f.mu.Unlock()
		switch {
		case fail != nil:
			return i, fail
		case !ok:
			return i, fmt.Errorf("%w: instance %s is not registered here", ErrNotFound, id)
		case i.State == StateEnded:
			return i, fmt.Errorf("%w: %s", ErrEnded, i.StateReason)
		case i.Missing() == "":
			return i, nil
		}
		if first {
			f.waits <- struct{}{}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			f.left <- ctx.Err()
			return i, ctx.Err()
		}
	}
}

// served is the fake behind the API on a Unix socket.
type served struct {
	*fake
	t      *testing.T
	socket string
	server *http.Server
	client *Client
	mu     sync.Mutex
	log    bytes.Buffer
}

// Write makes served the writer of the server's log.
func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *served) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func serve(t *testing.T, change ...func(*http.Server)) *served {
	t.Helper()
	s := &served{fake: newFake(), t: t, socket: filepath.Join(t.TempDir(), "agent.sock")}
	listener, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	s.server = Server(s.fake, s.fake, slog.New(slog.NewTextHandler(s, nil)))
	for _, c := range change {
		c(s.server)
	}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(listener) }()
	t.Cleanup(func() {
		_ = s.server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	s.client = NewClient(s.socket)
	return s
}

// web is a good document.
func web() Document {
	return Document{
		InstanceID: webID, Profile: Profile{Reference: "web"},
		Attachment: rolestore.Attachment{Interface: "tap-web"},
	}
}

// within returns what comes out of c, and fails the test if nothing does.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
