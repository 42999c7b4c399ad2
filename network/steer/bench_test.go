package steer_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// One more element costs the same however many there are.
func BenchmarkOneMore(b *testing.B) {
	more := steer.Member{Port: steer.Port{Index: 9, Bridge: 3}, MAC: net.HardwareAddr{2, 1, 0, 0, 0, 1}, Addr: netip.MustParseAddr("10.1.0.1")}
	g := steer.New()
	for _, n := range []int{10, 10_000} {
		ns := nettest.New(b)
		in(b, ns, func() error { return g.Replace(many(n)) })
		for name, change := range map[string]func() error{
			"Guard":   func() error { return g.Guard("one-more") },
			"Admit":   func() error { return g.Admit(more) },
			"Present": func() error { _, err := g.Present(); return err },
			"Expel":   func() error { return g.Expel(more) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				in(b, ns, func() error {
					for b.Loop() {
						if err := change(); err != nil {
							return err
						}
					}
					return nil
				})
			})
		}
	}
}
