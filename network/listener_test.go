package network

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
)

// A socket bound to a device already stands for kernels before 5.7, which want
// the capability for the first time too.
func TestBindToDeviceNamesTheCapability(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: capabilities to drop")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer drop(t, 1<<unix.CAP_NET_RAW)()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := bindToDevice(fd, "lo"); err != nil {
		t.Fatal(err)
	}
	var denied *link.CapabilityError
	if err := bindToDevice(fd, "lo"); !errors.As(err, &denied) || denied.Capability != link.NetRaw || denied.Held {
		t.Errorf("error %v, want CAP_NET_RAW missing", err)
	}
}

// drop makes capabilities of this thread ineffective until the returned function
// is called.
func drop(t *testing.T, mask uint32) (restore func()) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had, less [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	less = had
	less[0].Effective &^= mask
	if err := unix.Capset(&header, &less[0]); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Capset(&header, &had[0]); err != nil {
			t.Error(err)
		}
	}
}
