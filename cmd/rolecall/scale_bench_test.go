package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/rolestore"
)

// BenchmarkInstances is what one more instance costs among few and among many, put
// through the API of a running `up`, each with its record on the disk and credentials
// from the core; and what the process takes for all.
func BenchmarkInstances(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHouse(b)
			h.write("core.yaml", guestRoles)
			p := h.up("--log-level", "warn")
			taps(h, n+1)
			client := admin.NewClient(h.path("run/agent.sock"))
			put := func(n int) string {
				i, err := client.Put(b.Context(), admin.Document{
					InstanceID: fmt.Sprintf("i-%017x", n+1), Profile: admin.Profile{Reference: "web"},
					Attachment: rolestore.Attachment{Interface: fmt.Sprint("tap", n)},
				})
				if err != nil {
					b.Fatal(err)
				}
				return i.ID
			}
			ready := func(id string) {
				if _, err := client.Ready(b.Context(), id, patience); err != nil {
					b.Fatal(err)
				}
			}
			memory, files := p.resident(), p.descriptors()
			began := time.Now()
			var ids []string
			for i := range n {
				ids = append(ids, put(i))
			}
			registered := time.Since(began)
			for _, id := range ids {
				ready(id)
			}
			all := time.Since(began)
			memory, files = p.resident()-memory, p.descriptors()-files
			var one, first, gone []time.Duration
			for b.Loop() {
				began := time.Now()
				id := put(n)
				one = append(one, time.Since(began))
				ready(id)
				first = append(first, time.Since(began))
				began = time.Now()
				if err := client.Remove(b.Context(), id); err != nil {
					b.Fatal(err)
				}
				gone = append(gone, time.Since(began))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(registered.Seconds(), "s-to-put-all")
			b.ReportMetric(all.Seconds(), "s-to-ready-all")
			b.ReportMetric(median(one), "ms-to-put-one")
			b.ReportMetric(median(first), "ms-to-ready-one")
			b.ReportMetric(median(gone), "ms-to-remove-one")
			if n >= 1000 {
				b.ReportMetric(float64(memory)/float64(n), "kB-each")
				b.ReportMetric(float64(files)/float64(n), "descriptors-each")
			}
		})
	}
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}

// taps makes devices in the house, and brings them up.
func taps(h *house, n int) {
	h.t.Helper()
	var commands strings.Builder
	for i := range n {
		fmt.Fprintf(&commands, "tuntap add tap%d mode tap\nlink set tap%d up\n", i, i)
	}
	ip := h.ns.Command(h.t.Context(), "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(commands.String())
	if out, err := ip.CombinedOutput(); err != nil {
		h.t.Fatalf("ip: %v\n%s", err, out)
	}
}

// resident is the memory of the process, in kB (proc(5), /proc/pid/status).
func (p *process) resident() (kB int) {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscan(value, &kB)
		}
	}
	if kB == 0 || err != nil {
		p.t.Fatalf("the memory is not told: %v", err)
	}
	return kB
}

func (p *process) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}
