package network_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// BenchmarkEnds is from the end of a container to when nothing of ours keeps its
// namespace: one after the other, while 100 others go on, and 1,000 that end together.
func BenchmarkEnds(b *testing.B) {
	for kind, start := range map[string]func(names string, n int) container{
		"process": func(string, int) container { return withProcess(b) },
		"name":    func(names string, n int) container { return withName(b, names, n) },
	} {
		b.Run("one/"+kind, func(b *testing.B) {
			host := nettest.New(b)
			state, _ := watched(b, host)
			others := many(b, host, state, 100)
			defer endAll(b, others)
			names, devices := b.TempDir(), handle(b, host)
			files := descriptors(b)
			var took []time.Duration
			for b.Loop() {
				n := len(took)
				c := start(names, n)
				c.cable(b, devices, fmt.Sprint("short", n))
				put(b, state, network.Netns(fmt.Sprint("short-", n), c.path, false))
				ended := time.Now()
				endAll(b, []container{c})
				eventually(b, "the end of its descriptors", func() bool { return descriptors(b) <= files })
				took = append(took, time.Since(ended))
			}
			reportTimes(b, took)
		})
	}
	b.Run("1000", func(b *testing.B) {
		host := nettest.New(b)
		state, _ := watched(b, host)
		put(b, state, network.Netns("first", nettest.New(b).Path(), false))
		devices := handle(b, host)
		files := descriptors(b)
		var closed, gone time.Duration
		rounds := 0
		for b.Loop() {
			all := many(b, host, state, 1000)
			ended := time.Now()
			endAll(b, all)
			eventually(b, "the end of all descriptors", func() bool { return descriptors(b) <= files+rounds+1 }) // and those of many
			closed += time.Since(ended)
			eventually(b, "the end of all cables", func() bool { return cabled(b, devices) == 0 })
			gone += time.Since(ended)
			rounds++
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(closed.Seconds()/float64(rounds), "s-to-close")
		b.ReportMetric(gone.Seconds()/float64(rounds), "s-to-kernel-end")
	})
}

func endAll(b *testing.B, containers []container) {
	b.Helper()
	for _, c := range containers {
		if err := c.end(); err != nil {
			b.Error(err)
		}
	}
}

// reportTimes reports the median and the longest, in milliseconds.
func reportTimes(b *testing.B, took []time.Duration) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took), "ms-p50")
	b.ReportMetric(milliseconds(slices.Max(took)), "ms-max")
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return milliseconds(took[len(took)/2])
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
