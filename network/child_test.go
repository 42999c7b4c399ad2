package network_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// childEnv makes the test binary play another process instead of testing.
const childEnv = "ROLECALL_NETWORK_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		fmt.Println(child(role))
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is done with it
		return
	}
	os.Exit(m.Run())
}

// child plays the role, an attachment or an address to listen on, and says how
// it went. What it opened stays open.
func child(role string) string {
	var err error
	switch role {
	case "host":
		err = attach(network.Config{}, network.Host("host", true))
	case "direct":
		err = attach(network.Config{Mode: network.Direct}, network.Host("host", true))
	case "nat":
		err = attach(network.Config{Mode: network.NAT}, network.Interface("i-1", "", "tap1", true))
	case "tap1":
		err = attach(network.Config{}, network.Interface("i-1", "", "tap1", true))
	case "loopback":
		attachment, _ := network.Loopback("host", netip.MustParseAddrPort("127.0.0.1:1338"))
		err = attach(network.Config{}, attachment)
	case "unrefuse":
		err = steer.New().Unrefuse("tap1")
	default:
		if path, ok := strings.CutPrefix(role, "netns "); ok {
			err = attach(network.Config{}, network.Netns("web", path, false))
			break
		}
		_, err = new(net.ListenConfig).Listen(context.Background(), "tcp", role)
	}
	if err != nil {
		return err.Error()
	}
	return "ready"
}

func attach(c network.Config, a network.Attachment) error {
	state, err := network.New(c)
	if err != nil {
		return err
	}
	go serve(state.Listener())
	return state.Put(context.Background(), a, nil)
}

// start starts a child inside the namespace, behind the words of wrapper, and
// returns it with the line that it said.
func start(t *testing.T, ns *nettest.Namespace, role string, wrapper ...string) (*exec.Cmd, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	words := append(wrapper, exe)
	cmd := ns.Command(t.Context(), words[0], words[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q, then %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// kill kills the child as kill -9 does, and waits for its end. Again is no harm.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
