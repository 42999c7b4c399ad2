package steer_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"syscall"
	"testing"

	"github.com/rolecall/rolecall/network/steer"
)

// TestNothingIsForwardedFromADeviceThatIsRenamed is for one that is known by its index
// alone. Where it refuses by itself under its new name, it is told all the same.
func TestNothingIsForwardedFromADeviceThatIsRenamed(t *testing.T) {
	host, guest := routed(t)
	guard := steer.New()
	in(t, host, guard.Ensure)
	index, _ := device(t, host, "tap0")
	for range 2 {
		in(t, host, func() error { return guard.GuardIndex(index, "tap0") })
	}
	refused(t, guest)
	host.Run(t, "ip", "link", "set", "tap0", "down")
	host.Run(t, "ip", "link", "set", "tap0", "name", "tap9")
	host.Run(t, "ip", "link", "set", "tap9", "up")
	host.Run(t, "ip", "address", "add", "fd00::1/64", "dev", "tap9", "nodad")
	refused(t, guest)
	in(t, host, func() error { return guard.Refuse("tap9") })
	if tcp, _ := reach(t, guest, md4); !errors.Is(tcp, syscall.ECONNREFUSED) {
		t.Errorf("a device that refuses by itself too: %v", tcp)
	}
	in(t, host, func() error { return guard.Unrefuse("tap9") })
	in(t, host, func() error {
		notes, err := steer.New().GuardedIndexes()
		if !maps.Equal(notes, map[int]string{index: "tap0"}) {
			return fmt.Errorf("the notes are %v, %w", notes, err)
		}
		return err
	})
	for range 2 {
		in(t, host, func() error { return guard.UnguardIndex(index) })
	}
	reached(t, guest)
}

// TestNobodyAnswersAGuardedGuestInOurPlace, whichever way the guest's device is known.
func TestNobodyAnswersAGuardedGuestInOurPlace(t *testing.T) {
	host, guest, cloud := upstream(t)
	seen := overhear(t, guest, "eth0")
	say := func(text string) {
		in(t, cloud.Namespace, func() error {
			conn, err := net.DialUDP("udp", &net.UDPAddr{IP: md4.AsSlice()}, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9})
			if err != nil {
				return err
			}
			_, err = conn.Write([]byte(text))
			return errors.Join(err, conn.Close())
		})
	}
	index, _ := device(t, host, "tap0")
	guard := steer.New()
	in(t, host, guard.Ensure)
	for n, change := range [][2]func() error{
		{func() error { return guard.Guard("tap0") }, func() error { return guard.Unguard("tap0") }},
		{func() error { return guard.GuardIndex(index, "") }, func() error { return guard.UnguardIndex(index) }},
	} {
		free, held := fmt.Sprint("free ", n), fmt.Sprint("held ", n)
		say(free)
		eventually(t, "the guest hears the cloud", func() bool { return seen.has(free) })
		in(t, host, change[0])
		say(held)
		eventually(t, "it is counted", func() bool {
			var c steer.Counters
			in(t, host, func() (err error) { c, err = guard.Counters(); return err })
			return c.Impersonation == uint64(n+1)
		})
		in(t, host, change[1])
		say(free + ", again")
		eventually(t, "the guest hears the cloud again", func() bool { return seen.has(free + ", again") })
		if seen.has(held) {
			t.Error("the guest heard who said to be a metadata service")
		}
	}
}
