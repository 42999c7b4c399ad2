package network_test

import (
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/nettest/firewall"
)

// TestOthersMayDoAsTheyLikeWithTheirRules has firewalls reloaded, flushed and restarted
// beside us. What is lost of ours is mended and counted; theirs is not touched.
func TestOthersMayDoAsTheyLikeWithTheirRules(t *testing.T) {
	for name, do := range map[string]struct {
		start func(testing.TB, *nettest.Namespace) *firewall.Firewall
		open  [][]string // how its owner lets guests in, as doctor says
		again [][]string
	}{
		"ufw": {firewall.Ufw, [][]string{{"ufw", "allow", "in", "on", "tap1", "to", "169.254.169.254", "port", "80", "proto", "tcp"}},
			[][]string{{"ufw", "reload"}, {"ufw", "disable"}, {"ufw", "--force", "enable"}}},
		"firewalld": {firewall.Firewalld, [][]string{{"firewall-cmd", "--permanent", "--zone=trusted", "--add-interface=tap1"}, {"firewall-cmd", "--reload"}},
			[][]string{{"firewall-cmd", "--reload"}, {"firewall-cmd", "--complete-reload"}}},
		"iptables": {func(t testing.TB, ns *nettest.Namespace) *firewall.Firewall { return firewall.Ufw(t, ns) },
			[][]string{{"iptables", "-I", "INPUT", "-i", "tap1", "-p", "tcp", "--dport", "80", "-j", "ACCEPT"}},
			[][]string{{"sh", "-c", "iptables-save | iptables-restore"}, {"iptables", "-t", "nat", "-F"}, {"iptables", "-t", "raw", "-F"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := nettest.New(t)
			state, _ := watched(t, host)
			guest := newGuest(t, host, "tap1", "10.0.0.5/24")
			put(t, state, network.Interface("i-1", "", "tap1", false))
			put(t, state, network.Host("host", false))
			f := do.start(t, host)
			for _, command := range do.open {
				f.Run(t, command[0], command[1:]...)
			}
			for _, command := range do.again {
				f.Run(t, command[0], command[1:]...)
				wantTold(t, guest, metadata[0], "i-1")
				wantTold(t, host, metadata[0], "host")
			}
			if got := state.Mended()["tables"]; got != 0 {
				t.Errorf("they took our tables away %d times", got)
			}
			host.Run(t, "nft", "flush", "ruleset")
			eventually(t, "the tables", func() bool { return state.Mended()["tables"] == 1 })
			wantTold(t, guest, metadata[0], "i-1")
			wantTold(t, host, metadata[0], "host")
		})
	}
}
