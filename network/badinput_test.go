package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
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
		"a pipe, at which others wait":          {network.Netns("i-1", pipe, false), []string{pipe, "no network namespace"}},
		"a namespace of another kind":           {network.Netns("i-1", "/proc/self/ns/mnt", false), []string{"no network namespace"}},
		"a process that is not there":           {network.Netns("i-1", "/proc/0/ns/net", false), []string{"/proc/0/ns/net is not there", "a running one"}},
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

// TestAnAddressThatIsInUse is another instance's, or this host's own, on a bridge, where
// who is asking is told by it.
func TestAnAddressThatIsInUse(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	one, a := newMember(t, host, 2)
	put(t, state, a)
	two, b := newMember(t, host, 3)
	b.Member.Addrs = a.Member.Addrs
	err := state.Put(t.Context(), b, nil)
	if !errors.Is(err, network.ErrClaimed) || !strings.Contains(err.Error(), "address 10.0.0.2 on bridge br0") || !strings.Contains(err.Error(), "i-2: remove that one first") {
		t.Errorf("error %v", err)
	}
	for _, own := range []string{"10.0.0.1", "192.0.2.2"} {
		host.Run(t, "ip", "address", "replace", own+"/32", "dev", "lo")
		b.Member.Addrs = []netip.Addr{netip.MustParseAddr(own)}
		if err := state.Put(t.Context(), b, nil); err == nil || !strings.Contains(err.Error(), own+" is an address of this host itself") || !strings.Contains(err.Error(), "give the instance another") {
			t.Errorf("error %v", err)
		}
	}
	wantTold(t, one, metadata[0], "i-2")
	wantRefusedAnyhow(t, two, metadata[0])

	// The host takes one that it did not have.
	host.Run(t, "ip", "address", "add", "10.0.0.2/32", "dev", "br0")
	becomes(t, state, "i-2", network.Failed)
	wantPhase(t, state, "i-2", network.Failed, "10.0.0.2 is an address of this host itself")
	host.Run(t, "ip", "address", "del", "10.0.0.2/32", "dev", "br0")
	becomes(t, state, "i-2", network.Attached)
	wantTold(t, one, metadata[0], "i-2")
}

// TestTheMetadataAddressIsSomebodyElsesToo: another program has put it on a device of the
// guest, of another guest, or of nobody. All are served, and it stays when we go.
func TestTheMetadataAddressIsSomebodyElsesToo(t *testing.T) {
	for _, device := range []string{"tap1", "tap2", "other", "lo"} {
		t.Run(device, func(t *testing.T) {
			host := nettest.New(t)
			guests := []*nettest.Namespace{newGuest(t, host, "tap1", "10.9.0.5/24"), newGuest(t, host, "tap2", "10.9.0.5/24")}
			newGuest(t, host, "other")
			host.Run(t, "ip", "address", "add", "169.254.169.254/32", "dev", device)
			address := func() string {
				return host.Run(t, "ip", "-o", "-4", "address", "show", "to", "169.254.169.254")
			}
			before := address()
			state := open(t, host)
			put(t, state, network.Interface("i-1", "", "tap1", false))
			put(t, state, network.Interface("i-2", "", "tap2", false))
			put(t, state, network.Host("host", false))
			wantTold(t, guests[0], metadata[0], "i-1")
			wantTold(t, guests[1], metadata[0], "i-2")
			wantTold(t, host, metadata[0], "host")
			for _, name := range []string{"i-1", "i-2", "host"} {
				state.Remove(name)
			}
			if left := address(); left != before {
				t.Errorf("left\n%swas\n%s", left, before)
			}
		})
	}
}

// TestADeviceThatBecomesTheUplink is nobody's any more: who is out there is not answered.
func TestADeviceThatBecomesTheUplink(t *testing.T) {
	host := nettest.New(t)
	state, _ := watched(t, host)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	wantTold(t, guest, metadata[0], "i-1")
	host.Run(t, "ip", "route", "add", "default", "dev", "tap1")
	becomes(t, state, "i-1", network.Failed)
	wantPhase(t, state, "i-1", network.Failed, "default route")
	wantRefusedAnyhow(t, guest, metadata[0])
	host.Run(t, "ip", "route", "del", "default", "dev", "tap1")
	becomes(t, state, "i-1", network.Attached)
	wantTold(t, guest, metadata[0], "i-1")
}

