package network

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Bound tells a device or a namespace from a later one of the same name. Names are
// chosen by whoever makes a device; this is given by the kernel and not given twice.
type Bound struct {
	// Boot is the kernel's id of this boot (random(4)): what follows counts from zero
	// after the next.
	Boot string
	// Netns is the namespace's cookie (SO_NETNS_COOKIE, Linux 5.14), or its inode on
	// older kernels, which hand out the inodes of namespaces that are gone.
	Netns uint64
	// Index is the device's; 0 for a whole namespace.
	Index int
}

// bootID is read once: it does not change while this process runs.
var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the kernel's boot id: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
})

// cookie returns the number of the calling thread's network namespace.
func cookie(inode uint64) (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	number, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err == unix.ENOPROTOOPT {
		return inode, nil
	}
	return number, err
}
