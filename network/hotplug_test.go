package network_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// watcher is an observer that remembers.
type watcher struct {
	mu    sync.Mutex
	bound map[string]network.Bound
	lost  map[string]string
}

func (w *watcher) Attached(name string, b network.Bound) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound[name] = b
}

func (w *watcher) Lost(name, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost[name] = why
}

func (w *watcher) why(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost[name]
}

func watched(t testing.TB, ns *nettest.Namespace) (*network.State, *watcher) {
	t.Helper()
	w := &watcher{bound: map[string]network.Bound{}, lost: map[string]string{}}
	state := configured(t, ns, network.Config{Observer: w})
	go func() { _ = state.Watch(t.Context()) }()
	return state, w
}

func TestAnInstanceMayBeRegisteredBeforeItsDevice(t *testing.T) {
	host := nettest.New(t)
	state, w := watched(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	wantPhase(t, state, "i-1", network.Waiting, "device tap1 is not there yet")
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	becomes(t, state, "i-1", network.Attached)
	wantTold(t, guest, metadata[0], "i-1")
	if w.bound["i-1"].Index == 0 || w.bound["i-1"].Netns == 0 || w.bound["i-1"].Boot == "" {
		t.Errorf("it is bound to %+v", w.bound["i-1"])
	}
}

// TestADeviceThatIsMadeAnew has the same name and is another: what was bound to the
// first ends, and the guest behind the second gets nothing, unless the name is
// declared to be enough.
func TestADeviceThatIsMadeAnew(t *testing.T) {
	for _, follow := range []bool{false, true} {
		t.Run(fmt.Sprint("re-attached by name: ", follow), func(t *testing.T) {
			host := nettest.New(t)
			state, w := watched(t, host)
			newGuest(t, host, "tap1", "10.0.0.5/24")
			a := network.Interface("i-1", "", "tap1", false)
			a.Follow = follow
			put(t, state, a)
			wantPhase(t, state, "i-1", network.Attached, "")
			host.Run(t, "ip", "link", "del", "tap1")
			if follow {
				becomes(t, state, "i-1", network.Waiting)
			} else {
				becomes(t, state, "i-1", network.Lost)
				if why := w.why("i-1"); !strings.Contains(why, "tap1") || !strings.Contains(why, "reattach: name") {
					t.Errorf("the observer was told %q", why)
				}
			}
			guest := newGuest(t, host, "tap1", "10.0.0.5/24")
			if follow {
				becomes(t, state, "i-1", network.Attached)
				wantTold(t, guest, metadata[0], "i-1")
				return
			}
			wantRefusedAnyhow(t, guest, metadata[0])
			wantPhase(t, state, "i-1", network.Lost, "tap1")
			put(t, state, network.Interface("i-2", "", "tap1", false)) // the next owner of the device
			wantTold(t, guest, metadata[0], "i-2")
			state.Remove("i-2")
			put(t, state, network.Interface("i-1", "", "tap1", false)) // put again
			wantTold(t, guest, metadata[0], "i-1")
		})
	}
}

// TestADeviceThatWasMadeAnewWhileNobodyLooked is found by its index after a restart.
func TestADeviceThatWasMadeAnewWhileNobodyLooked(t *testing.T) {
	host := nettest.New(t)
	state, w := watched(t, host)
	newGuest(t, host, "tap1", "10.0.0.5/24")
	a := network.Interface("i-1", "", "tap1", false)
	put(t, state, a)
	a.Bound = w.bound["i-1"]
	closeState(t, state, true)

	state, _ = watched(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "i-1", network.Attached, "")
	closeState(t, state, true)

	host.Run(t, "ip", "link", "del", "tap1")
	guest := newGuest(t, host, "tap1", "10.0.0.5/24")
	state, w = watched(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "i-1", network.Lost, "tap1")
	if w.why("i-1") == "" {
		t.Error("the observer was not told")
	}
	wantRefusedAnyhow(t, guest, metadata[0])
}

// TestANamespaceThatGoesAway is closed with everything, and does not live on because
// of us: its cable ends.
func TestANamespaceThatGoesAway(t *testing.T) {
	host := nettest.New(t)
	state, w := watched(t, host)
	name := fmt.Sprintf("rolecall-test-%d", os.Getpid())
	host.Run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { _ = host.Command(t.Context(), "ip", "netns", "del", name).Run() })
	host.Run(t, "ip", "link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", name)
	path := "/run/netns/" + name
	host.Run(t, "nsenter", "--net="+path, "ip", "link", "set", "lo", "up")

	put(t, state, network.Netns("web", path, true))
	wantPhase(t, state, "web", network.Attached, "")
	host.Run(t, "ip", "netns", "del", name)
	becomes(t, state, "web", network.Lost)
	if why := w.why("web"); !strings.Contains(why, path) {
		t.Errorf("the observer was told %q", why)
	}
	eventually(t, "the end of the cable", func() bool {
		return !strings.Contains(host.Run(t, "ip", "-o", "link"), "cable")
	})
}

