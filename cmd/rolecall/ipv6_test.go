package main

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestIPv6IsTurnedOnAndOffWhileAnInstanceRuns changes http_protocol_ipv6 of a guest that
// is served. What it has by IPv4, a token and an open connection, it keeps throughout.
func TestIPv6IsTurnedOnAndOffWhileAnInstanceRuns(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up()
	guest := newRouter(t, h, "tap1").guest
	turn := func(ipv6 string) {
		h.write("guest.yaml", "instance_id: "+webGuest+"\niam_instance_profile: web\nattachment: {interface: tap1}\nmetadata_options: {http_protocol_ipv6: "+ipv6+"}\n")
		h.instance("put", "-f", h.path("guest.yaml"))
	}
	served := func() bool {
		var conn net.Conn
		var err error
		guest.Do(func() {
			conn, err = (&net.Dialer{Timeout: 2 * time.Second}).DialContext(t.Context(), "tcp", "[fd00:ec2::254]:80")
		})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	turn("disabled")
	ipv4 := dialFrom(t, guest, "169.254.169.254:80")
	ipv4.say("PUT", hopsPath, hopsTTL)
	token := ipv4.hear()
	for range 2 {
		if served() {
			t.Error("http_protocol_ipv6 is disabled, and fd00:ec2::254 is served")
		}
		turn("enabled")
		h.until("http_protocol_ipv6 is enabled, and fd00:ec2::254 served", served)
		open := dialFrom(t, guest, "[fd00:ec2::254]:80")
		open.say("GET", hopsID, hopsUse+token)
		open.hear()
		turn("disabled")
		if _, err := open.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("a connection by IPv6 outlives that: %v", err)
		}
		_ = ipv4.SetDeadline(time.Now().Add(20 * time.Second))
		ipv4.say("GET", hopsID, hopsUse+token)
		if got := ipv4.hear(); got != webGuest {
			t.Errorf("by IPv4: %q", got)
		}
	}
}
