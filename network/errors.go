package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
)

// InUseError is returned when another listener has the port.
type InUseError struct {
	Addr netip.AddrPort
	// Holders have the port, as far as this process may see; often none when it
	// runs without privilege.
	Holders []Holder
}

// Error names the holders.
func (e *InUseError) Error() string {
	if len(e.Holders) == 0 {
		return fmt.Sprintf("%s is in use by a process that this user may not see", e.Addr)
	}
	var names []string
	for _, h := range e.Holders {
		names = append(names, h.String())
	}
	return fmt.Sprintf("%s is in use by %s", e.Addr, strings.Join(names, ", "))
}

// Unwrap returns EADDRINUSE.
func (e *InUseError) Unwrap() error { return unix.EADDRINUSE }

// explain says what an operator can act on when listening did not work.
func explain(device string, addr netip.AddrPort, err error) error {
	if errors.Is(err, unix.EADDRINUSE) {
		return &InUseError{Addr: addr, Holders: holders(device, addr)}
	}
	if _, known := errors.AsType[*link.CapabilityError](err); known {
		return err
	}
	if errors.Is(err, unix.EACCES) { // bind(2): the port is privileged
		return fmt.Errorf("listen on %s: %w", addr, link.Denied(link.NetBindService, unix.EACCES))
	}
	return err
}

// withRemedy adds what helps when an attachment cannot be had. The host itself can be
// served elsewhere; a guest cannot.
func (a Attachment) withRemedy(err error) error {
	elsewhere := ", or serve this machine elsewhere with --listen 127.0.0.1:1338"
	if a.guest() || a.Netns != "" {
		elsewhere = ""
	}
	if inUse, ok := errors.AsType[*InUseError](err); ok {
		if inUse.Addr.Addr().IsLoopback() {
			return fmt.Errorf("%w; stop it, or choose another port with --listen", err)
		}
		if inUse.Addr.Port() != metadataPort {
			return fmt.Errorf("%w; stop it, or have us listen elsewhere with --port", err)
		}
		return fmt.Errorf("%w; stop it%s", err, elsewhere)
	}
	if denied, ok := errors.AsType[*link.CapabilityError](err); ok {
		return fmt.Errorf("%w; run as root or grant %s%s", err, denied.Capability, elsewhere)
	}
	return err
}
