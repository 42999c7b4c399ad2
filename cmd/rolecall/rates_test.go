package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/network/nettest"
)

// keeping is a client of one connection at a time, which it keeps, out of the namespace.
func (h *house) keeping() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			h.ns.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) })
			return conn, err
		},
	}}
}

// tell makes a request and returns its status and its body.
func tell(t testing.TB, client *http.Client, method, path string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, metadata+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

// TestEachGuestAsksSoOftenAndNoMore sets both rates in the configuration file. One guest
// goes beyond them, and is told so by status; another is answered.
func TestEachGuestAsksSoOftenAndNoMore(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles+"request_rate: 20\ntoken_rate: 1\n")
	h.up()
	web, db := h.guest("tap1"), h.guest("tap2")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("put", "--id", dbGuest, "--profile", "db", "--interface", "tap2")
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	token := web.token()
	refused := func(n int, method, path string, header ...string) (refused uint64) {
		client := web.keeping()
		defer client.CloseIdleConnections()
		for range n {
			if status, text := tell(t, client, method, path, header...); status == 503 && text == "" {
				refused++
			} else if status != 200 {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		return refused
	}
	tokens := refused(30, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if tokens == 0 {
		t.Error("the guest gets any number of tokens")
	}
	if i := h.find(webGuest); i.TokensThrottled != tokens || i.RequestsThrottled != 0 || i.LastRefusal == nil || !strings.Contains(i.LastRefusal.Remedy, "--token-rate") {
		t.Errorf("status says %+v, of %d tokens refused", i, tokens)
	}
	requests := refused(1000, "GET", "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token)
	if requests == 0 {
		t.Error("the guest may ask any number of times")
	}
	if i := h.find(webGuest); i.RequestsThrottled != requests || i.TokensThrottled != tokens {
		t.Errorf("status says %+v, of %d requests refused", i, requests)
	}
	if got := db.roleName(); got != "db" {
		t.Errorf("the other guest has %q", got)
	}
	if i := h.find(dbGuest); i.RequestsThrottled != 0 || i.TokensThrottled != 0 {
		t.Errorf("status says of the other guest %+v", i)
	}
}

// TestAGuestOfABridgeConnectsSoOftenAndNoMore opens more connections at once than the rate
// of requests allows, and ends each at once.
func TestAGuestOfABridgeConnectsSoOftenAndNoMore(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles+"request_rate: 20\n")
	h.up()
	web, db := h.neighbours("bridge")
	h.instance("wait", webGuest)
	h.instance("wait", dbGuest)
	web.ns.Do(func() {
		for range 500 {
			if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", "169.254.169.254:80"); err == nil {
				_ = c.Close()
			}
		}
	})
	h.until("connections that are refused", func() bool { return h.find(webGuest).ConnectionsRefused > 0 })
	if got := db.roleName(); got != "db" {
		t.Errorf("the other guest has %q", got)
	}
	if i := h.find(dbGuest); i.ConnectionsRefused != 0 {
		t.Errorf("status says of the other guest %+v", i)
	}
}

// TestAMachineThatBootsIsNotThrottled has five hundred programs look for their role at the
// same moment, each by a connection and a token of its own, as SDKs do.
func TestAMachineThatBootsIsNotThrottled(t *testing.T) {
	h := newHouse(t)
	h.write("core.yaml", guestRoles)
	h.up("--log-level", "warn")
	web := h.guest("tap1")
	h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
	h.instance("wait", webGuest)
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			client := web.keeping()
			defer client.CloseIdleConnections()
			status, token := tell(t, client, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
			if status != 200 {
				t.Errorf("token: %d", status)
			}
			const list = "/latest/meta-data/iam/security-credentials/"
			for _, path := range []string{list, list + "web", "/latest/meta-data/placement/region"} {
				if status, _ := tell(t, client, "GET", path, "X-aws-ec2-metadata-token", token); status != 200 {
					t.Errorf("%s: %d", path, status)
				}
			}
		})
	}
	all.Wait()
	if i := h.find(webGuest); i.RequestsThrottled+i.TokensThrottled+i.ConnectionsRefused != 0 {
		t.Errorf("status says %+v", i)
	}
}

// neighbours are two guests, attached in a way.
func (h *house) neighbours(way string) (web, db *house) {
	if way == "interface" {
		web, db = h.guest("tap1"), h.guest("tap2")
		h.instance("put", "--id", webGuest, "--profile", "web", "--interface", "tap1")
		h.instance("put", "--id", dbGuest, "--profile", "db", "--interface", "tap2")
		return web, db
	}
	h.ns.Run(h.t, "ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
	h.ns.Run(h.t, "ip", "addr", "add", "10.1.0.1/24", "dev", "br0")
	h.ns.Run(h.t, "ip", "link", "set", "br0", "up")
	member := func(n int, id, profile string) *house {
		m := &house{t: h.t, ns: nettest.New(h.t), dir: h.dir}
		port, address, mac := fmt.Sprint("port", n), fmt.Sprint("10.1.0.", n), fmt.Sprint("02:00:00:00:00:0", n)
		nettest.Veth(h.t, nettest.End{Namespace: h.ns, Device: port}, nettest.End{Namespace: m.ns, Device: "eth0", Addrs: []string{address + "/24"}})
		m.ns.Run(h.t, "ip", "link", "set", "eth0", "address", mac)
		m.ns.Run(h.t, "ip", "route", "add", "default", "via", "10.1.0.1")
		h.ns.Run(h.t, "ip", "link", "set", port, "master", "br0")
		h.instance("put", "--id", id, "--profile", profile, "--bridge", "br0", "--port", port, "--mac", mac, "--address", address)
		return m
	}
	return member(5, webGuest, "web"), member(6, dbGuest, "db")
}
