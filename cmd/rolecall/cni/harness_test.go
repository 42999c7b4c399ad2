package cni_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"log/slog"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/cmd/rolecall/cni"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/rolestore"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// TestMain is the plugin where a runtime's variable is set, as the program is.
func TestMain(m *testing.M) {
	if os.Getenv("CNI_COMMAND") != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(cni.Main(ctx))
	}
	os.Exit(m.Run())
}

// agent is an agent behind the real API: its profile "web" is ready at once, "slow"
// never, and no other is there.
type agent struct {
	mu        sync.Mutex
	instances map[string]admin.Instance
	options   map[string]admin.Document
	waiting   chan struct{} // one for each call that waits for what never comes
}

func (a *agent) Status() admin.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return admin.Status{Instances: slices.Collect(maps.Values(a.instances))}
}

// Environment is asked for by nobody here.
func (*agent) Environment(string) (map[string]string, error) { return nil, admin.ErrNotFound }

func (a *agent) Instance(id string) (admin.Instance, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.instances[id]
	return i, ok
}

func (a *agent) Put(_ context.Context, d admin.Document) (admin.Instance, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.Profile.Reference != "web" && d.Profile.Reference != "slow" && d.Profile.Full.ARN == "" {
		return admin.Instance{}, errors.Join(admin.ErrInvalid, errors.New("there is no instance profile "+d.Profile.Reference))
	}
	i := admin.Instance{ID: d.InstanceID, State: admin.StateAttached, Attachment: d.Attachment.String(), AttachmentDetails: d.Attachment, RoleARN: "arn:aws:iam::123456789012:role/" + d.Profile.Reference}
	a.instances[d.InstanceID], a.options[d.InstanceID] = i, d
	return i, nil
}

func (*agent) Revoke(context.Context, string) error { return errors.New("revoked by nobody here") }

func (a *agent) Remove(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.instances[id]; !ok {
		return admin.ErrNotFound
	}
	delete(a.instances, id)
	return nil
}

func (a *agent) Ready(ctx context.Context, id string) (admin.Instance, error) {
	i, ok := a.Instance(id)
	switch {
	case !ok:
		return i, admin.ErrNotFound
	case strings.HasSuffix(i.RoleARN, "/slow"):
		a.waiting <- struct{}{}
		<-ctx.Done()
		return i, ctx.Err()
	}
	return i, nil
}

// change changes what is known of the one instance.
func (a *agent) change(t *testing.T, f func(*admin.Instance)) {
	t.Helper()
	i := a.only(t)
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&i)
	a.instances[i.ID] = i
}

// only is the one instance that is registered.
func (a *agent) only(t *testing.T) admin.Instance {
	t.Helper()
	all := a.Status().Instances
	if len(all) != 1 {
		t.Fatalf("%d instances are registered, want one: %+v", len(all), all)
	}
	return all[0]
}

func (a *agent) none(t *testing.T) {
	t.Helper()
	if all := a.Status().Instances; len(all) != 0 {
		t.Errorf("registered: %+v", all)
	}
}

// bed is a host with an agent, on which a runtime adds containers to networks.
type bed struct {
	t      *testing.T
	host   *nettest.Namespace
	agent  *agent
	socket string
}

func newBed(t *testing.T) *bed {
	b := &bed{t: t, host: nettest.New(t), socket: filepath.Join(t.TempDir(), "agent.sock"),
		agent: &agent{instances: map[string]admin.Instance{}, options: map[string]admin.Document{}, waiting: make(chan struct{}, 9)}}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := admin.Server(b.agent, b.agent, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return b
}

// container makes one whose eth0 has these addresses; its other end is host. On a
// bridge, if one is named, which is made if need be.
func (b *bed) container(host, bridge string, addrs ...string) *nettest.Namespace {
	b.t.Helper()
	ns := nettest.New(b.t)
	nettest.Veth(b.t, nettest.End{Namespace: b.host, Device: host}, nettest.End{Namespace: ns, Device: "eth0", Addrs: addrs})
	if bridge != "" {
		if b.host.Command(b.t.Context(), "ip", "link", "show", bridge).Run() != nil {
			b.host.Run(b.t, "ip", "link", "add", bridge, "type", "bridge")
			b.host.Run(b.t, "ip", "link", "set", bridge, "up")
		}
		b.host.Run(b.t, "ip", "link", "set", host, "master", bridge)
	}
	return ns
}

func macOf(t *testing.T, ns *nettest.Namespace, device string) (mac string) {
	t.Helper()
	ns.Do(func() {
		i, err := net.InterfaceByName(device)
		if err != nil {
			t.Fatal(err)
		}
		mac = i.HardwareAddr.String()
	})
	return mac
}

// object is a JSON object that a test writes.
type object = map[string]any

// conf is the plugin's configuration as a runtime passes it. Later parts replace
// members of earlier ones; one that is nil is left out.
func (b *bed) conf(parts ...object) object {
	c := object{"cniVersion": "1.1.0", "name": "net1", "type": "rolecall", "adminSocket": b.socket, "profile": "web", "wait": "10s"}
	for _, part := range parts {
		maps.Copy(c, part)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// made is the part of a configuration that says what the bridge plugin did.
func made(ns *nettest.Namespace, mac string, addrs ...string) object {
	ips := []object{}
	for _, a := range addrs {
		ips = append(ips, object{"address": a, "interface": 2})
	}
	return object{"prevResult": object{"cniVersion": "1.1.0", "ips": ips, "interfaces": []object{
		{"name": "cni0"}, {"name": "veth1"}, {"name": "eth0", "sandbox": ns.Path(), "mac": mac},
	}}}
}

// answer is what a call of the plugin came to.
type answer struct {
	CNIVersion string
	Code       int
	Msg        string
	Details    string
	out        []byte
	stderr     string
	status     int
}

// command is the plugin as a runtime starts it.
func (b *bed) command(command, netns string, conf object, env ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	b.t.Helper()
	text, err := json.Marshal(conf)
	if err != nil {
		b.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd = b.host.Command(b.t.Context(), self)
	// The race detector would make each end of the plugin a second longer.
	cmd.Env = append([]string{"GORACE=atexit_sleep_ms=0", "CNI_COMMAND=" + command, "CNI_CONTAINERID=c1", "CNI_NETNS=" + netns, "CNI_IFNAME=eth0", "CNI_PATH=/"}, env...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), stdout, stderr
	return cmd, stdout, stderr
}

// call calls the plugin and wants it to end with code, which is 0 for success.
func (b *bed) call(code int, command, netns string, conf object, env ...string) answer {
	b.t.Helper()
	cmd, stdout, stderr := b.command(command, netns, conf, env...)
	err := cmd.Run()
	a := answer{out: stdout.Bytes(), stderr: stderr.String(), status: cmd.ProcessState.ExitCode()}
	if stdout.Len() > 0 {
		if err := json.Unmarshal(a.out, &a); err != nil {
			b.t.Fatalf("%s prints no JSON: %v\n%s", command, err, a.out)
		}
	}
	if a.Code != code || (code == 0) != (err == nil) {
		b.t.Fatalf("%s: code %d, %v; want %d\n%s%s", command, a.Code, err, code, a.out, a.stderr)
	}
	return a
}

// says wants the answer's message and details to have the texts.
func (a answer) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.Msg+"\n"+a.Details, text) {
			t.Errorf("the error does not say %q: %s; %s", text, a.Msg, a.Details)
		}
	}
}

// Tell implements [admin.Instances].
func (*agent) Tell(_ string, _ rolestore.EventChange) error {
	return admin.ErrNotFound
}
