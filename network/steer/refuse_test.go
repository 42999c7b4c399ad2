package steer_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/rolecall/rolecall/network/nettest"
	"github.com/rolecall/rolecall/network/steer"
)

// eitherWay tests what kernels can do that let devices share a chain, and others.
func eitherWay(t *testing.T, test func(*testing.T, func(steer.Way) *steer.Guard)) {
	t.Run("shared", func(t *testing.T) { test(t, steer.Via) })
	t.Run("alone", func(t *testing.T) { test(t, func(w steer.Way) *steer.Guard { return steer.Via(w).Alone() }) })
}

func refusing(t *testing.T, ns *nettest.Namespace) (devices []string) {
	t.Helper()
	in(t, ns, func() error {
		found, err := steer.New().Refusing()
		devices = slices.Sorted(maps.Keys(found))
		return err
	})
	return devices
}

func wantRefusing(t *testing.T, ns *nettest.Namespace, want ...string) {
	t.Helper()
	if got := refusing(t, ns); !slices.Equal(got, want) {
		t.Errorf("%v refuse, want %v", got, want)
	}
}

func taps(t testing.TB, ns *nettest.Namespace, n int) (names []string) {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		names = append(names, fmt.Sprintf("vnet-long-%05d", i)) // as long as a name may be
		fmt.Fprintf(&lines, "tuntap add %s mode tap\n", names[i])
	}
	add := ns.Command(t.Context(), "ip", "-batch", "-")
	add.Stdin = strings.NewReader(lines.String())
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return names
}

func TestRefusingDevicesComeAndGo(t *testing.T) {
	eitherWay(t, func(t *testing.T, via func(steer.Way) *steer.Guard) {
		ns, g := nettest.New(t), via(steer.Way{Mode: steer.Direct})
		two := taps(t, ns, 2)
		in(t, ns, func() error { return g.Unrefuse(two...) })
		if got := rules(t, ns); got != "" {
			t.Errorf("without a device there is\n%s", got)
		}
		for range 2 {
			in(t, ns, func() error { return g.Refuse(two[0]) })
			wantRefusing(t, ns, two[0])
		}
		one := rules(t, ns)
		in(t, ns, func() error { return g.Refuse(two...) })
		wantRefusing(t, ns, two...)
		for range 2 {
			in(t, ns, func() error { return g.Unrefuse(two[1]) })
			wantRefusing(t, ns, two[0])
		}
		if got := rules(t, ns); got != one {
			t.Errorf("of a device that refuses no more is left\n%s\nwas\n%s", got, one)
		}
		in(t, ns, func() error { return g.Refuse(two...) })
		ns.Run(t, "ip", "link", "del", two[1])
		in(t, ns, func() error { return g.Unrefuse(two[1]) })
		wantRefusing(t, ns, two[0])
		in(t, ns, func() error { return g.Unrefuse(two...) })
		wantRefusing(t, ns)
		in(t, ns, g.Remove)
		if got := rules(t, ns); got != "" {
			t.Errorf("left over:\n%s", got)
		}
	})
}

// TestWhatRefusesIsWholeOrDoesNotRefuse takes parts away, as others might.
func TestWhatRefusesIsWholeOrDoesNotRefuse(t *testing.T) {
	eitherWay(t, func(t *testing.T, via func(steer.Way) *steer.Guard) {
		ns, g := nettest.New(t), via(steer.Way{Mode: steer.Direct})
		one := taps(t, ns, 1)
		in(t, ns, func() error { return g.Refuse(one...) })
		whole := rules(t, ns)
		chain := ""
		for _, word := range strings.Fields(whole) {
			if strings.HasPrefix(word, "device") && !strings.HasPrefix(word, "device_addresses") && chain == "" && strings.Contains(word, "_") {
				chain = word
			}
		}
		for _, damage := range []string{
			"flush chain netdev rolecall " + chain,
			"flush chain netdev rolecall " + chain + "; delete chain netdev rolecall " + chain,
			"flush chain netdev rolecall refuse",
			"delete element netdev rolecall device_addresses4 { 169.254.169.254 }",
			"delete table netdev rolecall",
		} {
			ns.Run(t, "nft", damage)
			if got := refusing(t, ns); len(got) > 0 {
				t.Errorf("after %s, %v are said to refuse", damage, got)
			}
			in(t, ns, func() error { return g.Refuse(one...) })
			if got := rules(t, ns); got != whole {
				t.Errorf("after %s there is\n%s\nwas\n%s", damage, got, whole)
			}
		}
	})
}

