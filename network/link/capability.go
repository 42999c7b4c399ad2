package link

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Capability is a Linux capability
// (https://man7.org/linux/man-pages/man7/capabilities.7.html), by its number.
type Capability uint

// The capabilities that serving on the host's network may need.
const (
	// NetBindService is for ports below net.ipv4.ip_unprivileged_port_start.
	NetBindService Capability = unix.CAP_NET_BIND_SERVICE
	// NetAdmin is for changing addresses, routes, rules, neighbours and settings.
	NetAdmin Capability = unix.CAP_NET_ADMIN
	// NetRaw is for binding a socket to a device on kernels before 5.7.
	NetRaw Capability = unix.CAP_NET_RAW
	// SysAdmin is for entering another network namespace (setns(2)).
	SysAdmin Capability = unix.CAP_SYS_ADMIN
)

// String is the name as the manual page and systemd have it.
func (c Capability) String() string {
	switch c {
	case NetBindService:
		return "CAP_NET_BIND_SERVICE"
	case NetAdmin:
		return "CAP_NET_ADMIN"
	case NetRaw:
		return "CAP_NET_RAW"
	case SysAdmin:
		return "CAP_SYS_ADMIN"
	}
	return fmt.Sprintf("capability %d", uint(c))
}

// CapabilityError is returned when the kernel denies what a capability allows.
type CapabilityError struct {
	Capability Capability
	// Held says that the process has the capability all the same: it does not
	// own the network namespace, or a filter forbids the call.
	Held bool
	// Err is the kernel's error.
	Err error
}

// Error names the capability.
func (e *CapabilityError) Error() string {
	if e.Held {
		return fmt.Sprintf("%v in spite of %v: a user namespace, seccomp filter or security module forbids it", e.Err, e.Capability)
	}
	return fmt.Sprintf("%v: %v is missing", e.Err, e.Capability)
}

// Unwrap returns the kernel's error.
func (e *CapabilityError) Unwrap() error { return e.Err }

// Denied returns err as a [*CapabilityError] if the kernel says by it (EPERM or
// EACCES) that the caller needs the capability, and err itself otherwise.
func Denied(c Capability, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &CapabilityError{Capability: c, Held: c.held(), Err: err}
	}
	return err
}

// held reports whether the capability is effective for the calling thread.
func (c Capability) held() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<c) != 0 // ours are all below 32
}
