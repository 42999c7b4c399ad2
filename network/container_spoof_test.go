package network_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/rolecall/rolecall/network"
	"github.com/rolecall/rolecall/network/nettest"
)

// containers are two on one bridge of the host, each with its own namespace. The
// victim is attached from the inside; the other is not, unless a test does so.
func containers(t *testing.T) (state *network.State, victim, other *nettest.Namespace) {
	t.Helper()
	host := nettest.New(t)
	newBridge(t, host)
	victim, _ = newMember(t, host, 2)
	other, _ = newMember(t, host, 3)
	for ns, addr := range map[*nettest.Namespace]string{victim: "fd00::2/64", other: "fd00::3/64"} {
		address(t, ns, "eth0", addr)
		ns.Sysctl(t, "net/ipv4/ip_forward", "1") // as if each had containers of its own
		ns.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	}
	state, _ = watched(t, host)
	put(t, state, network.Netns("i-1", victim.Path(), true))
	return state, victim, other
}

func strays(t *testing.T, state *network.State) uint64 {
	t.Helper()
	counted, err := state.Refused()
	if err != nil {
		t.Fatal(err)
	}
	return counted["stray"]
}

// TestAContainerAnswersNoOtherThatRoutesByWayOfIt is asked by its neighbour, whose
// kernel sends there what is for the metadata addresses.
func TestAContainerAnswersNoOtherThatRoutesByWayOfIt(t *testing.T) {
	state, victim, other := containers(t)
	other.Run(t, "ip", "route", "replace", "169.254.169.254", "via", "10.0.0.2")
	other.Run(t, "ip", "-6", "route", "replace", "fd00:ec2::254", "via", "fd00::2")
	for i, addr := range metadata {
		wantRefused(t, other, addr)
		if got := strays(t, state); got != uint64(i+1) {
			t.Errorf("%d strays are counted, want %d", got, i+1)
		}
		wantTold(t, victim, addr, "i-1")
	}
}

// TestAContainerTakesNoFrameForItsOwn is sent, while it asks itself, what says that it
// comes from the container.
func TestAContainerTakesNoFrameForItsOwn(t *testing.T) {
	state, victim, other := containers(t)
	st := newStation(t, other, macOf(t, victim))
	victims := newStation(t, victim, nil)
	sources := []string{
		"10.0.0.3", "10.0.0.2", "127.0.0.1", "169.254.169.254", "fd00::3", "fd00::2", "::1", "fd00:ec2::254",
	}
	for i := range tries {
		src := netip.MustParseAddr(sources[i%len(sources)])
		dst := netip.MustParseAddrPort(metadata[0])
		if src.Is6() {
			dst = netip.MustParseAddrPort(metadata[1])
		}
		st.send(st.own, segment{src: netip.AddrPortFrom(src, uint16(1024+i)), dst: dst, flags: syn})
		if i%10 == 0 {
			wantTold(t, victim, dst.String(), "i-1")
		}
	}
	// The kernel itself drops some: who has our address cannot be elsewhere.
	eventually(t, "the neighbour's own are counted", func() bool { return strays(t, state) >= tries/4 })
	for name, heard := range map[string]*station{"the neighbour": st, "the victim": victims} {
		if seg, ok := heard.find(func(seg segment) bool { return seg.flags&(syn|ack) == syn|ack }); ok {
			t.Errorf("%s heard an answer: %+v", name, seg)
		}
	}
}

// TestAContainerIsNotMisled has a neighbour that serves the metadata addresses itself,
// and claims every address there is.
func TestAContainerIsNotMisled(t *testing.T) {
	state, victim, other := containers(t)
	for i, addr := range []string{"169.254.169.254/32", "fd00:ec2::254/128"} {
		address(t, other, "eth0", addr)
		unbound(t, other, metadata[i])
	}
	st := newStation(t, other, macOf(t, victim))
	for range tries {
		for _, ip := range []string{"169.254.169.254", "10.0.0.1", "10.0.0.2", "fd00:ec2::254", "fd00::2"} {
			st.claim(netip.MustParseAddr(ip), st.own)
		}
	}
	for _, addr := range metadata {
		wantTold(t, victim, addr, "i-1")
		// Its own root would have it otherwise.
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		victim.Run(t, "ip", "address", "flush", "dev", "lo", "to", host)
		victim.Run(t, "ip", "route", "replace", host, "dev", "eth0")
		if told, err := ask(t, victim, addr); err == nil && told != "i-1" {
			t.Errorf("by %s the victim was told %q", addr, told)
		}
	}
	state.Remove("i-1")
	for _, addr := range metadata {
		if told, err := ask(t, victim, addr); told != "" || err != nil {
			t.Errorf("the neighbour's service does not answer at %s: %q, %v", addr, told, err)
		}
	}
}

// TestAContainerWithAnothersAddress adds it to its own interface.
func TestAContainerWithAnothersAddress(t *testing.T) {
	state, victim, other := containers(t)
	for _, addr := range []string{"10.0.0.2/24", "fd00::2/64"} {
		address(t, other, "eth0", addr)
	}
	other.Run(t, "ip", "link", "set", "eth0", "address", macOf(t, victim).String())
	put(t, state, network.Netns("i-2", other.Path(), true))
	for range 20 {
		for _, addr := range metadata {
			wantTold(t, other, addr, "i-2")
			wantTold(t, victim, addr, "i-1")
		}
	}
}

// TestAMemberThatAsksByWayOfAnother is on a bridge whose members are told apart.
func TestAMemberThatAsksByWayOfAnother(t *testing.T) {
	host := nettest.New(t)
	newBridge(t, host)
	state, _ := watched(t, host)
	one, a1 := newMember(t, host, 2)
	two, a2 := newMember(t, host, 3)
	two.Sysctl(t, "net/ipv4/ip_forward", "1")
	put(t, state, a1)
	put(t, state, a2)
	st := newStation(t, one, a2.Member.MAC)
	twos := newStation(t, two, nil)
	src := netip.AddrPortFrom(a1.Member.Addrs[0], 1024)
	st.send(st.own, segment{src: src, dst: netip.MustParseAddrPort(metadata[0]), flags: syn})
	eventually(t, "it is counted", func() bool {
		counted, err := state.Refused()
		return err == nil && counted["switched"] == 1
	})
	if seg, ok := twos.find(func(seg segment) bool { return seg.src == src }); ok {
		t.Errorf("it reached the other: %+v", seg)
	}
	for name, guest := range map[string]*nettest.Namespace{"i-2": one, "i-3": two} {
		wantTold(t, guest, metadata[0], name)
	}
}
