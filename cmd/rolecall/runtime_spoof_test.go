package main

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// attack is what a container does that may change its own network: it takes the
// address of another on its bridge, with and without its own beside it, takes the MAC
// address too, and routes by way of the other. In the end it is as it was.
const attack = `
ask
own=$(ip -o -4 addr show dev eth0 | sed 's/.*inet \([^ ]*\).*/\1/')
mac=$(ip -o link show dev eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
ip addr add 10.88.0.2/24 dev eth0
ip route replace 169.254.169.254 via 10.88.0.1 src 10.88.0.2
knock beside 1
ip addr flush dev eth0
ip addr add 10.88.0.2/24 dev eth0
ip route replace default via 10.88.0.1
knock instead 1
ip link set eth0 address VICTIM
ip route replace default via 10.88.0.1
knock whole 1
ip link set eth0 address $mac
ip addr flush dev eth0
ip addr add $own dev eth0
ip route replace default via 10.88.0.1
ip route replace 169.254.169.254 via 10.88.0.2
knock routed 1
ip route del 169.254.169.254
knock again
`

// TestAContainerGetsNothingByTheAddressOfAnother has containers of two runtimes on one
// bridge. The one that is attacked asks all the while.
func TestAContainerGetsNothingByTheAddressOfAnother(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	dir := root(t)
	victim := h.contain(newPodman(t, h, dir), "victim", "web", "sh", "-c", "ask; while client; do sleep 0.2; done")
	i := victim.has("web")
	if i.AttachmentDetails.Address != "10.88.0.2" {
		t.Fatalf("the victim has the address %s", i.AttachmentDetails.Address)
	}
	attacker := h.contain(newContainerd(t, h, dir), "attacker", "db", "sh", "-c", strings.ReplaceAll(attack, "VICTIM", i.AttachmentDetails.MAC))
	attacker.has("db")
	attacker.waitFor("again=")
	<-attacker.done
	for key, want := range map[string]string{"beside": "", "instead": "", "whole": "", "routed": "", "again": "200"} {
		if got := vmtest.Answer(t, attacker.output.String(), key); got != want {
			t.Errorf("the attack %q is answered %q, want %q", key, got, want)
		}
	}
	asked := strings.Count(victim.output.String(), "instance-id=")
	h.until("an answer for the victim after the attack", func() bool {
		return strings.Count(victim.output.String(), "instance-id=") > asked
	})
	if got := victim.output.String(); strings.Contains(got, "=db") || strings.Contains(got, "fail") {
		t.Errorf("the victim was answered\n%s", got)
	}
	refused := h.status().RefusedPackets
	for _, counter := range []string{"forged_source", "forged_mac", "switched"} {
		if refused[counter] == 0 {
			t.Errorf("%s is not counted: %v", counter, refused)
		}
	}
}
