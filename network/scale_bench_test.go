package network_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// rest is how long a state that has nothing to do is watched.
const rest = 5 * time.Second

// BenchmarkAttachments is what one more attachment costs among few and among many, and
// what they cost together. Devices are taps, which the kernel makes in a third of the
// time of veth pairs. A bridge has at most 1,023 ports.
func BenchmarkAttachments(b *testing.B) {
	for _, c := range []struct {
		kind   string
		n      int
		device func(n int) []string
		attach func(n int) network.Attachment
	}{
		{"taps", 10, tap, onTap}, {"taps", 10_000, tap, onTap},
		{"members", 10, port, onBridge}, {"members", 1000, port, onBridge},
	} {
		b.Run(fmt.Sprint(c.kind, "-", c.n), func(b *testing.B) {
			host := nettest.New(b)
			newBridge(b, host)
			state, _ := watched(b, host)
			put(b, state, c.attach(0)) // what is made once, is
			var devices []string
			for n := range c.n + 2 {
				devices = append(devices, c.device(n)...)
			}
			ipBatch(b, host, devices)
			memory, files := resident(b), descriptors(b)
			began := time.Now()
			for n := range c.n {
				put(b, state, c.attach(n+1))
			}
			all := time.Since(began)
			memory, files = resident(b)-memory, descriptors(b)-files
			idle := cpu(b)
			time.Sleep(rest)
			idle = cpu(b) - idle
			var add, remove []time.Duration
			more := c.attach(c.n + 1)
			for b.Loop() {
				began := time.Now()
				put(b, state, more)
				add = append(add, time.Since(began))
				began = time.Now()
				state.Remove(more.Name)
				remove = append(remove, time.Since(began))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(all.Seconds(), "s-to-attach-all")
			b.ReportMetric(median(add), "ms-to-attach-one")
			b.ReportMetric(median(remove), "ms-to-remove-one")
			if c.n >= 1000 { // of fewer it is lost among what the process has anyway
				b.ReportMetric(float64(memory)/float64(c.n), "kB-each")
				b.ReportMetric(float64(files)/float64(c.n), "descriptors-each")
			}
			b.ReportMetric(100*idle.Seconds()/rest.Seconds(), "cpu%-at-rest")
		})
	}
}

func tap(n int) []string {
	return []string{fmt.Sprintf("tuntap add tap%d mode tap", n), fmt.Sprintf("link set tap%d up", n)}
}

func onTap(n int) network.Attachment {
	name := fmt.Sprint("tap", n)
	return network.Interface(name, "", name, false)
}

func port(n int) []string {
	return append(tap(n), fmt.Sprintf("link set tap%d master br0", n))
}

func onBridge(n int) network.Attachment {
	member := network.Member{
		Port: fmt.Sprint("tap", n), MAC: net.HardwareAddr{2, 0, 0, 0, byte(n >> 8), byte(n)},
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})},
	}
	return network.Bridge(member.Port, "br0", member, false)
}

// attachTaps attaches the devices from one number to below another.
func attachTaps(b *testing.B, host *nettest.Namespace, state *network.State, from, to int) {
	b.Helper()
	for n := from; n < to; n++ {
		ipBatch(b, host, tap(n))
		put(b, state, onTap(n))
	}
}

// resident is the memory of this process, in kB (proc(5), /proc/pid/status).
func resident(b *testing.B) (kB int) {
	b.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscan(value, &kB)
		}
	}
	if kB == 0 || err != nil {
		b.Fatalf("the memory is not told: %v", err)
	}
	return kB
}

// cpu is the time that this process has taken of the processors.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
