package network_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// as runs what follows as a user who is nobody in particular, with the capabilities.
func as(capabilities string) []string {
	words := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	if capabilities != "" {
		words = append(words, "--inh-caps="+capabilities, "--ambient-caps="+capabilities)
	}
	return words
}

// TestNobodyTakesThePlaceOfAnAgentThatIsGone has a local user listen at the agent's port,
// which takes no privilege, while what leads requests there is still in the kernel.
func TestNobodyTakesThePlaceOfAnAgentThatIsGone(t *testing.T) {
	for role, squat := range map[string]string{"tap1": "[::]:8474", "host": "169.254.169.254:8474", "nat": "0.0.0.0:8474"} {
		t.Run(role, func(t *testing.T) {
			host := nettest.New(t)
			client := host
			if role != "host" {
				client = newRoutedGuest(t, host)
			}
			agent, said := start(t, host, role)
			if said != "ready" {
				t.Fatal(said)
			}
			kill(agent)
			squatter, said := start(t, host, squat, as("")...)
			if said != "ready" {
				t.Fatal(said)
			}
			ctx, stop := context.WithCancel(t.Context())
			connected := make(chan error, 1)
			go client.Do(func() {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp4", metadata[0])
				if err == nil {
					_ = conn.Close()
				}
				connected <- err
			})
			eventually(t, "his answer is counted", func() bool {
				var counters steer.Counters
				host.Do(func() {
					var err error
					if counters, err = steer.New().Counters(); err != nil {
						t.Fatal(err)
					}
				})
				return counters.Usurped > 0
			})
			stop()
			if err := <-connected; err == nil {
				t.Error("a local user was taken for the agent")
			}
			kill(squatter)
			if _, err := ask(t, client, metadata[0]); err == nil || !strings.Contains(err.Error(), "refused") {
				t.Errorf("where nobody listens: %v, want it refused", err)
			}
		})
	}
}

// TestAnAgentThatIsNotRoot is served beside it: another user, with capabilities.
func TestAnAgentThatIsNotRoot(t *testing.T) {
	host := nettest.New(t)
	guest := newRoutedGuest(t, host)
	for _, wrapper := range [][]string{nil, as("+net_admin"), nil} {
		agent, said := start(t, host, "tap1", wrapper...)
		if said != "ready" {
			t.Fatal(said)
		}
		for _, addr := range metadata {
			wantTold(t, guest, addr, "i-1")
		}
		kill(agent)
	}
}

// TestAContainerWithUsersOfItsOwn numbers them otherwise than we do.
func TestAContainerWithUsersOfItsOwn(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	words := append(as(""), "unshare", "--map-root-user", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep infinity")
	container := host.Command(t.Context(), words[0], words[1:]...)
	out, err := container.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(container) })
	if said, err := bufio.NewReader(out).ReadString('\n'); said != "up\n" {
		t.Skipf("this kernel lets no user have namespaces: it says %q, %v", said, err)
	}
	path := fmt.Sprintf("/proc/%d/ns/net", container.Process.Pid)
	put(t, state, network.Netns("web", path, false))
	if told := host.Run(t, "nsenter", "--net="+path, "/bin/bash", "-c", "cat < /dev/tcp/169.254.169.254/80"); told != "web" {
		t.Errorf("it was told %q", told)
	}
}
