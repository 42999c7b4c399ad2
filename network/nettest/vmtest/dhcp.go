package vmtest

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// DHCP gives a tap the address 10.0.0.1/24, and runs a server there until the test
// ends: the machine whose eth0 has the address mac gets 10.0.0.5 from it, and
// 10.0.0.1 as its router. There is no name server.
func DHCP(t testing.TB, ns *nettest.Namespace, tap, mac string) {
	t.Helper()
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		t.Skip("needs dnsmasq: .ci/deps-vm installs it")
	}
	ns.Run(t, "ip", "address", "add", "10.0.0.1/24", "dev", tap)
	ctx, stop := context.WithCancel(context.Background())
	out := &console{grown: make(chan struct{})}
	cmd := ns.Command(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--pid-file=",
		"--interface="+tap, "--bind-interfaces", "--except-interface=lo",
		"--dhcp-range=10.0.0.5,10.0.0.5,255.255.255.0,12h", "--dhcp-host="+mac+",10.0.0.5",
		// One machine's clients have different ids, and mean the same address.
		"--dhcp-ignore-clid", "--dhcp-authoritative", "--dhcp-option=3,10.0.0.1", "--dhcp-option=6",
		"--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--log-facility=-")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("dnsmasq on %s:\n%s", tap, out)
		}
	})
}
