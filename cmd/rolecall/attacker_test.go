package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/rolecall/rolecall/network/nettest"
)

const (
	attackerAddress = "10.66.0.66"
	attackerMark    = "the attacker's own server"
)

// attacker has a web server and the DNS of the whole world, as seen from one namespace.
type attacker struct {
	t       *testing.T
	ns      *nettest.Namespace
	reports chan report

	mu     sync.Mutex
	rebind netip.Addr // what rebind.test resolves to
}

// report is what the attacker's page has seen up to a step. It goes on once that is
// called.
type report struct {
	step   string
	seen   []sight
	goesOn func()
}

// sight is what the page could see of one attack.
type sight struct {
	Attack, Server, Text string
	Status               int
}

func newAttacker(t *testing.T, ns *nettest.Namespace) *attacker {
	t.Helper()
	ns.Run(t, "ip", "address", "add", attackerAddress+"/32", "dev", "lo")
	a := &attacker{t: t, ns: ns, reports: make(chan report), rebind: netip.MustParseAddr(attackerAddress)}
	var web net.Listener
	var names net.PacketConn
	var err error
	ns.Do(func() {
		if web, err = new(net.ListenConfig).Listen(t.Context(), "tcp", attackerAddress+":80"); err == nil {
			names, err = new(net.ListenConfig).ListenPacket(t.Context(), "udp", attackerAddress+":53")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a.pages(), ReadHeaderTimeout: patience}
	server.SetKeepAlivesEnabled(false) // or the page would go on asking here
	done := make(chan struct{}, 2)
	go func() { _ = server.Serve(web); done <- struct{}{} }()
	go func() { a.resolve(names); done <- struct{}{} }()
	t.Cleanup(func() {
		_, _ = server.Close(), names.Close()
		<-done
		<-done
	})
	return a
}

// pages serves the page and its script, takes reports, and answers all else with
// something that a page can tell from the metadata service.
func (a *attacker) pages() http.Handler {
	const dir = "../../testdata/clients/browser"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		switch r.URL.Path {
		case "/":
			http.ServeFile(w, r, filepath.Join(dir, "rebind.html"))
		case "/worker.js":
			http.ServeFile(w, r, filepath.Join(dir, "worker.js"))
		case "/report":
			a.take(r)
		default:
			_, _ = io.WriteString(w, attackerMark)
		}
	})
}

// take hands a report over, and keeps the page waiting until it may go on.
func (a *attacker) take(r *http.Request) {
	on := make(chan struct{})
	got := report{step: r.URL.Query().Get("step"), goesOn: sync.OnceFunc(func() { close(on) })}
	if json.NewDecoder(r.Body).Decode(&got.seen) != nil {
		return // the page tells it again
	}
	select {
	case a.reports <- got:
	case <-r.Context().Done():
		return
	}
	select {
	case <-on:
	case <-r.Context().Done():
	}
}

// rebindTo has rebind.test resolve to another address from now on. Browsers remember names
// for a minute, but not when the addresses of their machine change.
func (a *attacker) rebindTo(address string) {
	a.mu.Lock()
	a.rebind = netip.MustParseAddr(address)
	a.mu.Unlock()
	a.ns.Run(a.t, "ip", "address", "add", "10.66.0.67/32", "dev", "lo")
}

// next is the report of a step.
func (a *attacker) next(step string) report {
	a.t.Helper()
	for deadline := time.After(4 * patience); ; { // a browser's minute passes too
		select {
		case got := <-a.reports:
			if got.step == step {
				return got
			}
			got.goesOn() // told again, as its reply was lost
		case <-deadline:
			a.t.Fatalf("the page does not report %q", step)
		}
	}
}

// resolve answers every question for an IPv4 address, and others with nothing.
func (a *attacker) resolve(c net.PacketConn) {
	for packet := make([]byte, 1500); ; {
		n, from, err := c.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
				Body:   &dnsmessage.AResource{A: a.address(q.Name.String()).As4()},
			}}
		}
		if reply, err := m.Pack(); err == nil {
			_, _ = c.WriteTo(reply, from)
		}
	}
}

func (a *attacker) address(name string) netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "rebind.test." {
		return a.rebind
	}
	return netip.MustParseAddr(attackerAddress)
}
