package network_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// everything is all that others may undo.
func everything(t *testing.T, ns *nettest.Namespace) string {
	t.Helper()
	return ns.Run(t, "sh", "-c", "(ip -o address | grep -e 169.254.169.254 -e fd00:ec2; ip -4 route show table local 169.254.169.254; "+
		"ip -6 route show | grep fd00:ec2; ip rule; ip neigh show nud permanent; "+
		"cd /proc/sys/net/ipv4/conf; grep . tap*/*_filter tap*/arp_ignore) | sort")
}

// log is what a State says.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// mending undoes one thing after another, and waits until all is as it was and that is
// counted as what it is.
func mending(t *testing.T, host *nettest.Namespace, state *network.State, damages [][2]string) {
	t.Helper()
	before := everything(t, host)
	for _, damage := range damages {
		kind, command := damage[0], damage[1]
		counted := state.Mended()[kind]
		host.Run(t, "sh", "-c", command)
		eventually(t, "what this undid: "+command, func() bool { return state.Mended()[kind] > counted })
		eventually(t, "all as it was before: "+command, func() bool { return everything(t, host) == before })
	}
}

func TestWhatOthersUndoIsMendedCountedAndToldOnce(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	said := &log{}
	state := configured(t, host, network.Config{Logger: slog.New(slog.NewTextHandler(said, nil))})
	go func() { _ = state.Watch(t.Context()) }()
	guest := newGuest(t, host, "tap1", "10.9.0.5/24", "fd00::5/64")
	member, a := newMember(t, host, 2)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	put(t, state, a)
	put(t, state, network.Host("host", true))
	if got := state.Mended(); len(got) != 0 {
		t.Errorf("before anything was undone: %v", got)
	}
	mending(t, host, state, [][2]string{
		{"addresses", "ip addr del 169.254.169.254/32 dev tap1"},
		{"addresses", "ip addr del fd00:ec2::254/128 dev tap1"},
		{"addresses", "ip addr del fd00:ec2::254/128 dev lo"},
		{"routes", "ip -6 route del default from fd00:ec2::/116 dev tap1"},
		{"routes", "ip -6 route del unreachable default from fd00:ec2::/116 dev lo"},
		{"routes", "ip route del local 169.254.169.254 dev lo table local proto 84"},
		{"neighbours", "ip neigh del 10.0.0.2 dev br0"},
		{"neighbours", "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev br0 nud permanent"},
		{"settings", "sysctl -qw net.ipv4.conf.tap1.rp_filter=1"},
		{"settings", "sysctl -qw net.ipv4.conf.tap1.arp_ignore=2"},
		{"settings", "sysctl -qw net.ipv4.conf.tap1.arp_filter=1"},
	})
	if told := said.count("others undid"); told != 1 {
		t.Errorf("it was told %d times", told)
	}
	wantTold(t, host, metadata[0], "host")
	wantTold(t, guest, metadata[0], "i-1")
	wantTold(t, guest, metadata[1], "i-1")
	wantTold(t, member, metadata[0], "i-2")
}

// quiet waits until the kernel has told all that was done, and that was looked at: until
// something is mended that was undone after it.
func quiet(t *testing.T, host *nettest.Namespace, state *network.State) {
	t.Helper()
	eventually(t, "the devices have their own addresses", func() bool {
		return !strings.Contains(host.Run(t, "ip", "-o", "-6", "address"), "tentative")
	})
	newGuest(t, host, "probe", "10.8.0.5/24")
	put(t, state, network.Interface("probe", "", "probe", false))
	for range 2 {
		counted := state.Mended()["addresses"]
		host.Run(t, "ip", "address", "del", "169.254.169.254/32", "dev", "probe")
		eventually(t, "the address of the probe", func() bool { return state.Mended()["addresses"] > counted })
	}
	state.Remove("probe")
}

// TestWhatIsOnLoForGuestsComesBack undoes one thing long after all others, so that nobody
// looks for another reason.
func TestWhatIsOnLoForGuestsComesBack(t *testing.T) {
	for name, c := range map[string]struct{ kind, undo string }{
		"the route that is for nobody else": {"routes", "ip -6 route del unreachable default from fd00:ec2::/116 dev lo"},
		"the local route of bridges":        {"routes", "ip route del local 169.254.169.254 dev lo table local proto 84"},
	} {
		t.Run(name, func(t *testing.T) {
			host := nettest.New(t)
			newBridge(t, host)
			state := open(t, host)
			newGuest(t, host, "tap1", "10.9.0.5/24", "fd00::5/64")
			_, a := newMember(t, host, 2)
			put(t, state, network.Interface("i-1", "", "tap1", true))
			put(t, state, a)
			quiet(t, host, state)
			mending(t, host, state, [][2]string{{c.kind, c.undo}})
		})
	}
}

// TestRulesThatOthersRemoveComeBack has the host keep its own way to a cloud.
func TestRulesThatOthersRemoveComeBack(t *testing.T) {
	host := nettest.New(t)
	newCloud(t, host)
	state := configured(t, host, network.Config{HostWay: true})
	go func() { _ = state.Watch(t.Context()) }()
	guest := newRoutedGuest(t, host)
	put(t, state, network.Interface("i-1", "", "tap1", true))
	mending(t, host, state, [][2]string{
		{"rules", "ip rule del pref 50"},
		{"rules", "ip rule del pref 100; ip rule add pref 0 lookup local"},
		{"rules", "ip rule add pref 0 lookup local"},
	})
	wantTold(t, host, metadata[0], "")
	wantTold(t, guest, metadata[0], "i-1")
}

// TestASettingThatChangesLater makes an attachment fail that cannot be had with it, until
// it is set back.
func TestASettingThatChangesLater(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	guest := newGuest(t, host, "tap1", "10.9.0.5/24")
	put(t, state, network.Interface("i-1", "", "tap1", false))
	member, a := newMember(t, host, 2)
	put(t, state, a)
	all := func(name, value string) { host.Sysctl(t, "net/ipv4/conf/all/"+name, value) }
	for _, change := range []struct {
		name, value string
		fails       []string
	}{
		{"arp_ignore", "2", []string{"i-1"}},
		{"arp_ignore", "8", []string{"i-1", "i-2"}},
		{"arp_filter", "1", []string{"i-1"}},
		{"rp_filter", "2", []string{"i-1"}},
	} {
		all(change.name, change.value)
		for _, name := range change.fails {
			becomes(t, state, name, network.Failed)
			wantPhase(t, state, name, network.Failed, "net.ipv4.conf.all."+change.name+"="+change.value)
		}
		all(change.name, "0")
		for _, name := range change.fails {
			becomes(t, state, name, network.Attached)
		}
		wantTold(t, guest, metadata[0], "i-1")
		wantTold(t, member, metadata[0], "i-2")
	}
	all("rp_filter", "1")
	becomes(t, state, "i-1", network.Failed)
	host.Run(t, "ip", "route", "add", "default", "via", "10.0.0.2")
	becomes(t, state, "i-1", network.Attached)
	wantTold(t, guest, metadata[0], "i-1")
}
