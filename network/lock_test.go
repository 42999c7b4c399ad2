package network_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// agentsName is what an agent binds in the namespaces that it looks after.
const agentsName = "@rolecall-agent"

// wantHeld has the error name another agent and what to do.
func wantHeld(t *testing.T, err error, where string, pid int) {
	t.Helper()
	for _, want := range []string{where + " is looked after by another agent", fmt.Sprintf("(pid %d)", pid), "stop that one first"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// TestASecondAgentIsRefused in the namespace of the first, where it changes nothing, and
// goes on elsewhere. When the first is killed the second takes over.
func TestASecondAgentIsRefused(t *testing.T) {
	host := nettest.New(t)
	guest, other := newGuest(t, host, "tap1", "10.0.0.5/24"), newGuest(t, host, "tap2", "10.0.0.5/24")
	first, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	rules := func() string { return host.Run(t, "nft", "list", "ruleset") }
	eventually(t, "the device refuses by itself", func() bool { return strings.Contains(rules(), "device_") })
	before := rules() + everything(t, host)

	state, _ := watched(t, host)
	container, cabled := nettest.New(t), nettest.New(t)
	plug(t, host, cabled, "veth1")
	fresh := cabled.Run(t, "nft", "list", "ruleset") + everything(t, cabled)
	put(t, state, network.Netns("apart", container.Path(), false))
	const own = "the agent's own network namespace"
	for range 100 { // which ask faster than anybody answers
		wantHeld(t, state.Put(t.Context(), network.Interface("i-2", "", "tap2", true), nil), own, first.Process.Pid)
	}
	wantHeld(t, state.Put(t.Context(), network.Host("host", true), nil), own, first.Process.Pid)
	wantHeld(t, state.Put(t.Context(), network.Netns("cabled", cabled.Path(), false), nil), own, first.Process.Pid)
	if left := cabled.Run(t, "nft", "list", "ruleset") + everything(t, cabled); left != fresh {
		t.Errorf("the container has\n%shad\n%s", left, fresh)
	}
	if err := state.Restore(t.Context(), network.Interface("i-2", "", "tap2", true)); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "i-2", network.Failed, own+" is looked after by another agent")
	if now := rules() + everything(t, host); now != before {
		t.Errorf("the second changed\n%sto\n%s", before, now)
	}
	wantTold(t, guest, metadata[0], "i-1")
	wantTold(t, container, metadata[0], "apart")

	kill(first)
	becomes(t, state, "i-2", network.Attached)
	wantTold(t, other, metadata[0], "i-2")
}

// TestASecondAgentStartsBesideTheFirst with attachments that it has from before: one that
// has a guarded device in the first's namespace, and one that was lost there.
func TestASecondAgentStartsBesideTheFirst(t *testing.T) {
	host, container := nettest.New(t), nettest.New(t)
	plug(t, host, container, "veth1")
	newGuest(t, host, "tap1", "10.0.0.5/24")
	earlier, said := start(t, host, "netns "+container.Path())
	if said != "ready" {
		t.Fatal(said)
	}
	kill(earlier)
	host.Run(t, "ip", "link", "del", "veth1") // whose name stays guarded
	first, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	state, _ := watched(t, host)
	if err := state.Mourn(network.Interface("lost", "", "tap2", true), "its device is gone"); err != nil {
		t.Error(err)
	}
	wantPhase(t, state, "lost", network.Lost, "its device is gone")
	if err := state.Restore(t.Context(), network.Netns("web", container.Path(), false)); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "web", network.Failed, "the agent's own network namespace is looked after by another agent")
	kill(first)
	becomes(t, state, "web", network.Attached)
	wantTold(t, container, metadata[0], "web")
	if rules := host.Run(t, "nft", "list", "ruleset"); !strings.Contains(rules, "veth1") {
		t.Errorf("the container's device is not guarded:\n%s", rules)
	}
	state.Remove("web")
	if rules := host.Run(t, "nft", "list", "ruleset"); strings.Contains(rules, "veth1") {
		t.Errorf("the container's device is still guarded:\n%s", rules)
	}
}

// TestAgentsInARow follow each other at once, by whatever end.
func TestAgentsInARow(t *testing.T) {
	host := nettest.New(t)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	attachment := network.Interface("i-1", "", "tap1", true)
	for range 5 {
		child, said := start(t, host, "tap1")
		if said != "ready" {
			t.Fatal(said)
		}
		kill(child)
		state := open(t, host)
		put(t, state, attachment)
		closeState(t, state, true)
		state = open(t, host)
		put(t, state, attachment)
		state.Remove("i-1")
		next := open(t, host)
		put(t, next, attachment)
		wantTold(t, guest, metadata[0], "i-1")
		closeState(t, next, false)
	}
}

