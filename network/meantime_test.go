package network_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestNothingFailsOpenInTheMeantime has a guest ask without a pause while its agent is killed,
// ends, starts again, and is followed by one of another version that made its tables in
// another way. The cloud counts what reaches it, at any moment: nothing.
func TestNothingFailsOpenInTheMeantime(t *testing.T) {
	host := nettest.New(t)
	cloud := newCloud(t, host)
	cloud.Run(t, "nft", "add table inet seen; add counter inet seen seen; add chain inet seen input { type filter hook input priority 0; }; "+
		"add rule inet seen input ip daddr 169.254.169.254 counter name seen; add rule inet seen input ip6 daddr fd00:ec2::254 counter name seen")
	guest := newRoutedGuest(t, host)
	asksOn(t, guest)
	eventually(t, "the cloud sees requests without us", func() bool { return seen(t, cloud) > 0 })

	child, said := start(t, host, "tap1")
	if said != "ready" {
		t.Fatal(said)
	}
	before := seen(t, cloud)
	for round := range 5 {
		kill(child)
		for _, addr := range []string{"169.254.169.254/32", "fd00:ec2::254/128"} { // which would hide that the tables are not there
			host.Run(t, "ip", "address", "flush", "dev", "tap1", "to", addr)
		}
		host.Run(t, "nft", "add chain inet rolecall older; add rule inet rolecall older accept; insert rule inet rolecall postrouting jump older; "+
			"add set inet rolecall older { type ifname; }")
		state := open(t, host)
		put(t, state, network.Interface("i-1", "", "tap1", true))
		wantTold(t, guest, metadata[0], "i-1")
		closeState(t, state, round%2 == 0)
		child, said = start(t, host, "tap1")
		if said != "ready" {
			t.Fatal(said)
		}
	}
	kill(child)
	if n := seen(t, cloud) - before; n != 0 {
		t.Errorf("the cloud saw %d packets of the guest", n)
	}
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	state.Remove("i-1")
	eventually(t, "the cloud sees requests after removal", func() bool { return seen(t, cloud) > before })
}

// asksOn asks for the metadata addresses until the test ends: by TCP, and by UDP, which
// waits for no answer.
func asksOn(t *testing.T, guest *nettest.Namespace) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	t.Cleanup(func() { cancel(); asking.Wait() })
	for _, addr := range metadata {
		for _, protocol := range []string{"tcp", "udp"} {
			asking.Go(func() {
				guest.Do(func() {
					dialer := net.Dialer{Timeout: 20 * time.Millisecond}
					for pace := time.Tick(time.Millisecond); ctx.Err() == nil; <-pace {
						if conn, err := dialer.DialContext(ctx, protocol, addr); err == nil {
							_, _ = conn.Write([]byte("?"))
							_ = conn.Close()
						}
					}
				})
			})
		}
	}
}

// seen is how many packets for its metadata addresses a cloud has seen.
func seen(t *testing.T, cloud *nettest.Namespace) (packets int) {
	t.Helper()
	_, text, _ := strings.Cut(cloud.Run(t, "nft", "list", "counters"), "packets")
	if _, err := fmt.Sscan(text, &packets); err != nil {
		t.Fatal(err)
	}
	return packets
}
