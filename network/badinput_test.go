package network_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// TestWhatCannotBeAttached is refused with the remedy, and the instance beside it is
// served as before.
func TestWhatCannotBeAttached(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state := open(t, host)
	neighbour := newGuest(t, host, "tap1", "10.9.0.5/24")
	put(t, state, network.Interface("neighbour", "", "tap1", false))
	nettest.Veth(t, nettest.End{Namespace: host, Device: "uplink", Addrs: []string{"192.0.2.2/24"}}, nettest.End{Namespace: nettest.New(t), Device: "eth0"})
	host.Route(t, "0.0.0.0/0", "192.0.2.1")
	newGuest(t, host, "lower")
	host.Run(t, "ip", "link", "add", "macvtap0", "link", "lower", "type", "macvtap", "mode", "passthru")
	newMember(t, host, 2)
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	member := network.Member{Port: "p2", MAC: []byte{2, 0, 0, 0, 0, 5}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}
	for name, test := range map[string]struct {
		attachment network.Attachment
		says       []string
	}{
		"the host's uplink":                     {network.Interface("i-1", "", "uplink", false), []string{"uplink", "default route"}},
		"another's device":                      {network.Interface("i-1", "", "tap1", false), []string{"tap1", "belongs to another instance, neighbour"}},
		"what bypasses the host's stack":        {network.Interface("i-1", "", "macvtap0", false), []string{"macvtap", "give the guest a tap"}},
		"a whole bridge":                        {network.Interface("i-1", "", "br0", false), []string{"{bridge: br0"}},
		"a port of a bridge":                    {network.Interface("i-1", "", "p2", false), []string{"port of br0", "{bridge: br0, port: p2"}},
		"a bridge that is none":                 {network.Bridge("i-1", "uplink", member, false), []string{"uplink is no bridge"}},
		"a port of another bridge":              {network.Bridge("i-1", "br1", member, false), []string{"port of br0 and not of br1"}},
		"a file that is no namespace":           {network.Netns("i-1", plain, false), []string{plain, "no network namespace"}},
		"a namespace of another kind":           {network.Netns("i-1", "/proc/self/ns/mnt", false), []string{"no network namespace"}},
		"another's device as a bridge":          {network.Bridge("i-1", "tap1", member, false), []string{"belongs to another instance, neighbour"}},
		"the agent's own namespace":             {network.Netns("i-1", host.Path(), false), []string{"agent's own"}},
		"a device in the agent's own namespace": {network.Interface("i-1", host.Path(), "tap1", false), []string{"agent's own"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a port of another bridge" {
				host.Run(t, "ip", "link", "add", "br1", "type", "bridge")
			}
			err := state.Put(t.Context(), test.attachment, nil)
			for _, want := range test.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
			if _, ok := state.Status("i-1"); ok {
				t.Error("it is registered all the same")
			}
			wantTold(t, neighbour, metadata[0], "neighbour")
		})
	}
}

// TestAPortThatIsTakenOnADevice names who has it, and speaks of no way to serve the
// host elsewhere, as this is a guest.
func TestAPortThatIsTakenOnADevice(t *testing.T) {
	host := nettest.New(t)
	state := open(t, host)
	newGuest(t, host, "tap1", "10.0.0.5/24")
	unbound(t, host, "0.0.0.0:8474")
	err := state.Put(t.Context(), network.Interface("i-1", "", "tap1", false), nil)
	if err == nil || !strings.Contains(err.Error(), "is in use by") || strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "--port") {
		t.Errorf("error %v", err)
	}
	if got := host.Run(t, "ip", "-o", "-4", "address", "show", "dev", "tap1"); got != "" {
		t.Errorf("tap1 shows\n%s", got)
	}
}