// TestACapabilityThatAGuestNeeds is named, and nothing is left; there is no other way to
// serve a guest.
func TestACapabilityThatAGuestNeeds(t *testing.T) {
	for capability, role := range map[string]string{"net_admin": "tap1", "sys_admin": "netns"} {
		t.Run(capability, func(t *testing.T) {
			host, container := nettest.New(t), nettest.New(t)
			newGuest(t, host, "tap1", "10.0.0.5/24")
			before := everything(t, host)
			if role == "netns" {
				role = fmt.Sprintf("netns /proc/%d/ns/net", holder(t, container))
			}
			_, said := start(t, host, role, "setpriv", "--bounding-set=-"+capability)
			if name := "CAP_" + strings.ToUpper(capability); !strings.Contains(said, name+" is missing") || !strings.Contains(said, "grant "+name) || strings.Contains(said, "--listen") {
				t.Errorf("it said %q", said)
			}
			if left := everything(t, host) + host.Run(t, "nft", "list", "ruleset"); left != before {
				t.Errorf("left\n%s\nwas\n%s", left, before)
			}
		})
	}
}

// TestATableOfOurNameInAContainer, which somebody else made there, is named with the
// remedy and left alone. All others go on, and when it is gone so does this one.
func TestATableOfOurNameInAContainer(t *testing.T) {
	host, container, free := nettest.New(t), nettest.New(t), nettest.New(t)
	state, _ := watched(t, host)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	container.Run(t, "nft", "add table inet rolecall; add chain inet rolecall theirs")
	before := container.Run(t, "nft", "list", "ruleset") + shown(t, container)
	web := network.Netns("web", container.Path(), true)
	err := state.Put(t.Context(), web, nil)
	for _, want := range []string{"nftables table inet rolecall is not as we make it", "theirs", "nft delete table"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if err := state.Restore(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "web", network.Failed, "is not as we make it")
	if after := container.Run(t, "nft", "list", "ruleset") + shown(t, container); after != before {
		t.Errorf("the container had\n%shas\n%s", before, after)
	}
	put(t, state, network.Netns("free", free.Path(), false))
	wantTold(t, free, metadata[0], "free")
	wantTold(t, guest, metadata[0], "i-1")
	container.Run(t, "nft", "delete", "table", "inet", "rolecall")
	becomes(t, state, "web", network.Attached)
	wantTold(t, container, metadata[0], "web")
}

// TestADeviceThatVanishesWhileItIsAttached is waited for, or named by the error, at whatever
// step it goes. The next one of its name is served, and its neighbour always.
func TestADeviceThatVanishesWhileItIsAttached(t *testing.T) {
	host := nettest.New(t)
	state, _ := watched(t, host)
	neighbour := newGuest(t, host, "tap1", "10.0.0.5/24")
	put(t, state, network.Interface("neighbour", "", "tap1", false))
	for range 40 {
		newGuest(t, host, "tap9", "10.0.0.5/24")
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			host.Run(t, "ip", "link", "del", "tap9")
		}()
		var errs []error
		for going := true; going; {
			select {
			case <-gone:
				going = false
			default:
			}
			if err := state.Put(t.Context(), network.Interface("i-9", "", "tap9", true), nil); err != nil {
				errs = append(errs, err)
			}
			state.Remove("i-9")
		}
		for _, err := range errs {
			if !strings.Contains(err.Error(), "tap9") {
				t.Errorf("error %v does not name the device", err)
			}
		}
		wantTold(t, neighbour, metadata[0], "neighbour")
	}
	put(t, state, network.Interface("i-9", "", "tap9", true))
	wantPhase(t, state, "i-9", network.Waiting, "device tap9 is not there yet")
	guest := newGuest(t, host, "tap9", "10.0.0.5/24")
	becomes(t, state, "i-9", network.Attached)
	wantTold(t, guest, metadata[0], "i-9")
	state.Remove("i-9")
	state.Remove("neighbour")
	if rules := host.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("left over:\n%s", rules)
	}
}

// TestANoteThatIsNotOurs was put among ours by somebody else, or by another version. Who
// does as the message says is served.
func TestANoteThatIsNotOurs(t *testing.T) {
	host := nettest.New(t)
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	state := open(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	closeState(t, state, true)
	host.Run(t, "nft", `add element inet rolecall placed { "tap7" comment "whatever" }`)
	state = open(t, host)
	err := state.Put(t.Context(), network.Interface("i-1", "", "tap1", true), nil)
	if err == nil || !strings.Contains(err.Error(), "device tap7") {
		t.Fatalf("error %v", err)
	}
	_, remedy, _ := strings.Cut(err.Error(), "`")
	remedy, _, _ = strings.Cut(remedy, "`")
	host.Run(t, "sh", "-c", remedy)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	wantTold(t, guest, metadata[0], "i-1")
}