// TestADeviceThatIsRenamedRefusesNoMore is told of by its old name.
func TestADeviceThatIsRenamedRefusesNoMore(t *testing.T) {
	eitherWay(t, func(t *testing.T, via func(steer.Way) *steer.Guard) {
		ns, g := nettest.New(t), via(steer.Way{Mode: steer.Direct})
		two := taps(t, ns, 2)
		in(t, ns, func() error { return g.Refuse(two...) })
		ns.Run(t, "ip", "link", "set", two[0], "name", "renamed")
		in(t, ns, func() error { return g.Unrefuse(two[0]) })
		if got := rules(t, ns); strings.Contains(got, "renamed") || strings.Contains(got, two[0]) {
			t.Errorf("there is\n%s", got)
		}
		wantRefusing(t, ns, two[1])
	})
}

// TestTenThousandDevicesRefuse because the kernel ends a list of chains, without an
// error, before one that is too long.
func TestTenThousandDevicesRefuse(t *testing.T) {
	ns, g := nettest.New(t), steer.New()
	many := taps(t, ns, 10_000)
	in(t, ns, func() error { return g.Refuse(many...) })
	if got := refusing(t, ns); !slices.Equal(got, many) {
		t.Errorf("%d refuse", len(got))
	}
	if n := strings.Count(rules(t, ns), "vnet-long-"); n != len(many) {
		t.Errorf("nft tells of %d", n)
	}
	in(t, ns, func() error { return g.Unrefuse(many[1:]...) })
	wantRefusing(t, ns, many[0])
	if got := strings.Count(rules(t, ns), "hook ingress"); got != 1 {
		t.Errorf("%d chains are left for one device", got)
	}
}

func TestADeviceThatIsNotThereIsNoError(t *testing.T) {
	ns, g := nettest.New(t), steer.New()
	one := taps(t, ns, 1)
	in(t, ns, func() error { return errors.Join(g.Refuse(one[0], "nobody"), g.Unrefuse("nobody")) })
	wantRefusing(t, ns, one...)
}

// TestThisKernelSaysWhetherDevicesShareChains has a guard find out, and another do without.
func TestThisKernelSaysWhetherDevicesShareChains(t *testing.T) {
	ns := nettest.New(t)
	two := taps(t, ns, 2)
	guards := map[string]*steer.Guard{"device_": steer.New().Alone()}
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		t.Fatal(err)
	}
	var version, patch int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(kernel.Release[:]), "%d.%d", &version, &patch); err != nil {
		t.Fatal(err)
	}
	if version > 6 || version == 6 && patch >= 4 { // others do if their makers took it over
		guards["devices_"] = steer.New()
	}
	for name, g := range guards {
		in(t, ns, func() error { return g.Refuse(two...) })
		if got := strings.Count(rules(t, ns), "chain "+name); got != 2 {
			t.Errorf("%d chains begin with %s:\n%s", got, name, rules(t, ns))
		}
		wantRefusing(t, ns, two...)
		in(t, ns, func() error { return errors.Join(g.Unrefuse(two...), g.Remove()) })
	}
}

// TestAListThatOthersChangeMeanwhileIsWhole has somebody else add or take away, for each
// list, a chain that comes before ours: the kernel goes on by number, and leaves one out.
func TestAListThatOthersChangeMeanwhileIsWhole(t *testing.T) {
	ns, g := nettest.New(t), steer.New()
	many := taps(t, ns, 2000)
	ns.Run(t, "nft", "add table netdev others")
	in(t, ns, func() error { return g.Refuse(many[1:]...) })
	var theirs *nftables.Conn
	in(t, ns, func() (err error) {
		theirs, err = nftables.New(nftables.AsLasting())
		return err
	})
	defer func() { _ = theirs.CloseLasting() }()
	turn, ended := make(chan bool), make(chan error)
	go func() {
		var errs []error
		for add := range turn {
			c := &nftables.Chain{
				Table: &nftables.Table{Name: "others", Family: nftables.TableFamilyNetdev}, Name: "theirs", Type: nftables.ChainTypeFilter,
				Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter, Device: many[0],
			}
			if add {
				theirs.AddChain(c)
			} else {
				theirs.DelChain(c)
			}
			errs = append(errs, theirs.Flush())
		}
		ended <- errors.Join(errs...)
	}()
	for n := range 300 {
		turn <- n%2 == 0
		if got := refusing(t, ns); !slices.Equal(got, many[1:]) {
			t.Errorf("%d refuse, of %d", len(got), len(many)-1)
		}
	}
	close(turn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
