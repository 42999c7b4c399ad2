package network_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// beside has a name that shares its chain with tap1; see steer.Guard.Refuse.
const beside = "tap225"

// twoThatRefuse are guests behind tap1 and beside.
func twoThatRefuse(t *testing.T) (host *nettest.Namespace, state *network.State) {
	t.Helper()
	host = nettest.New(t)
	state = open(t, host)
	for _, device := range []string{"tap1", beside} {
		guest := newGuest(t, host, device, "10.0.0.5/24")
		put(t, state, network.Interface(device, "", device, false))
		wantTold(t, guest, metadata[0], device)
	}
	refusing(t, host, 2)
	return host, state
}

func TestDevicesRefuseAgainWhatOthersTookAway(t *testing.T) {
	host, state := twoThatRefuse(t)
	before := tables(t, host)
	_, chain, _ := strings.Cut(host.Run(t, "nft", "list", "table", "netdev", "rolecall"), "chain devices_")
	chain, _, _ = strings.Cut("devices_"+chain, " ")
	for what, undo := range map[string]func(){
		"the chain": func() {
			host.Run(t, "nft", "flush chain netdev rolecall "+chain+"; delete chain netdev rolecall "+chain)
		},
		"its rule":   func() { host.Run(t, "nft", "flush chain netdev rolecall "+chain) },
		"the table":  func() { host.Run(t, "nft", "delete table netdev rolecall") },
		"one device": func() { start(t, host, "unrefuse") },
	} {
		counted := state.Mended()["tables"]
		undo()
		eventually(t, what+" is back and counted", func() bool { return tables(t, host) == before && state.Mended()["tables"] > counted })
	}
	state.Remove("tap1")
	eventually(t, "a device that is nobody's does not refuse", func() bool { return slices.Equal(refuseBy(t, host), []string{beside}) })
}

// TestADeviceThatIsRenamedIsNothingUndone: it does not refuse under its old name any more.
func TestADeviceThatIsRenamedIsNothingUndone(t *testing.T) {
	host, state := twoThatRefuse(t)
	host.Run(t, "ip", "link", "set", "tap1", "name", "renamed")
	eventually(t, "the device refuses no more", func() bool { return slices.Equal(refuseBy(t, host), []string{beside}) })
	host.Run(t, "nft", "add table inet others; delete table inet others") // has the tables looked at
	host.Run(t, "nft", "flush set netdev rolecall device_addresses6")
	eventually(t, "what is really undone is back", func() bool { return state.Mended()["tables"] > 0 && strings.Contains(tables(t, host), "fd00:ec2::254") })
	if n := state.Mended()["tables"]; n != 1 {
		t.Errorf("%d times something was undone, and it was once", n)
	}
}
