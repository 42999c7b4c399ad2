package steer_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// One more device costs the kernel, since Linux 6.16, a look at the names of all.
func BenchmarkRefuse(b *testing.B) {
	g := steer.New()
	for _, n := range []int{10, 10_000} {
		ns := nettest.New(b)
		var links strings.Builder
		for i := range n/2 + 1 {
			fmt.Fprintf(&links, "link add v%d type veth peer name p%d\n", i, i)
		}
		add := ns.Command(b.Context(), "ip", "-batch", "-")
		add.Stdin = strings.NewReader(links.String())
		if out, err := add.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		in(b, ns, func() error {
			devices, err := net.Interfaces()
			if err != nil {
				return err
			}
			var many []string
			for _, d := range devices[1:n] {
				many = append(many, d.Name)
			}
			return g.Refuse(many...)
		})
		more := fmt.Sprint("v", n/2)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in(b, ns, func() error {
				for b.Loop() {
					if err := errors.Join(g.Refuse(more), g.Unrefuse(more)); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

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
			"Expel":   func() error { return g.Expel(nil, more) },
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
