package network

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
)

// work is what it takes to put an attachment, have its device refuse, and remove it again.
// What is read of others, and what is gone through to be told to the kernel, is allocated
// piece by piece; what is changed the kernel tells to who listens.
type work struct{ allocations, bytes, told int }

// least is the best of both, as chance only adds to it.
func (w work) least(v work) work {
	return work{min(w.allocations, v.allocations), min(w.bytes, v.bytes), min(w.told, v.told)}
}

// TestOneMoreIsNoMoreWorkAmongMany counts the work, as time is not only ours. Among so many
// more, whoever goes through all for one would need a piece or a pointer for each.
func TestOneMoreIsNoMoreWorkAmongMany(t *testing.T) {
	const few, many, rounds = 10, 700, 5
	for kind, c := range map[string]struct {
		bridged bool
		attach  func(n int) Attachment
	}{
		"devices": {attach: func(n int) Attachment { return Interface(fmt.Sprint("i-", n), "", fmt.Sprint("tap", n), false) }},
		"members": {bridged: true, attach: func(n int) Attachment {
			return Bridge(fmt.Sprint("i-", n), "br0", Member{
				Port: fmt.Sprint("tap", n), MAC: net.HardwareAddr{2, 0, 0, 0, byte(n >> 8), byte(n)},
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})},
			}, false)
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			s, heard := listened(t, many+1, c.bridged)
			put := func(n int) {
				t.Helper()
				if err := s.Put(t.Context(), c.attach(n), nil); err != nil {
					t.Fatal(err)
				}
			}
			again := func() (least work) {
				s.refuses(t)
				for round := range rounds {
					w := heard.during(t, func() {
						put(many)
						s.refuses(t)
						s.Remove(c.attach(many).Name)
						s.refuses(t)
					})
					if least = least.least(w); round == 0 {
						least = w
					}
				}
				return least
			}
			for n := range few {
				put(n)
			}
			amongFew := again()
			for n := few; n < many; n++ {
				put(n)
			}
			amongMany := again()
			t.Logf("among %d: %+v, among %d: %+v", few, amongFew, many, amongMany)
			for what, n := range map[string][3]int{
				"allocations":                 {amongFew.allocations, amongMany.allocations, many / 2},
				"bytes":                       {amongFew.bytes, amongMany.bytes, many * 8},
				"bytes that the kernel tells": {amongFew.told, amongMany.told, many * 4},
			} {
				if n[1] > n[0]+n[2] {
					t.Errorf("one more takes %d %s among %d, and %d among %d", n[0], what, few, n[1], many)
				}
			}
		})
	}
}

// listened has so many taps, which may be ports of br0, and hears what the kernel tells of
// changes.
func listened(t *testing.T, taps int, bridged bool) (s *State, heard ear) {
	t.Helper()
	host := nettest.New(t)
	var commands strings.Builder
	commands.WriteString("link add br0 type bridge\naddress add 10.1.255.1/16 dev br0\nlink set br0 up\n")
	for n := range taps {
		fmt.Fprintf(&commands, "tuntap add tap%d mode tap\nlink set tap%d up\n", n, n)
		if bridged {
			fmt.Fprintf(&commands, "link set tap%d master br0\n", n)
		}
	}
	ip := host.Command(t.Context(), "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(commands.String())
	if out, err := ip.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	var err error
	host.Do(func() {
		s, err = New(Config{})
		for protocol, groups := range map[int]uint32{
			unix.NETLINK_NETFILTER: 1 << (unix.NFNLGRP_NFTABLES - 1),
			unix.NETLINK_ROUTE:     unix.RTMGRP_LINK | unix.RTMGRP_NEIGH | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE,
		} {
			fd, failed := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
			err = errors.Join(err, failed, unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}),
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20))
			heard = append(heard, fd)
			t.Cleanup(func() { _ = unix.Close(fd) })
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(false) })
	return s, heard
}

// ear are sockets that changes are told to.
type ear []int

// drain returns how many bytes were told since the last time.
func (e ear) drain() (told int) {
	buffer := make([]byte, 1<<16)
	for _, fd := range e {
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			if errors.Is(err, unix.ENOBUFS) {
				continue
			}
			if err != nil {
				break
			}
			told += n
		}
	}
	return told
}

func (e ear) during(t *testing.T, f func()) work {
	t.Helper()
	var before, after runtime.MemStats
	e.drain()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return work{int(after.Mallocs - before.Mallocs), int(after.TotalAlloc - before.TotalAlloc), e.drain()}
}

// refuses waits until devices refuse that are to, and no others.
func (s *State) refuses(t *testing.T) {
	t.Helper()
	r := s.ownPlace().refusing
	settled := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return !r.lost && len(r.due) == 0 && maps.Equal(r.made, r.want)
	}
	for deadline := time.Now().Add(time.Minute); !settled(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("devices do not refuse")
		}
	}
}
