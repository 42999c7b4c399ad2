package network

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

func TestMend(t *testing.T) {
	const v4, v6 = "169.254.169.254/32", "fd00:ec2::254/128"
	show := func(ns *nettest.Namespace) string { return ns.Run(t, "ip", "-o", "address", "show", "dev", "lo") }
	for name, test := range map[string]struct {
		before func(*State) error
		back   bool
	}{
		"what is served comes back":            {func(*State) error { return nil }, true},
		"what was closed and kept stays as is": {func(s *State) error { return s.Close(true) }, false},
		"what was closed stays away":           {func(s *State) error { return s.Close(false) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			ns := nettest.New(t)
			s := New(nil)
			ns.Do(func() {
				if _, err := s.Apply(t.Context(), []Attachment{Host(true)}); err != nil {
					t.Fatal(err)
				}
				if err := test.before(s); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(show(ns), v6) {
					ns.Run(t, "ip", "address", "del", v6, "dev", "lo")
				}
				kept := strings.Contains(show(ns), v4)
				s.mend()
				text := show(ns)
				if strings.Contains(text, v6) != test.back || strings.Contains(text, v4) != kept {
					t.Errorf("lo has\n%s", text)
				}
				_ = s.Close(false)
			})
		})
	}
}

// TestMendIsNotHeldUp lets somebody remove one address as fast as it comes back. The
// other must come back all the same, with the first look.
func TestMendIsNotHeldUp(t *testing.T) {
	ns := nettest.New(t)
	s := New(nil)
	ns.Do(func() {
		if _, err := s.Apply(t.Context(), []Attachment{Host(true)}); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close(false) }()
		remover := ns.Command(t.Context(), "/bin/sh", "-c", "while :; do ip address del fd00:ec2::254/128 dev lo 2>/dev/null; done")
		if err := remover.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = remover.Process.Kill(); _ = remover.Wait() }()
		for range 20 {
			ns.Run(t, "ip", "address", "del", "169.254.169.254/32", "dev", "lo")
			s.mend()
			if text := ns.Run(t, "ip", "-o", "address", "show", "dev", "lo"); !strings.Contains(text, "169.254.169.254") {
				t.Fatalf("lo has\n%s", text)
			}
		}
	})
}
