package network_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// wireguard is what wg-quick(8) makes of AllowedIPs = 0.0.0.0/0, ::/0, by a device that
// stands for the tunnel.
const wireguard = `
ip link add wg0 type veth peer name far; ip link set wg0 up; ip link set far up
ip addr add 10.66.0.2/32 dev wg0; ip addr add fd66::2/128 dev wg0 nodad
for f in -4 -6; do
	ip $f route add default dev wg0 table 51820
	ip $f rule add not fwmark 51820 table 51820
	ip $f rule add table main suppress_prefixlength 0
done
sysctl -qw net.ipv4.conf.all.src_valid_mark=1`

// tunnel is a VPN that takes everything by a rule that comes before the table main.
const tunnel = `
ip tuntap add tun0 mode tun; ip link set tun0 up
ip addr add 10.66.0.2/32 dev tun0; ip addr add fd66::2/128 dev tun0 nodad
for f in -4 -6; do
	ip $f route add default dev tun0 table 7
	ip $f rule add pref 90 fwmark 0/1 lookup 7
done`

// denied is a firewall whose policy is to drop, but for what stays on this host.
const denied = `nft -f - <<'E'
table inet filter {
	chain input { type filter hook input priority 0; policy drop; iif lo accept; ct state established,related accept; ct state invalid drop; }
	chain forward { type filter hook forward priority 0; policy drop; }
	chain output { type filter hook output priority 0; policy drop; oif lo accept; ct state established,related accept; }
}
E`

// TestTheHostReachesItselfOnAnyHost has what takes packets for 169.254.169.254 elsewhere,
// or drops them. The host asks at both addresses, alone and beside a guest who has them
// on his device too; and so does the guest.
func TestTheHostReachesItselfOnAnyHost(t *testing.T) {
	for name, prepare := range map[string]string{
		"a route for all of link-local IPv4, by zeroconf": "ip route add 169.254.0.0/16 dev uplink scope link metric 1000",
		"the same with an address in it":                  "ip addr add 169.254.7.9/16 dev uplink scope link",
		"a route to the address by another device":        "ip route add 169.254.169.254 dev uplink; ip -6 route add fd00:ec2::/32 dev uplink",
		"a VPN as wg-quick makes it":                      wireguard,
		"a VPN by a rule of its own":                      tunnel,
		"a firewall that drops":                           denied,
		"all of it":                                       "ip addr add 169.254.7.9/16 dev uplink scope link; " + wireguard + tunnel + "\n" + denied,
		"a route of others for our source":                "ip rule add pref 10 from 169.254.0.0/16 lookup 7; ip route add default dev uplink table 7",
	} {
		t.Run(name, func(t *testing.T) {
			host := nettest.New(t)
			nettest.Veth(t, nettest.End{Namespace: host, Device: "uplink", Addrs: []string{"192.0.2.2/24", "2001:db8::2/64"}}, nettest.End{Namespace: nettest.New(t), Device: "eth0"})
			host.Route(t, "0.0.0.0/0", "192.0.2.1")
			host.Route(t, "::/0", "2001:db8::1")
			host.Run(t, "sh", "-e", "-c", prepare)
			reached := func() {
				t.Helper()
				for _, addr := range metadata {
					wantTold(t, host, addr, "host")
				}
			}
			state := hostServed(t, host)
			reached()
			guest := newGuest(t, host, "tap1", "10.9.0.5/24", "fd00::5/64")
			put(t, state, network.Interface("i-1", "", "tap1", true))
			reached()
			if !strings.Contains(prepare, denied) { // which drops what guests send: doctor says so
				for _, addr := range metadata {
					wantTold(t, guest, addr, "i-1")
				}
			}
			state.Remove("host")
			put(t, state, network.Host("host", true))
			wantTold(t, host, metadata[0], "host") // IPv6 goes to who was first: see link.Precede
		})
	}
}
