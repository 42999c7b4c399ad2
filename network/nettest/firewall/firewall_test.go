package firewall_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/nettest/firewall"
)

func TestTheFirewallsRun(t *testing.T) {
	for name, test := range map[string]struct {
		start func(*testing.T, *nettest.Namespace)
		rules string // a chain that it makes
	}{
		"ufw":       {func(t *testing.T, ns *nettest.Namespace) { firewall.Ufw(t, ns) }, "ufw-user-input"},
		"firewalld": {func(t *testing.T, ns *nettest.Namespace) { firewall.Firewalld(t, ns) }, "filter_INPUT_ZONES"},
		"docker":    {func(t *testing.T, ns *nettest.Namespace) { firewall.Docker(t, ns) }, "dnat to 172.17.0.2:80"},
	} {
		t.Run(name, func(t *testing.T) {
			ns := nettest.New(t)
			test.start(t, ns)
			if rules := ns.Run(t, "nft", "list", "ruleset"); !strings.Contains(rules, test.rules) {
				t.Errorf("%s is not among the rules:\n%s", test.rules, rules)
			}
		})
	}
}

func TestTheMachinesSettingsStayAsTheyAre(t *testing.T) {
	before, err := os.ReadFile("/etc/ufw/user.rules")
	if err != nil {
		t.Skipf("needs ufw: %v", err)
	}
	f := firewall.Ufw(t, nettest.New(t))
	f.Run(t, "ufw", "allow", "4711/tcp")
	if status := f.Run(t, "ufw", "status"); !strings.Contains(status, "4711/tcp") {
		t.Errorf("the rule is not there: %s", status)
	}
	if after, err := os.ReadFile("/etc/ufw/user.rules"); err != nil || string(after) != string(before) {
		t.Errorf("the machine's own rules changed: %v", err)
	}
}