// TestANamespaceThatComesLater is waited for, by its name.
func TestANamespaceThatComesLater(t *testing.T) {
	host := nettest.New(t)
	state, _ := watched(t, host)
	name := fmt.Sprintf("rolecall-later-%d", os.Getpid())
	a := network.Netns("web", "/run/netns/"+name, false)
	a.Follow = true
	put(t, state, a)
	wantPhase(t, state, "web", network.Waiting, "is not there yet")
	for range 2 { // and comes back
		host.Run(t, "ip", "netns", "add", name)
		host.Run(t, "nsenter", "--net=/run/netns/"+name, "ip", "link", "set", "lo", "up")
		becomes(t, state, "web", network.Attached)
		host.Run(t, "ip", "netns", "del", name)
		becomes(t, state, "web", network.Waiting)
	}
}

// TestAContainerWhoseProcessEnds has a namespace without a name.
func TestAContainerWhoseProcessEnds(t *testing.T) {
	host := nettest.New(t)
	state, _ := watched(t, host)
	container := host.Command(t.Context(), "unshare", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep infinity")
	out, err := container.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = container.Process.Kill(); _ = container.Wait() }()
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	put(t, state, network.Netns("web", fmt.Sprintf("/proc/%d/ns/net", container.Process.Pid), false))
	wantPhase(t, state, "web", network.Attached, "")
	_ = container.Process.Kill()
	becomes(t, state, "web", network.Lost)
}

// TestANamespaceThatWentWhileNobodyLooked is not waited for after a restart.
func TestANamespaceThatWentWhileNobodyLooked(t *testing.T) {
	host := nettest.New(t)
	state, w := watched(t, host)
	name := fmt.Sprintf("rolecall-went-%d", os.Getpid())
	host.Run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { _ = host.Command(t.Context(), "ip", "netns", "del", name).Run() })
	host.Run(t, "nsenter", "--net=/run/netns/"+name, "ip", "link", "set", "lo", "up")
	a := network.Netns("web", "/run/netns/"+name, false)
	put(t, state, a)
	a.Bound = w.bound["web"]
	closeState(t, state, true)
	host.Run(t, "ip", "netns", "del", name)
	state, w = watched(t, host)
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "web", network.Lost, name)
	if w.why("web") == "" {
		t.Error("the observer was not told")
	}
}

// TestAPathThatIsAnothersNow after a restart, as the number of a process that has ended may
// be: the other is left alone, and the agent's own does not keep it from starting.
func TestAPathThatIsAnothersNow(t *testing.T) {
	host, other := nettest.New(t), nettest.New(t)
	state, w := watched(t, host)
	for name, path := range map[string]string{"another's": other.Path(), "the agent's": host.Path(), "nobody's": os.Args[0]} {
		a := network.Netns(name, path, true)
		a.Bound = network.Bound{Boot: "as it was", Netns: 1}
		if err := state.Mourn(a, "its process ended"); err != nil {
			t.Errorf("the path is %s: %v", name, err)
		}
		state.Remove(name)
	}
	a := network.Netns("web", other.Path(), true)
	a.Bound = network.Bound{Boot: "as it was", Netns: 1}
	if err := state.Restore(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, state, "web", network.Lost, "is gone")
	if w.why("web") == "" {
		t.Error("the observer was not told")
	}
	for _, ns := range []*nettest.Namespace{host, other} {
		if rules := ns.Run(t, "nft", "list", "ruleset"); rules != "" {
			t.Errorf("there are\n%s", rules)
		}
	}
	put(t, state, network.Netns("other", other.Path(), true))
	wantTold(t, other, metadata[0], "other")
}

// TestADeviceThatIsRenamed is another by its name, which is how it was attached: what we
// did to it is undone under the new one, and its guest stays kept from the cloud.
func TestADeviceThatIsRenamed(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	state, _ := watched(t, host)
	guest := newRoutedGuest(t, host)
	host.Sysctl(t, "net/ipv4/conf/all/rp_filter", "1")
	show := func(device string) string {
		return host.Run(t, "ip", "-brief", "-4", "address", "show", "dev", device)[len(device):] + host.Run(t, "cat", "/proc/sys/net/ipv4/conf/"+device+"/rp_filter")
	}
	before := show("tap1")
	put(t, state, network.Interface("i-1", "", "tap1", true))
	host.Run(t, "ip", "link", "set", "tap1", "down")
	host.Run(t, "ip", "link", "set", "tap1", "name", "tap9")
	host.Run(t, "ip", "link", "set", "tap9", "up")
	becomes(t, state, "i-1", network.Lost)
	if got := show("tap9"); got != before {
		t.Errorf("tap9 shows\n%stap1 showed\n%s", got, before)
	}
	wantNotTheCloud(t, guest, "behind the renamed device")
	state.Remove("i-1")
	if rules := host.Run(t, "nft", "list", "ruleset"); rules != "" {
		t.Errorf("left over:\n%s", rules)
	}
	if text := host.Run(t, "ip", "address"); strings.Contains(text, "169.254.169.254") || strings.Contains(text, "fd00:ec2::254") {
		t.Errorf("left over:\n%s", text)
	}
}
