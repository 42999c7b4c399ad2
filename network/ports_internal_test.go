package network

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// Kernels that lack something are rare where tests run, so this is of what they answer.
func TestTheFirstModeThatTheKernelCanDoIsTaken(t *testing.T) {
	lacks := fmt.Errorf("make the tables: %w", steer.ErrKernel)
	denied := &link.CapabilityError{Capability: link.NetAdmin, Err: unix.EPERM}
	foreign := errors.New("somebody else's table")
	auto := []PortMode{Rewrite, NAT, Direct}
	for name, c := range map[string]struct {
		modes    []PortMode
		kernel   map[steer.Mode]error
		want     steer.Mode
		because  string
		err      error
		errSays  string
		triedNot steer.Mode
	}{
		"everything":              {modes: auto, want: steer.Rewrite, triedNot: steer.NAT},
		"no rewriting":            {modes: auto, kernel: map[steer.Mode]error{steer.Rewrite: lacks}, want: steer.NAT, because: "rewrite cannot be had"},
		"neither":                 {modes: auto, kernel: map[steer.Mode]error{steer.Rewrite: lacks, steer.NAT: lacks}, want: steer.Direct, because: "nat cannot be had"},
		"no privilege":            {modes: auto, kernel: map[steer.Mode]error{steer.Rewrite: denied, steer.NAT: denied}, want: steer.Direct, because: "CAP_NET_ADMIN"},
		"somebody else's table":   {modes: auto, kernel: map[steer.Mode]error{steer.Rewrite: foreign}, err: foreign},
		"a mode that is asked":    {modes: []PortMode{NAT}, want: steer.NAT, triedNot: steer.Rewrite},
		"and that cannot be had":  {modes: []PortMode{NAT}, kernel: map[steer.Mode]error{steer.NAT: lacks}, err: steer.ErrKernel, errSays: "the kernel lacks a part of nf_tables"},
		"direct, which is always": {modes: []PortMode{Direct}, want: steer.Direct, triedNot: steer.Rewrite},
	} {
		t.Run(name, func(t *testing.T) {
			way, because, err := firstOf(c.modes, 8474, func(w steer.Way) error {
				if w.Mode == c.triedNot || w.Mode == steer.Direct {
					t.Errorf("%s is tried", w.Mode)
				}
				return c.kernel[w.Mode]
			})
			if c.errSays != "" && (err == nil || !strings.HasPrefix(err.Error(), "port mode nat cannot be had: ") || !strings.HasSuffix(err.Error(), "; choose another with --port-mode, or auto")) {
				t.Errorf("error %v", err)
			}
			if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.errSays) {
				t.Fatalf("error %v", err)
			}
			if err == nil && (way.Mode != c.want || way.Port != 8474 || !strings.Contains(because, c.because) || (because == "") != (c.because == "")) {
				t.Errorf("%+v because %q", way, because)
			}
		})
	}
}
