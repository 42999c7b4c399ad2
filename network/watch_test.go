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
