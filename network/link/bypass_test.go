package link_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

// cloud returns a namespace with a metadata service of its own, by which the host's
// default route leads.
func cloud(t *testing.T, host *nettest.Namespace) {
	t.Helper()
	ns := nettest.New(t)
	nettest.Veth(t,
		nettest.End{Namespace: host, Device: "up0", Addrs: []string{"192.0.2.1/24"}},
		nettest.End{Namespace: ns, Device: "eth0", Addrs: []string{"192.0.2.2/24", "169.254.169.254/32"}})
	run(t, host, "ip route add default via 192.0.2.2")
	serve(t, ns, "eth0", "the cloud", link.MetadataIPv4)
}

func rules(t *testing.T, ns *nettest.Namespace) string { return run(t, ns, "ip rule; ip -6 rule") }

func bypass(t *testing.T, ns *nettest.Namespace, on bool) {
	t.Helper()
	try(t, ns, func() error {
		_, err := link.Bypass(on)
		return err
	})
	try(t, ns, func() error {
		is, err := link.Bypassed()
		if is != on {
			t.Errorf("Bypassed says %v after %v", is, on)
		}
		return err
	})
}

func TestTheHostKeepsItsCloudAndGuestsHaveUs(t *testing.T) {
	for _, filter := range []string{"0", "2"} {
		t.Run("rp_filter="+filter, func(t *testing.T) {
			host := nettest.New(t)
			cloud(t, host)
			host.Sysctl(t, "net/ipv4/conf/all/rp_filter", filter)
			host.Sysctl(t, "net/ipv4/conf/up0/rp_filter", filter)
			wantSaid(t, host, link.MetadataIPv4, "the cloud")
			bypass(t, host, true)
			g := guest(t, host, "tap0", "10.0.0.5/24")
			run(t, g, "ip route add 169.254.169.254 dev eth0")
			converge(t, host, "tap0", false, served("tap0")...)
			serve(t, host, "tap0", "us", link.MetadataIPv4)
			for range 2 {
				wantSaid(t, host, link.MetadataIPv4, "the cloud")
				wantSaid(t, g, link.MetadataIPv4, "us")
			}
			bypass(t, host, false)
			if said, _ := ask(t, host, link.MetadataIPv4); said == "the cloud" {
				t.Error("the host reaches its cloud without it too, so nothing is tested")
			}
			wantSaid(t, g, link.MetadataIPv4, "us")
			bypass(t, host, true)
			converge(t, host, "tap0", true)
			bypass(t, host, false)
			wantSaid(t, host, link.MetadataIPv4, "the cloud")
		})
	}
}

func TestBypassIsUndoneExactly(t *testing.T) {
	ns := nettest.New(t)
	run(t, ns, "ip rule add pref 200 to 192.0.2.1 lookup 7")
	before := rules(t, ns)
	for range 2 {
		bypass(t, ns, true)
	}
	for range 2 {
		bypass(t, ns, false)
	}
	if after := rules(t, ns); after != before {
		t.Errorf("left\n%swas\n%s", after, before)
	}
	if protocol := run(t, ns, "ip -d rule show pref 0"); !strings.Contains(protocol, "kernel") {
		t.Errorf("the rule that came back is not as the kernel's: %s", protocol)
	}
}

// Each state is one that a killed process may leave.
func TestBypassFinishesWhatAKilledProcessBegan(t *testing.T) {
	const way = "ip rule add pref 50 iif lo to 169.254.169.254 lookup main protocol 84; "
	const late = "ip rule add pref 100 lookup local protocol 84; "
	for _, killed := range []string{"", way, way + late, way + late + "ip rule del pref 0"} {
		t.Run(killed, func(t *testing.T) {
			fresh, reference := nettest.New(t), nettest.New(t)
			bypass(t, reference, true)
			run(t, fresh, ":;"+killed)
			bypass(t, fresh, true)
			if got, want := rules(t, fresh), rules(t, reference); got != want {
				t.Errorf("on is\n%swant\n%s", got, want)
			}
			begun := nettest.New(t)
			want := rules(t, begun)
			run(t, begun, ":;"+killed)
			bypass(t, begun, false)
			if got := rules(t, begun); got != want {
				t.Errorf("off is\n%swant\n%s", got, want)
			}
		})
	}
}

func TestBypassBringsBackWhatOthersRemove(t *testing.T) {
	ns := nettest.New(t)
	bypass(t, ns, true)
	want := rules(t, ns)
	for _, damage := range []string{"ip rule del pref 50", "ip rule del pref 100", "ip rule add pref 0 lookup local"} {
		run(t, ns, damage)
		bypass(t, ns, true)
		if got := rules(t, ns); got != want {
			t.Errorf("after %s it is\n%swant\n%s", damage, got, want)
		}
	}
}

func TestBypassRefusesWhereOthersHaveRules(t *testing.T) {
	for rule, names := range map[string]string{
		"ip rule add pref 10 to 192.0.2.1 lookup 7":                        "priority 10 ",
		"ip rule add pref 90 iif lo lookup 7":                              "priority 90 ",
		"ip rule add pref 0 to 192.0.2.1 lookup local":                     "priority 0 ",
		"ip rule add pref 100 lookup local":                                "priority 100 ",
		"ip rule add pref 1000 lookup local; ip rule del pref 0":           "priority 1000 ",
		"ip rule add pref 0 fwmark 7 lookup local; ip rule del pref 32767": "priority 0 ",
	} {
		t.Run(rule, func(t *testing.T) {
			ns := nettest.New(t)
			run(t, ns, rule)
			before := rules(t, ns)
			ns.Do(func() {
				_, err := link.Bypass(true)
				if foreign, ok := errors.AsType[*link.ForeignRuleError](err); !ok || !strings.Contains(err.Error(), names) {
					t.Errorf("%v: error %v, want one that names %s", foreign, err, names)
				}
				if _, err := link.Bypass(false); err != nil {
					t.Error(err)
				}
			})
			if after := rules(t, ns); after != before {
				t.Errorf("left\n%swas\n%s", after, before)
			}
		})
	}
}
