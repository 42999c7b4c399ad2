package vmtest_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// patience is how long a machine may run. It is no claim of speed.
const patience = 2 * time.Minute

// TestAMachineIsEC2sAndReachesItsTap boots one machine, which says who it is and
// asks the host.
func TestAMachineIsEC2sAndReachesItsTap(t *testing.T) {
	ns := nettest.New(t)
	kernel := vmtest.FindKernel(t)
	vmtest.Tap(t, ns, "tap0")
	ns.Run(t, "ip", "address", "add", "10.0.0.1/24", "dev", "tap0")
	answer(t, ns, "tap0", "10.0.0.1:7")
	printed := vmtest.Start(t, vmtest.Config{
		Namespace: ns, Kernel: kernel, Memory: 128, Tap: "tap0", MAC: "02:00:00:00:00:05", Patience: patience,
		Initramfs: vmtest.Initramfs(t, kernel, vmtest.Networking, `
ip link set eth0 up
ip address add 10.0.0.5/24 dev eth0
echo "mac=$(cat /sys/class/net/eth0/address)"
echo "vendor=$(cat /sys/class/dmi/id/sys_vendor)"
echo "uuid=$(cat /sys/class/dmi/id/product_uuid)"
echo "file=$(cat /etc/some/file)"
echo "heard=$(nc 10.0.0.1 7 </dev/null)"
`, vmtest.File{Path: "/etc/some/file", Mode: 0o600, Data: []byte("text")}),
	}).Wait()
	for key, want := range map[string]string{
		"mac": "02:00:00:00:00:05", "vendor": "Amazon EC2", "uuid": "ec2e1916-9099-7caf-fd21-012345abcdef",
		"file": "text", "heard": "tap0",
	} {
		if got := vmtest.Answer(t, printed, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestWaitForSeesWhatAMachineSaysBeforeItEnds(t *testing.T) {
	ns := nettest.New(t)
	kernel := vmtest.FindKernel(t)
	vmtest.Tap(t, ns, "tap0")
	m := vmtest.Start(t, vmtest.Config{
		Namespace: ns, Kernel: kernel, Memory: 128, Tap: "tap0", MAC: "02:00:00:00:00:05", Patience: patience,
		Initramfs: vmtest.Initramfs(t, kernel, nil, "echo here; while true; do sleep 60; done"),
	})
	m.WaitFor("here") // and the end of the test ends the machine
}

// answer tells whoever connects the name of the device.
func answer(t *testing.T, ns *nettest.Namespace, device, address string) {
	t.Helper()
	bind := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) })
	}}
	var l net.Listener
	var err error
	ns.Do(func() { l, err = bind.Listen(context.Background(), "tcp", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprintln(c, device)
			_ = c.Close()
		}
	}()
}
