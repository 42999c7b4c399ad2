package main

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkUp is what a person waits for: from the start of `up` to its word that
// the first credentials are served, and from Ctrl-C to its end. The first start
// makes keys, databases and an account; the others find them.
func BenchmarkUp(b *testing.B) {
	for name, first := range map[string]bool{"first-start": true, "later-start": false} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b)
			if !first {
				h.up().stop()
			}
			var start, end time.Duration
			rounds := 0
			for b.Loop() {
				if first {
					h = newHouse(b)
				}
				began := time.Now()
				p := h.up("--log-level", "warn")
				ready := time.Now()
				p.signal(syscall.SIGINT)
				start += ready.Sub(began)
				end += time.Since(ready)
				rounds++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(start.Milliseconds())/float64(rounds), "ms-to-ready")
			b.ReportMetric(float64(end.Milliseconds())/float64(rounds), "ms-to-end")
		})
	}
}
