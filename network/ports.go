package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// DefaultPort is where listeners sit unless somebody says otherwise. It is below the
// ports that Linux gives to clients (ip_local_port_range, from 32768 on).
const DefaultPort = 8474

// PortMode is how requests for port 80 of the metadata addresses come to our
// listeners.
type PortMode string

// The modes; see [steer.Mode] for what they mean to others.
const (
	// Auto takes the first of the others, in their order, that the kernel can do.
	Auto PortMode = "auto"
	// Rewrite leaves port 80 to others, and changes nothing that they see.
	Rewrite = PortMode(steer.Rewrite)
	// NAT leaves port 80 to others as well.
	NAT = PortMode(steer.NAT)
	// Direct takes port 80 of the metadata addresses, so that no web server can have
	// port 80 of all addresses at the same time.
	Direct = PortMode(steer.Direct)
)

// MarshalText implements [encoding.TextMarshaler].
func (m PortMode) MarshalText() ([]byte, error) { return []byte(m), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *PortMode) UnmarshalText(name []byte) error {
	if !slices.Contains([]PortMode{Auto, Rewrite, NAT, Direct}, PortMode(name)) {
		return fmt.Errorf("port mode %q: want auto, rewrite, nat or direct", name)
	}
	*m = PortMode(name)
	return nil
}

// Ports say where listeners sit.
type Ports struct {
	// Mode is Auto as long as nothing is attached that would decide it.
	Mode PortMode
	// Port is 80 for Direct.
	Port uint16
	// Because says why Auto came to nothing better, and is empty if it did not.
	Because string
}

// Ports returns how requests come to our listeners.
func (s *State) Ports() Ports {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.way == nil:
		return Ports{Mode: s.config.Mode, Port: s.config.Port}
	case s.way.Mode == steer.Direct:
		return Ports{Mode: Direct, Port: metadataPort, Because: s.because}
	}
	return Ports{Mode: PortMode(s.way.Mode), Port: s.way.Port, Because: s.because}
}

// lead sees to it that requests come to w's listeners, but for opening these.
func (s *State) lead(w *wanted) error {
	p := w.place
	return p.do(func() error {
		p.containers = p.containers || w.forContainers()
		if err := s.choose(p); err != nil {
			return err
		}
		if s.way.Mode == steer.Direct && w.isHost() { // which forwards nothing past itself
			return nil
		}
		return s.ensure(p)
	})
}

// choose finds out, once, what the kernel can do: it is the same in every namespace. The
// first is left with its tables.
func (s *State) choose(p *place) error {
	if s.way != nil {
		return nil
	}
	modes := []PortMode{s.config.Mode}
	if s.config.Mode == Auto {
		modes = []PortMode{Rewrite, NAT, Direct}
	}
	way, because, err := firstOf(modes, s.config.Port, func(w steer.Way) error { return s.steer(p, w) })
	if err != nil {
		return err
	}
	s.way, s.because = &way, because
	s.logger.Info("how requests come to our listeners", "port_mode", way.Mode, "port", s.config.Port)
	if because != "" {
		s.logger.Warn("the port mode is not the best there is", "port_mode", way.Mode, "because", because)
	}
	return nil
}

// firstOf returns the first of modes that the kernel can do, and why not one before.
// Direct needs nothing. Another error than one about the kernel or a capability
// is for somebody to mend.
func firstOf(modes []PortMode, port uint16, ensure func(steer.Way) error) (way steer.Way, because string, err error) {
	var reasons []string // why not the modes before
	for _, mode := range modes {
		way = steer.Way{Mode: steer.Mode(mode), Port: port}
		if mode == Direct {
			return way, strings.Join(reasons, "; "), nil
		}
		err = ensure(way)
		if err == nil {
			return way, strings.Join(reasons, "; "), nil
		}
		var denied *link.CapabilityError
		if !errors.Is(err, steer.ErrKernel) && !errors.As(err, &denied) {
			return way, "", err
		}
		reasons = append(reasons, fmt.Sprintf("%s cannot be had: %v", mode, err))
	}
	return way, "", fmt.Errorf("port mode %s cannot be had: %w; choose another with --port-mode, or auto", way.Mode, err)
}

// listening is where the listeners sit for what is served on a device. On a guest's
// there is one for all addresses, so that 10,000 guests fit the descriptors that a
// process may have; the tables let nothing come to it but by these addresses. On lo
// nobody's program is to find us at another address.
func (st *stand) listening(served []netip.AddrPort) []netip.AddrPort {
	if st.place == nil || st.state.way.Mode == steer.Direct {
		return served
	}
	port := st.state.way.Port
	if st.device != loopback {
		if len(served) == 0 {
			return nil
		}
		return []netip.AddrPort{netip.AddrPortFrom(wildcard(), port)}
	}
	var all []netip.AddrPort
	for _, s := range served {
		all = append(all, netip.AddrPortFrom(s.Addr(), port))
	}
	return all
}

// wildcard is every address of both versions of IP, where the kernel has both.
func wildcard() netip.Addr {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
