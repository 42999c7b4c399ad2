package link_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/link"
	"github.com/rolecall/rolecall/network/nettest"
)

var both = addresses("lo")

// apply makes lo hold the wanted addresses and returns what was done for it.
func apply(t *testing.T, ns *nettest.Namespace, want []link.Thing) []link.Op {
	t.Helper()
	return converge(t, ns, "lo", true, want...)
}

// shown is what the ip command says of lo, the one independent witness.
func shown(t *testing.T, ns *nettest.Namespace) string {
	return ns.Run(t, "ip", "-o", "addr", "show", "dev", "lo")
}

func TestApplyDoesWhatItsOpsPrint(t *testing.T) {
	ours, reference := nettest.New(t), nettest.New(t)
	fresh := shown(t, ours)
	mirror := func(want []link.Thing) {
		t.Helper()
		for _, op := range apply(t, ours, want) {
			reference.Run(t, "sh", "-c", op.String())
		}
		if got, want := shown(t, ours), shown(t, reference); got != want {
			t.Errorf("lo shows\n%swhere the ip command makes\n%s", got, want)
		}
	}
	mirror(both)
	if got := shown(t, ours); !strings.Contains(got, "lo:rolecall") || !strings.Contains(got, "deprecated") {
		t.Errorf("lo shows no mark:\n%s", got)
	}
	mirror(nil)
	if got := shown(t, ours); got != fresh {
		t.Errorf("lo shows\n%safter removal, before it was\n%s", got, fresh)
	}
}

func TestApplyIsIdempotent(t *testing.T) {
	ns := nettest.New(t)
	ops := apply(t, ns, both)
	if again := apply(t, ns, both); len(again) != 0 {
		t.Errorf("a second plan has %v", again)
	}
	before := shown(t, ns)
	ns.Do(func() {
		if err := link.Apply(ops); err != nil {
			t.Errorf("additions twice: %v", err)
		}
		if got := shown(t, ns); got != before {
			t.Errorf("lo shows\n%swas\n%s", got, before)
		}
		for range 2 {
			if err := link.Undo(ops); err != nil {
				t.Errorf("undo: %v", err)
			}
		}
	})
}

// The kernel finishes IPv6 addresses in a worker, which waits for a lock that
// every change of a device takes. So devices come and go meanwhile.
func TestAddedAddressesCanBeUsedAtOnce(t *testing.T) {
	busy := nettest.New(t)
	churn := busy.Command(t.Context(), "sh", "-c",
		"echo; while :; do ip link add va0 type veth peer name vb0; ip link set va0 up; ip link del va0; done")
	begun, err := churn.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := churn.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = churn.Process.Kill(); _ = churn.Wait() }()
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ns := nettest.New(t)
		apply(t, ns, both)
		ns.Do(func() {
			for _, a := range both {
				use(t, netip.AddrPortFrom(a.(link.Addr).Prefix.Addr(), 80).String())
			}
		})
	}
}

// use binds the address and connects to it.
func use(t *testing.T, addr string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestForeignAddressesAreKept(t *testing.T) {
	for _, foreign := range []string{
		"ip addr add 169.254.169.254/32 dev lo",
		"ip addr add 169.254.169.254/16 dev lo label lo:other",
		"ip addr add fd00:ec2::254/128 dev lo nodad",
		"ip addr add fd00:ec2::99/128 dev lo nodad preferred_lft 0",
	} {
		t.Run(foreign, func(t *testing.T) {
			ns := nettest.New(t)
			ns.Run(t, "sh", "-c", foreign)
			before := shown(t, ns)
			apply(t, ns, both)
			apply(t, ns, nil)
			if got := shown(t, ns); got != before {
				t.Errorf("lo shows\n%swas\n%s", got, before)
			}
		})
	}
}

func TestApplyUndoesWhatItDidBeforeAnError(t *testing.T) {
	ns := nettest.New(t)
	before := shown(t, ns)
	ns.Do(func() {
		err := link.Apply([]link.Op{{Verb: link.Add, Thing: both[0]}, {Verb: link.Add, Thing: link.Metadata("none", link.MetadataIPv4)}})
		if err == nil || !strings.Contains(err.Error(), "dev none") {
			t.Errorf("error %v, want one that shows the change", err)
		}
	})
	if got := shown(t, ns); got != before {
		t.Errorf("lo shows\n%swas\n%s", got, before)
	}
}

func TestIPv6(t *testing.T) {
	ns := nettest.New(t)
	ns.Do(func() {
		if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil && !link.IPv6("lo") {
			t.Error("IPv6 is off in a fresh namespace")
		}
		if link.IPv6("none") {
			t.Error("IPv6 is on for a device that is not there")
		}
	})
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "1")
	ns.Do(func() {
		if link.IPv6("lo") {
			t.Error("IPv6 is on in spite of disable_ipv6")
		}
	})
}

func TestListNamesTheDeviceThatIsMissing(t *testing.T) {
	if _, err := link.List("none", nil); !errors.Is(err, link.ErrNotFound) || !strings.Contains(err.Error(), "device none") {
		t.Errorf("error %v", err)
	}
}

func TestDeniedTellsCapabilitiesFromOtherErrors(t *testing.T) {
	var missing *link.CapabilityError
	if err := link.Denied(link.NetAdmin, unix.EEXIST); errors.As(err, &missing) {
		t.Errorf("EEXIST became %v", err)
	}
	if err := link.Denied(link.NetAdmin, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	for _, denial := range []error{unix.EPERM, unix.EACCES} {
		err := link.Denied(link.NetBindService, denial)
		if !errors.As(err, &missing) || !errors.Is(err, denial) || !strings.Contains(err.Error(), "CAP_NET_BIND_SERVICE") {
			t.Errorf("%v became %v", denial, err)
		}
	}
}

func TestOnlyOursAreOurs(t *testing.T) {
	ns := nettest.New(t)
	apply(t, ns, both)
	var ours []string
	for _, thing := range list(t, ns, "lo", false) {
		if a := thing.(link.Addr); a.Ours {
			ours = append(ours, a.Prefix.String())
		}
	}
	if want := []string{"169.254.169.254/32", "fd00:ec2::254/128"}; !slices.Equal(ours, want) {
		t.Errorf("ours are %v, want %v", ours, want)
	}
}
