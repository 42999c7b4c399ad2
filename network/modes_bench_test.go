package network_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

const (
	benchClients = 8   // at a time
	benchBatch   = 400 // requests of one mode, before it is the next one's turn
)

// served is a host with one guest in a mode, and a client in the guest.
type served struct {
	mode   network.PortMode
	client *http.Client
	took   time.Duration
}

// BenchmarkPortModes asks for a document of a credentials document's size by each mode
// in turn, so that what else the machine does is borne by all, and reports the speed as
// a share of Direct's.
func BenchmarkPortModes(b *testing.B) {
	for name, alive := range map[string]bool{"keepalive": true, "connection": false} {
		b.Run(name, func(b *testing.B) {
			var all []*served
			for _, mode := range []network.PortMode{network.Direct, network.Rewrite, network.NAT} {
				all = append(all, newServed(b, mode, alive))
			}
			for b.Loop() {
				for _, s := range all {
					start := time.Now()
					s.batch(b)
					s.took += time.Since(start)
				}
			}
			for _, s := range all {
				b.ReportMetric(float64(s.took.Microseconds())/float64(b.N*benchBatch), "µs/"+string(s.mode))
				b.ReportMetric(float64(all[0].took)/float64(s.took), string(s.mode)+"/direct")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func newServed(b *testing.B, mode network.PortMode, alive bool) *served {
	b.Helper()
	host, guest := nettest.New(b), nettest.New(b)
	nettest.Veth(b, nettest.End{Namespace: host, Device: "tap1"}, nettest.End{Namespace: guest, Device: "eth0", Addrs: []string{"10.0.0.5/24"}})
	guest.Run(b, "ip", "route", "add", "169.254.169.254", "dev", "eth0")
	var state *network.State
	host.Do(func() {
		var err error
		if state, err = network.New(network.Config{Mode: mode}); err != nil {
			b.Fatal(err)
		}
	})
	b.Cleanup(func() { _ = state.Close(false) })
	document := strings.Repeat("x", 1068)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })}
	go func() { _ = server.Serve(state.Listener()) }()
	if err := state.Put(b.Context(), network.Interface("i-1", "", "tap1", false), nil); err != nil {
		b.Fatal(err)
	}
	return &served{mode: mode, client: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: !alive, MaxIdleConnsPerHost: benchClients,
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			guest.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, addr) })
			return conn, err
		},
	}}}
}

func (s *served) batch(b *testing.B) {
	var clients sync.WaitGroup
	for range benchClients {
		clients.Go(func() {
			for range benchBatch / benchClients {
				resp, err := s.client.Get("http://169.254.169.254/")
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	clients.Wait()
}
