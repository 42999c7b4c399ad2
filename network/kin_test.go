package network_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestAMACAddressStaysDeclaredForTheOther has two instances behind one port and one MAC
// address. When one ends, nobody may send with the address from another port still.
func TestAMACAddressStaysDeclaredForTheOther(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	guest, first := newMember(t, host, 2)
	second := first
	member := *first.Member
	member.Addrs = []netip.Addr{netip.MustParseAddr("10.0.0.22")}
	second.Name, second.Member = "i-22", &member
	guest.Run(t, "ip", "address", "add", "10.0.0.22/24", "dev", "eth0")
	put(t, state, first)
	put(t, state, second)
	declared := func() bool {
		return strings.Contains(host.Run(t, "nft", "list", "ruleset"), member.MAC.String())
	}
	for _, last := range []network.Attachment{first, second} {
		if !declared() {
			t.Errorf("before %s is removed, its MAC address is free to all", last.Name)
		}
		state.Remove(last.Name)
	}
	if declared() {
		t.Error("the MAC address is declared for nobody")
	}
}
