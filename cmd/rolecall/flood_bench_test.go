package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	floodRounds = 5   // quiet and flooded in turns, so that what else the machine does is borne by both
	floodAsked  = 300 // requests of each kind and round
	// victimPace is how far apart the requests of the guest are that does not flood.
	victimPace = 2 * time.Millisecond
	// unlimited is how much the same flood does without the limits.
	unlimited = "unlimited"
)

// BenchmarkFlood has one guest flood while another asks at a steady pace for its
// credentials, by a connection that it keeps and by new ones in turns, and reports the
// other's p99 as a multiple of what it is when nobody floods: the median of the rounds.
//
// The generator takes the processor too, as a guest's own programs do, and how the kernel
// shares it out is not the agent's doing. So the agent and who measures have real-time
// priority (sched(7)): they wait for each other and for the network, and for nobody else.
// The generator comes before all the rest, so that it floods on a busy machine too.
func BenchmarkFlood(b *testing.B) {
	for _, way := range []string{"interface", "bridge", unlimited} {
		h := newHouse(b)
		h.write("core.yaml", guestRoles)
		p := h.up("--log-level", "error")
		kinds := []string{floodRequests, floodTokens, floodConnections, floodNothing}
		if way == unlimited {
			p.stop()
			p = h.up("--log-level", "error", "--request-rate", "0", "--token-rate", "0")
			kinds = kinds[:2]
		}
		offender, victim := h.neighbours(way)
		h.instance("wait", webGuest)
		h.instance("wait", dbGuest)
		inRealTime(b, p.cmd.Process.Pid)
		status, token, err := victim.request("PUT", metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600")
		if err != nil || status != 200 {
			b.Fatalf("token: %d, %v", status, err)
		}
		request := []byte("GET /latest/meta-data/iam/security-credentials/db HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token: " + token + "\r\n\r\n")
		for _, kind := range kinds {
			b.Run(way+"/"+kind, func(b *testing.B) {
				var ratios, quiets [2][]float64
				var cpu, wall time.Duration
				for b.Loop() {
					for range floodRounds {
						quiet := victim.p99(b, request)
						stop := offender.flood(b, kind)
						used, began := p.cpu(), time.Now()
						flooded := victim.p99(b, request)
						cpu, wall = cpu+p.cpu()-used, wall+time.Since(began)
						stop()
						for way := range ratios {
							ratios[way] = append(ratios[way], float64(flooded[way])/float64(quiet[way]))
							quiets[way] = append(quiets[way], float64(quiet[way].Microseconds()))
						}
					}
				}
				b.ReportMetric(0, "ns/op")
				for way, name := range []string{"kept", "new"} {
					b.Logf("%s: %.2f", name, ratios[way])
					slices.Sort(ratios[way])
					slices.Sort(quiets[way])
					b.ReportMetric(ratios[way][len(ratios[way])/2], "x-p99-"+name)
					b.ReportMetric(quiets[way][len(quiets[way])/2], "µs-quiet-p99-"+name)
				}
				b.ReportMetric(cpu.Seconds()/wall.Seconds(), "cores")
			})
		}
		p.stop()
	}
}

// inRealTime gives all threads of a process, and those that they will start, a priority
// above all others'.
func inRealTime(b *testing.B, pid int) {
	b.Helper()
	if out, err := exec.CommandContext(b.Context(), "chrt", "--all-tasks", "--rr", "--pid", "1", strconv.Itoa(pid)).CombinedOutput(); err != nil {
		b.Skipf("needs real-time priority, or the generator's share of the processor is taken for the agent's: chrt: %v\n%s", err, out)
	}
}

// p99 makes requests at a steady pace, by a connection that is kept and by new ones, and
// returns of each how long all but one in a hundred took at most.
func (h *house) p99(b *testing.B, request []byte) (took [2]time.Duration) {
	b.Helper()
	var all [2][]time.Duration
	h.ns.Do(func() { // on one thread
		schedule(b, unix.SCHED_RR, 1)
		defer schedule(b, unix.SCHED_NORMAL, 0)
		kept := connect(b)
		defer func() { _ = unix.Close(kept) }()
		pause := unix.NsecToTimespec(victimPace.Nanoseconds())
		for range floodAsked {
			_ = unix.Nanosleep(&pause, nil) // a signal may end it early
			began := time.Now()
			roundTrip(b, kept, request)
			all[0] = append(all[0], time.Since(began))
			_ = unix.Nanosleep(&pause, nil)
			began = time.Now()
			c := connect(b)
			roundTrip(b, c, request)
			all[1] = append(all[1], time.Since(began))
			_ = unix.Close(c)
		}
	})
	for way := range all {
		slices.Sort(all[way])
		took[way] = all[way][floodAsked*99/100]
	}
	return took
}

// schedule sets the calling thread's policy and priority.
func schedule(b *testing.B, policy, priority uint32) {
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Priority: priority}, 0); err != nil {
		b.Fatal(err)
	}
}

// connect and roundTrip are a client that blocks, with no scheduler between it and the
// kernel.
func connect(b *testing.B) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience.Seconds())}),
			unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{169, 254, 169, 254}}))
	}
	if err != nil {
		b.Fatal(err)
	}
	return fd
}

func roundTrip(b *testing.B, fd int, request []byte) {
	if _, err := unix.Write(fd, request); err != nil {
		b.Fatal(err)
	}
	var reply [8192]byte
	if n, err := unix.Read(fd, reply[:]); err != nil || !bytes.HasPrefix(reply[:max(n, 0)], []byte("HTTP/1.1 200")) {
		b.Fatalf("%v %s", err, reply[:max(n, 0)])
	}
}

// flood starts [flood] in the guest, and returns what ends it, when all its connections
// have been tried once.
func (h *house) flood(b *testing.B, kind string) (stop func()) {
	b.Helper()
	cmd := h.ns.Command(b.Context(), "nice", "--adjustment=-20", os.Args[0], kind)
	cmd.Env = append(os.Environ(), roleVariable+"="+roleFlood)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatalf("the flood says %q, %v", line, err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// cpu is what the process has had of the processor (proc(5), /proc/pid/stat: utime and
// stime, in ticks of 10 ms).
func (p *process) cpu() time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third on
	user, err := strconv.Atoi(fields[14-3])
	system, failed := strconv.Atoi(fields[15-3])
	if err := errors.Join(err, failed); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