// TestWhoElseTakesTheName keeps an agent out of nothing, unless he is root: then out of his
// own namespace alone.
func TestWhoElseTakesTheName(t *testing.T) {
	const listens = "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind('\\0rolecall-agent'); %s; print('ready', flush=True); input()"
	nobody := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	for name, test := range map[string]struct {
		as   []string
		then string
		says string // in the log; empty if the attachment is refused
	}{
		"root":                     {nil, "s.listen()", ""},
		"a user":                   {nobody, "s.listen()", "is user 65534"},
		"a user who never listens": {nobody, "pass", "connection refused"},
		"a user who is asked too much": {nobody, "s.listen(0); c = socket.socket(socket.AF_UNIX); c.connect('\\0rolecall-agent')",
			"temporarily unavailable"},
		"the root of another user namespace": {append(nobody, "unshare", "--user", "--map-root-user"), "s.listen()", "is user 65534"},
	} {
		t.Run(name, func(t *testing.T) {
			host, taken, free := nettest.New(t), nettest.New(t), nettest.New(t)
			words := append(test.as, "/usr/bin/python3", "-c", fmt.Sprintf(listens, test.then))
			cmd := taken.Command(t.Context(), words[0], words[1:]...)
			if _, err := cmd.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { kill(cmd) })
			if said, err := bufio.NewReader(out).ReadString('\n'); said != "ready\n" {
				t.Fatalf("it said %q, then %v", said, err)
			}

			heard := &log{}
			state := configured(t, host, network.Config{Logger: slog.New(slog.NewTextHandler(heard, nil))})
			err = state.Put(t.Context(), network.Netns("taken", taken.Path(), false), nil)
			if test.says == "" {
				wantHeld(t, err, "network namespace "+taken.Path(), cmd.Process.Pid)
			} else {
				if err != nil {
					t.Error(err)
				}
				wantTold(t, taken, metadata[0], "taken")
				if heard.count("a second agent would not be noticed") != 1 || heard.count(test.says) != 1 {
					t.Errorf("the log says\n%s", &heard.text)
				}
			}
			put(t, state, network.Netns("free", free.Path(), false))
			wantTold(t, free, metadata[0], "free")
		})
	}
}

// TestAGuestAsksTheAgentForItsName as often as it can: that takes the agent nothing, hides
// it from no other agent, and does not outlive it.
func TestAGuestAsksTheAgentForItsName(t *testing.T) {
	host, container := nettest.New(t), nettest.New(t)
	state := open(t, host)
	attachment := network.Netns("web", container.Path(), false)
	put(t, state, attachment)
	var asking []net.Conn
	defer func() {
		for _, conn := range asking {
			_ = conn.Close()
		}
	}()
	eventually(t, "200 questions", func() bool {
		container.Do(func() {
			if conn, err := net.Dial("unix", agentsName); err == nil {
				asking = append(asking, conn)
			}
		})
		return len(asking) == 200
	})
	for _, conn := range asking {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("the agent has not closed what it was asked by: %v", err)
		}
	}
	second := open(t, host)
	wantHeld(t, second.Put(t.Context(), attachment, nil), "network namespace "+container.Path(), os.Getpid())
	closeState(t, state, true)
	put(t, second, attachment)
	wantTold(t, container, metadata[0], "web")
}

// TestCleanupSparesWhoRuns: it removes nothing where an agent looks after a namespace, and
// nothing at all beside one.
func TestCleanupSparesWhoRuns(t *testing.T) {
	host, inner := nettest.New(t), nettest.New(t)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	agent := open(t, host)
	put(t, agent, network.Interface("i-1", "", "tap1", true))
	cleanup := func(patterns ...string) (removed, spared []string, err error) {
		host.Do(func() { removed, spared, err = network.Cleanup(patterns...) })
		return removed, spared, err
	}
	nested := open(t, inner)
	put(t, nested, network.Host("nested", true))
	left := nettest.New(t)
	closeState(t, hostServed(t, left), true)
	before := shown(t, left)

	removed, _, err := cleanup(left.Path())
	wantHeld(t, err, "the agent's own network namespace", os.Getpid())
	if now := shown(t, left); len(removed) > 0 || now != before {
		t.Errorf("removed: %v, and lo has\n%s", removed, now)
	}
	wantTold(t, guest, metadata[0], "i-1")

	closeState(t, agent, true)
	removed, spared, err := cleanup(inner.Path())
	if len(spared) != 1 || err != nil {
		t.Fatalf("spared: %v, %v", spared, err)
	}
	wantHeld(t, errors.New(spared[0]), "network namespace "+inner.Path(), os.Getpid())
	if text := strings.Join(removed, "\n"); !strings.Contains(text, "dev tap1") || !strings.Contains(text, "nftables tables") || strings.Contains(text, inner.Path()) {
		t.Errorf("removed: %s", text)
	}
	wantTold(t, inner, metadata[0], "nested")

	closeState(t, nested, true)
	if removed, spared, err = cleanup(inner.Path()); err != nil || len(removed) == 0 || len(spared) > 0 {
		t.Errorf("removed: %v, %v", removed, err)
	}
}
