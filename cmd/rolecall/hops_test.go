package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// router is a guest that routes for a client behind it, as a machine does with
// containers on a bridge of its own: the client is one hop further away.
type router struct {
	t             *testing.T
	guest, client *nettest.Namespace
}

func newRouter(t *testing.T, h *house, device string) *router {
	t.Helper()
	r := &router{t: t, guest: nettest.New(t), client: nettest.New(t)}
	nettest.Veth(t, nettest.End{Namespace: h.ns, Device: device},
		nettest.End{Namespace: r.guest, Device: "eth0", Addrs: []string{"10.0.0.5/24", "fd00::5/64"}})
	nettest.Veth(t, nettest.End{Namespace: r.guest, Device: "eth1", Addrs: []string{"10.9.0.1/24", "fd09::1/64"}},
		nettest.End{Namespace: r.client, Device: "eth0", Addrs: []string{"10.9.0.2/24", "fd09::2/64"}})
	r.guest.Run(t, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	r.guest.Run(t, "ip", "-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
	r.guest.Sysctl(t, "net/ipv4/ip_forward", "1")
	r.guest.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	r.guest.Run(t, "nft", "add table inet nat; add chain inet nat post { type nat hook postrouting priority 100; }; add rule inet nat post oifname eth0 masquerade")
	r.client.Run(t, "ip", "route", "add", "default", "via", "10.9.0.1")
	r.client.Run(t, "ip", "-6", "route", "add", "default", "via", "fd09::1")
	return r
}

// died is how many packets the router had to drop for their hop limit.
func (r *router) died(ipv6 bool) int {
	r.t.Helper()
	if ipv6 {
		for line := range strings.Lines(r.guest.Run(r.t, "cat", "/proc/self/net/snmp6")) {
			if f := strings.Fields(line); f[0] == "Ip6InHdrErrors" {
				n, _ := strconv.Atoi(f[1])
				return n
			}
		}
	}
	var names []string
	for line := range strings.Lines(r.guest.Run(r.t, "cat", "/proc/self/net/snmp")) {
		f := strings.Fields(line)
		if f[0] == "Ip:" && names == nil {
			names = f
		} else if f[0] == "Ip:" {
			for i, name := range names {
				if name == "InHdrErrors" {
					n, _ := strconv.Atoi(f[i])
					return n
				}
			}
		}
	}
	r.t.Fatal("the kernel does not count InHdrErrors")
	return 0
}

// line is one open connection to the metadata service.
type line struct {
	t *testing.T
	*net.TCPConn
	*bufio.Reader
}

func dialFrom(t *testing.T, ns *nettest.Namespace, address string) line {
	t.Helper()
	var conn net.Conn
	var err error
	ns.Do(func() {
		conn, err = (&net.Dialer{Timeout: 20 * time.Second}).DialContext(t.Context(), "tcp", address)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return line{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

func (l line) say(method, path, header string) {
	l.t.Helper()
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 169.254.169.254\r\n%s\r\n\r\n", method, path, header)
	if _, err := io.WriteString(l.TCPConn, text); err != nil {
		l.t.Fatal(err)
	}
}

func (l line) hear() string {
	l.t.Helper()
	reply, err := http.ReadResponse(l.Reader, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		l.t.Fatalf("got %s, %v", reply.Status, err)
	}
	return string(text)
}

// silent reports whether nothing at all has arrived.
func (l line) silent() bool {
	l.t.Helper()
	raw, err := l.SyscallConn()
	if err != nil {
		l.t.Fatal(err)
	}
	var got error
	if err := raw.Control(func(fd uintptr) {
		_, _, got = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_DONTWAIT|unix.MSG_PEEK)
	}); err != nil {
		l.t.Fatal(err)
	}
	return errors.Is(got, syscall.EAGAIN)
}

const (
	hopsPath = "/latest/api/token"
	hopsTTL  = "X-aws-ec2-metadata-token-ttl-seconds: 60"
	hopsID   = "/latest/meta-data/instance-id"
	hopsUse  = "X-aws-ec2-metadata-token: "
)

// TestTheReplyWithATokenGoesNoFurtherThanTheHopLimit asks from a guest and from one
// routed hop behind it, in each port mode and by both protocols.
func TestTheReplyWithATokenGoesNoFurtherThanTheHopLimit(t *testing.T) {
	for _, mode := range []string{"rewrite", "nat", "direct"} {
		t.Run(mode, func(t *testing.T) {
			h := newHouse(t)
			h.write("core.yaml", guestRoles)
			h.up("--port-mode", mode)
			r := newRouter(t, h, "tap1")
			limit := func(hops int) {
				h.write("guest.yaml", fmt.Sprintf("instance_id: %s\niam_instance_profile: web\nattachment: {interface: tap1}\n"+
					"metadata_options: {http_put_response_hop_limit: %d, http_protocol_ipv6: enabled}\n", webGuest, hops))
				h.instance("put", "-f", h.path("guest.yaml"))
			}
			limit(1)
			h.instance("wait", webGuest)
			for _, address := range []string{"169.254.169.254:80", "[fd00:ec2::254]:80"} {
				t.Run(address, func(t *testing.T) { checkHops(t, h, r, address, limit) })
			}
		})
	}
}

func checkHops(t *testing.T, h *house, r *router, address string, limit func(int)) {
	ipv6 := address[0] == '['
	limit(1)
	near := dialFrom(t, r.guest, address)
	near.say("PUT", hopsPath, hopsTTL)
	token := near.hear()

	// Who is a hop further may read with a token, but gets none, nor anything that
	// is sent behind one.
	far := dialFrom(t, r.client, address)
	far.say("GET", hopsID, hopsUse+token)
	if got := far.hear(); got != webGuest {
		t.Errorf("from a hop further, with a token: %q", got)
	}
	before := r.died(ipv6)
	far.say("PUT", hopsPath, hopsTTL)
	far.say("GET", hopsID, hopsUse+token)
	h.until("the reply and its retransmissions die at the router", func() bool { return r.died(ipv6) >= before+3 })
	if !far.silent() {
		t.Error("something came a hop further than the limit")
	}

	// A change holds from the next request on, on connections that are open too.
	open := dialFrom(t, r.client, address)
	open.say("GET", hopsID, hopsUse+token)
	open.hear()
	limit(2)
	open.say("PUT", hopsPath, hopsTTL)
	if got := open.hear(); len(got) != 56 {
		t.Errorf("at a limit of 2, a hop further: %q", got)
	}
	limit(1)
	before = r.died(ipv6)
	open.say("PUT", hopsPath, hopsTTL)
	h.until("the reply dies at the router", func() bool { return r.died(ipv6) >= before+2 })
	if !open.silent() {
		t.Error("something came a hop further than the limit that was lowered")
	}
}
