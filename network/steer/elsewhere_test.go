package steer_test

import (
	"net/netip"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/steer"
)

// TestOthersRequestsGoOnAsTheyCame has nobody served here: who is behind a device of this
// host, and the host, ask a cloud that they reach through it.
func TestOthersRequestsGoOnAsTheyCame(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		host, guest := routed(t)
		in(t, host, steer.Via(w).Ensure)
		reached(t, guest)
		reached(t, host)
	})
}

// TestALoThatIsNotServedIsTheUsers has guests alone be served. The host asks at their
// devices' addresses, which are its own, and hears what it has there itself.
func TestALoThatIsNotServedIsTheUsers(t *testing.T) {
	eachWay(t, func(t *testing.T, w steer.Way) {
		b := newBlock(t, w)
		if w.Mode == steer.Direct { // its listeners exclude the web server
			return
		}
		answerTCP(t, b.host, "", at(netip.IPv4Unspecified(), 80), "the web")
		answerTCP(t, b.host, "", at(netip.IPv6Unspecified(), 80), "the web")
		in(t, b.host, func() error { return b.guard.Unserve("lo") })
		for _, addr := range link.Served() {
			if said, err := hear(t, b.host, at(addr, 80), 0); said != "the web" || err != nil {
				t.Errorf("at %s the host hears %q, %v", addr, said, err)
			}
		}
	})
}
